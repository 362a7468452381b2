-- What is removed step by step. Same name, number, tables and columns as migrations/postgres/0016_removals.sql.

-- Versions and uploads that are gone and had more extents or parts than go in one transaction: those are removed from here, a bounded
-- number at a time. `id` is the version's, which owns the extents, or the upload's, which has the parts. `not_before`: when the
-- next step is due; one that fails is put off. A release before this one neither makes nor needs these rows.
CREATE TABLE removal (
    id         BLOB    PRIMARY KEY CHECK (length(id) = 16),
    is_upload  INTEGER NOT NULL CHECK (is_upload IN (0, 1)),
    not_before INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX removal_due ON removal (not_before);
