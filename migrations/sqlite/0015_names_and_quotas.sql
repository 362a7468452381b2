-- Names of deleted buckets, what a quota bounds besides objects, and the accounts of messages. Same name, number, tables and
-- columns as migrations/postgres/0015_names_and_quotas.sql.

-- The names of deleted buckets are held for the account that had them until `held_until`: whoever took one at once would get
-- what clients that do not know of the deletion go on sending there. A release before this one neither makes nor obeys these rows.
CREATE TABLE bucket_name_hold (
    name        TEXT    PRIMARY KEY,
    account_id  INTEGER NOT NULL,
    held_until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Those that are over, without reading the others.
CREATE INDEX bucket_name_hold_end ON bucket_name_hold (held_until);

-- Delete markers and unfinished uploads under a quota, in one sum. A release before this one does not add to it. What is
-- there already is counted afterwards, in the background, page by page.
ALTER TABLE quota ADD COLUMN extras INTEGER NOT NULL DEFAULT 0;
-- The number of the count that is under way: of two that set a quota at once, the later one completes the sums.
ALTER TABLE quota ADD COLUMN counting INTEGER;
-- 0: what was there before was not counted yet.
UPDATE quota SET counting = 0;

-- The account of the bucket that a message is about, which decides where it may be sent, also when the bucket is gone. NULL in
-- messages that an earlier release wrote: then the bucket's row says it.
ALTER TABLE event ADD COLUMN account_id INTEGER;
