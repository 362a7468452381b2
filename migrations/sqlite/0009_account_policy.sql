-- Policies that the root user puts on whole accounts. Same name, number, tables and columns as
-- migrations/postgres/0009_account_policy.sql. A release that knows nothing of them lets accounts do what one denies.
CREATE TABLE account_policy (
    account_id  INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    document    TEXT    NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT, WITHOUT ROWID;
