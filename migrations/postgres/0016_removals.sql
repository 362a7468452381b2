-- What is removed step by step. Same name, number, tables and columns as migrations/sqlite/0016_removals.sql.

-- Versions and uploads that are gone and had more extents or parts than go in one transaction: those are removed from here, a bounded
-- number at a time. `id` is the version's, which owns the extents, or the upload's, which has the parts. `not_before`: when the
-- next step is due; one that fails is put off. A release before this one neither makes nor needs these rows.
CREATE TABLE removal (
    id         BYTEA   PRIMARY KEY CHECK (length(id) = 16),
    is_upload  BOOLEAN NOT NULL,
    not_before BIGINT  NOT NULL
);
CREATE INDEX removal_due ON removal (not_before);
