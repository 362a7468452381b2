-- Policies that the root user puts on whole accounts. Same name, number, tables and columns as
-- migrations/sqlite/0009_account_policy.sql. A release that knows nothing of them lets accounts do what one denies.
CREATE TABLE account_policy (
    account_id  BIGINT  NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    document    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account_id, name)
);
