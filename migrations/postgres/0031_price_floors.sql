-- Price floors that nodes signed. Same name, number, tables and columns as migrations/sqlite/0031_price_floors.sql. Amounts are FROST.

-- `in_force`: the epoch from whose beginning it holds, until the provider's next one does. `statement`: the line as the node signed it, which
-- every settlement publishes. Of one provider and epoch there is one, or it would depend on the reader which of them holds.
CREATE TABLE price_floor (
    provider      TEXT COLLATE "C" NOT NULL,
    in_force      BIGINT NOT NULL CHECK (in_force > 0),
    storage_price BIGINT NOT NULL CHECK (storage_price >= 0),
    write_price   BIGINT NOT NULL CHECK (write_price >= 0),
    statement     TEXT COLLATE "C" NOT NULL CHECK (length(statement) BETWEEN 1 AND 1024),
    registered_in BIGINT NOT NULL CHECK (registered_in > 0 AND registered_in < in_force),
    registered_at BIGINT NOT NULL,
    PRIMARY KEY (provider, in_force)
);
-- One that comes for an earlier epoch than the last would change what was announced.
CREATE FUNCTION price_floor_is_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM price_floor f WHERE f.provider = NEW.provider AND f.in_force >= NEW.in_force) THEN
        RAISE EXCEPTION 'a price floor is for a later epoch than the one before';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER price_floor_later BEFORE INSERT ON price_floor FOR EACH ROW EXECUTE FUNCTION price_floor_is_later();
CREATE TRIGGER price_floor_unchanged BEFORE UPDATE ON price_floor FOR EACH ROW EXECUTE FUNCTION staking_refuse('price floors are never changed');
CREATE TRIGGER price_floor_stays BEFORE DELETE ON price_floor FOR EACH ROW EXECUTE FUNCTION staking_refuse('price floors are never removed');
SELECT journal_table('price_floor');
