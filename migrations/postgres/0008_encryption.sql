-- Encryption of content below its digests. Same columns as migrations/sqlite/0008_encryption.sql.

-- What makes the key stream of an enciphered part its own; NULL for parts that are not enciphered. A part that is sent again
-- gets another: Complete compares it, or a version could be deciphered with the salt of a part that was replaced.
ALTER TABLE part ADD COLUMN salt BYTEA CHECK (salt IS NULL OR octet_length(salt) = 16);
