-- Buckets that owe, jumps of the clock, and witnesses. Same name, number, tables and columns as migrations/postgres/0027_arrears.sql.

-- What was announced about a bucket whose payer owes. `arrears_stage`: 0 nothing, 1 grace, 2 read-only, 3 ended. Times in microseconds since
-- 1970: when grace began, when it ends, and when the operator decides. `is_given_up`: the operator decided that its content may go.
ALTER TABLE bucket_funds ADD COLUMN arrears_stage INTEGER NOT NULL DEFAULT 0 CHECK (arrears_stage BETWEEN 0 AND 3);
ALTER TABLE bucket_funds ADD COLUMN arrears_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bucket_funds ADD COLUMN read_only_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bucket_funds ADD COLUMN ends_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bucket_funds ADD COLUMN is_given_up INTEGER NOT NULL DEFAULT 0 CHECK (is_given_up IN (0, 1));

-- Until when an operator said that the clock is right: epochs that end by then are begun although nobody saw them. One row or none.
CREATE TABLE epoch_confirmation (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    confirmed_until INTEGER NOT NULL
) STRICT;

-- How far each witness of the published log is. `size`: what it cosigned last. `failures`: how often in a row it did not answer as it should;
-- it is asked again at `again_at`. `problem`: why, for the operator.
CREATE TABLE ledger_witness (
    name     TEXT NOT NULL PRIMARY KEY,
    size     INTEGER NOT NULL CHECK (size >= 0),
    failures INTEGER NOT NULL CHECK (failures >= 0),
    again_at INTEGER NOT NULL,
    problem  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What witnesses refused to cosign, as they signed it. Without the key a witness that refuses again and again would fill the table.
CREATE TABLE ledger_refusal (
    size    INTEGER NOT NULL CHECK (size > 0),
    witness TEXT NOT NULL,
    note    TEXT NOT NULL,
    came_at INTEGER NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT, WITHOUT ROWID;
