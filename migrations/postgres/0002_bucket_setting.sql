-- What is configured on a bucket: one row for each kind, absent until it is configured. Same name, number, tables and
-- columns as migrations/sqlite/0002_bucket_setting.sql.
--
-- `document` is JSON; the room that defines the kind defines its shape (`domain::Setting`). What the transaction of a write
-- must know of its bucket is not here but in columns of `bucket`, whose row that transaction locks.
CREATE TABLE bucket_setting (
    bucket_id  BIGINT NOT NULL REFERENCES bucket (id),
    kind       TEXT COLLATE "C" NOT NULL,
    document   TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (bucket_id, kind)
);
-- Background work that concerns only buckets with a certain setting.
CREATE INDEX bucket_setting_kind ON bucket_setting (kind, bucket_id);
