-- The journal of the metadata, from which the database can be rebuilt. Same name, number, tables and columns as
-- migrations/postgres/0028_journal.sql. Here triggers of the
-- connection that writes record what a transaction changes (metadata/engine/row_triggers.rs).

-- What transactions changed and no segment of the journal holds yet, written in those transactions. `relation`: the table; `removed`:
-- JSON, the primary keys of rows that went; `written`: JSON, rows as they are now. Bytes are text in JSON, `\x` and hexadecimal digits.
-- AUTOINCREMENT: a number is never given twice, and of two changes of one row the later has the higher.
CREATE TABLE journal_outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    relation    TEXT    NOT NULL,
    removed     TEXT    NOT NULL,
    written     TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

-- Segments and snapshots on the backends: `id` owns their extents. `number`: of a segment; of a snapshot that of the segment before it.
-- `bytes`: what they take before they are coded.
CREATE TABLE journal_record (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    kind       TEXT    NOT NULL CHECK (kind IN ('segment', 'snapshot')),
    number     INTEGER NOT NULL CHECK (number >= 0),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    written_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX journal_record_order ON journal_record (kind, number);

-- Where the journal ends: one row, which whoever appends a segment holds alone, so that each names the one before by its hash.
CREATE TABLE journal_end (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL CHECK (number >= 0),
    hash   BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO journal_end (id, number, hash) VALUES (1, 0, zeroblob(32));
