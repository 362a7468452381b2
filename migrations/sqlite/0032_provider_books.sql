-- What settlement remembers of a provider, for each book. Same name, number, tables and columns as
-- migrations/postgres/0032_provider_books.sql.

-- `owed`: what the repair fund of that book (0: track, 1: on) could not pay yet; `is_half_returned`: half of what that book held back was
-- returned. In one row for both, what was only computed would be paid with money that is charged. `provider_account` keeps what is about no
-- money; its columns of the same names are as the last settlement left them, whatever its book.
CREATE TABLE provider_book (
    provider         TEXT    NOT NULL,
    book             INTEGER NOT NULL CHECK (book IN (0, 1)),
    owed             INTEGER NOT NULL CHECK (owed >= 0),
    is_half_returned INTEGER NOT NULL CHECK (is_half_returned IN (0, 1)),
    PRIMARY KEY (provider, book)
) STRICT, WITHOUT ROWID;
-- Until now the last settlement's book was the only one that could be meant.
INSERT INTO provider_book (provider, book, owed, is_half_returned)
SELECT provider, COALESCE((SELECT CASE mode WHEN 1 THEN 1 ELSE 0 END FROM epoch WHERE state = 'settled' ORDER BY number DESC LIMIT 1), 0),
       owed, is_half_returned
FROM provider_account;
-- What earlier releases settle would not be in this table.
UPDATE schema_floor SET known_at_least = 32;
