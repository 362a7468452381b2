-- Backends that are away, and when they count as lost. Same name, number, tables and columns as migrations/postgres/0019_away.sql.

-- Since when every look at it has failed, and until when that holds without another look: nobody looks while no gateway runs. NULL
-- while it answers. Microseconds since 1970.
ALTER TABLE backend ADD COLUMN away_since INTEGER;
ALTER TABLE backend ADD COLUMN away_until INTEGER;
-- When it was away for so long that what it holds is rebuilt on the others. NULL again as soon as it answers.
ALTER TABLE backend ADD COLUMN lost_at INTEGER;
-- After how many seconds that is; 0 for never, NULL for the default. A release before this one knows none of this.
ALTER TABLE cluster ADD COLUMN lost_after_seconds INTEGER;
-- The order of repairs has finer steps now; those that cannot be repaired are still last.
UPDATE job SET urgency = 20000 WHERE kind = 'repair' AND urgency >= 256;
