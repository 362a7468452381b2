-- Buckets that owe, jumps of the clock, and witnesses. Same name, number, tables and columns as migrations/sqlite/0027_arrears.sql.

-- What was announced about a bucket whose payer owes. `arrears_stage`: 0 nothing, 1 grace, 2 read-only, 3 ended. Times in microseconds since
-- 1970: when grace began, when it ends, and when the operator decides. `is_given_up`: the operator decided that its content may go.
ALTER TABLE bucket_funds ADD COLUMN arrears_stage BIGINT NOT NULL DEFAULT 0 CHECK (arrears_stage BETWEEN 0 AND 3);
ALTER TABLE bucket_funds ADD COLUMN arrears_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE bucket_funds ADD COLUMN read_only_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE bucket_funds ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE bucket_funds ADD COLUMN is_given_up BOOLEAN NOT NULL DEFAULT FALSE;

-- Until when an operator said that the clock is right: epochs that end by then are begun although nobody saw them. One row or none.
CREATE TABLE epoch_confirmation (
    id              BIGINT PRIMARY KEY CHECK (id = 1),
    confirmed_until BIGINT NOT NULL
);

-- How far each witness of the published log is. `size`: what it cosigned last. `failures`: how often in a row it did not answer as it should;
-- it is asked again at `again_at`. `problem`: why, for the operator.
CREATE TABLE ledger_witness (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    size     BIGINT NOT NULL CHECK (size >= 0),
    failures BIGINT NOT NULL CHECK (failures >= 0),
    again_at BIGINT NOT NULL,
    problem  TEXT COLLATE "C" NOT NULL
);

-- What witnesses refused to cosign, as they signed it. Without the key a witness that refuses again and again would fill the table.
CREATE TABLE ledger_refusal (
    size    BIGINT NOT NULL CHECK (size > 0),
    witness TEXT COLLATE "C" NOT NULL,
    note    TEXT NOT NULL,
    came_at BIGINT NOT NULL,
    PRIMARY KEY (size, witness)
);
