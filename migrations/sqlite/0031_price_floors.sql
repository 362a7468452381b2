-- Price floors that nodes signed. Same name, number, tables and columns as migrations/postgres/0031_price_floors.sql. Amounts are FROST.

-- `in_force`: the epoch from whose beginning it holds, until the provider's next one does. `statement`: the line as the node signed it, which
-- every settlement publishes. Of one provider and epoch there is one, or it would depend on the reader which of them holds.
CREATE TABLE price_floor (
    provider      TEXT    NOT NULL,
    in_force      INTEGER NOT NULL CHECK (in_force > 0),
    storage_price INTEGER NOT NULL CHECK (storage_price >= 0),
    write_price   INTEGER NOT NULL CHECK (write_price >= 0),
    statement     TEXT    NOT NULL CHECK (length(statement) BETWEEN 1 AND 1024),
    registered_in INTEGER NOT NULL CHECK (registered_in > 0 AND registered_in < in_force),
    registered_at INTEGER NOT NULL,
    PRIMARY KEY (provider, in_force)
) STRICT, WITHOUT ROWID;
-- One that comes for an earlier epoch than the last would change what was announced.
CREATE TRIGGER price_floor_later BEFORE INSERT ON price_floor
WHEN EXISTS (SELECT 1 FROM price_floor f WHERE f.provider = NEW.provider AND f.in_force >= NEW.in_force)
BEGIN SELECT RAISE(ABORT, 'a price floor is for a later epoch than the one before'); END;
CREATE TRIGGER price_floor_unchanged BEFORE UPDATE ON price_floor
BEGIN SELECT RAISE(ABORT, 'price floors are never changed'); END;
CREATE TRIGGER price_floor_stays BEFORE DELETE ON price_floor
BEGIN SELECT RAISE(ABORT, 'price floors are never removed'); END;
