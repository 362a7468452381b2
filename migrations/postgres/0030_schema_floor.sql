-- What a program must know to use this schema, so that an earlier release can be started again while gateways are upgraded one by one.
-- A migration that takes away what earlier releases use raises it to its own number.
CREATE TABLE schema_floor (
    -- One row: two would contradict each other.
    one SMALLINT PRIMARY KEY CHECK (one = 1),
    -- The number of a migration: a program that knows it may use the schema, whatever was done after it.
    known_at_least BIGINT NOT NULL
);
INSERT INTO schema_floor (one, known_at_least) VALUES (1, 30);
