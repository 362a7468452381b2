-- What was metered follows bytes that move to other blobs. Same indexes as migrations/sqlite/0011_metering_of_moves.sql.

-- Whose extents those are that lie apart from their version. Versions that have their one extent in their own row, nearly all
-- of those that are small, are spared a page.
CREATE INDEX version_of_extents ON version (version_id) WHERE extent_count > 1;
CREATE UNIQUE INDEX part_of_extents ON part (part_id);
