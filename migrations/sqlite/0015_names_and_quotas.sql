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

-- Delete markers and unfinished uploads under a quota, in one sum. A release before this one does not add to it: once it is
-- gone, setting the quota again counts them.
ALTER TABLE quota ADD COLUMN extras INTEGER NOT NULL DEFAULT 0;
-- The number of the count that is under way: of two that set a quota at once, the later one completes the sums.
ALTER TABLE quota ADD COLUMN counting INTEGER;
UPDATE quota SET extras =
    (SELECT COUNT(*) FROM version v WHERE v.bucket_id = quota.id AND v.is_marker)
    + (SELECT COUNT(*) FROM upload u WHERE u.bucket_id = quota.id)
    WHERE scope = 'bucket';
UPDATE quota SET extras =
    (SELECT COUNT(*) FROM version v JOIN bucket b ON b.id = v.bucket_id WHERE b.account_id = quota.id AND v.is_marker)
    + (SELECT COUNT(*) FROM upload u JOIN bucket b ON b.id = u.bucket_id WHERE b.account_id = quota.id)
    WHERE scope = 'user';

-- The account of the bucket that a message is about, which decides where it may be sent, also when the bucket is gone. NULL in
-- messages that an earlier release wrote: then the bucket's row says it.
ALTER TABLE event ADD COLUMN account_id INTEGER;
