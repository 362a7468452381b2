-- The schema of the embedded database. Same name, number, tables and columns as migrations/postgres/0001_main.sql.
--
-- Times are microseconds since the Unix epoch, taken from the database. Flags are 0 or 1. Names of blobs, versions,
-- uploads and parts are 16 random bytes. Hot tables have no foreign keys, because each would cost a lookup for every
-- row of every PUT; `haulout check` recomputes what they would have promised.

-- Which cluster this database belongs to: one row, because the check allows only one number.
CREATE TABLE cluster (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    cluster_id  BLOB    NOT NULL CHECK (length(cluster_id) = 16),
    key_id      INTEGER NOT NULL,
    key_check   BLOB    NOT NULL CHECK (length(key_check) = 16),
    created_at  INTEGER NOT NULL
) STRICT;

-- Backends that were ever configured. `formatted`: its marker was written once, so a backend without one is another disk.
CREATE TABLE backend (
    name        TEXT    PRIMARY KEY,
    url         TEXT    NOT NULL,
    provider    TEXT    NOT NULL,
    zone        TEXT    NOT NULL,
    formatted   INTEGER NOT NULL CHECK (formatted IN (0, 1)),
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Starts of gateways. Ids are the first four bytes of blob ids, so they fit 32 bits. A dead row never lives again.
CREATE TABLE incarnation (
    id          INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
    gateway     TEXT    NOT NULL,
    lease_until INTEGER NOT NULL,
    is_dead     INTEGER NOT NULL DEFAULT 0 CHECK (is_dead IN (0, 1)),
    started_at  INTEGER NOT NULL
) STRICT;

-- One row for each recent transaction. Whoever lost the reply to a COMMIT inserts the same token: the primary key lets
-- that succeed exactly when the transaction did not commit. (PostgreSQL only; kept here so that the schemas are the same.)
CREATE TABLE commit_token (
    token       BLOB    PRIMARY KEY,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that only grow; a sequence in PostgreSQL. `version_seq` orders the versions of a key.
CREATE TABLE counter (
    name        TEXT    PRIMARY KEY,
    value       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('version_seq', 0);

-- Users. AUTOINCREMENT: a number is never given twice, not even after a removal.
CREATE TABLE account (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    canonical_id TEXT    NOT NULL UNIQUE,
    is_root      INTEGER NOT NULL CHECK (is_root IN (0, 1)),
    created_at   INTEGER NOT NULL
) STRICT;

-- Access keys; the secret is sealed by the cluster key.
CREATE TABLE access_key (
    id            TEXT    PRIMARY KEY,
    account_id    INTEGER NOT NULL REFERENCES account (id),
    sealed_secret BLOB    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_key_account ON access_key (account_id);

-- Buckets. AUTOINCREMENT: a bucket that is made again is another one, and caches may rely on it.
CREATE TABLE bucket (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL UNIQUE,
    account_id  INTEGER NOT NULL REFERENCES account (id),
    location    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX bucket_account ON bucket (account_id, name);

-- Versions, clustered by key in byte order, what lists show first. `seq` comes from `version_seq` under the key's lock
-- and alone orders the versions of a key. `etag`: 16 bytes of MD5, then the number of parts (2 bytes, big-endian) if
-- it was uploaded in parts. `checksum`: algorithm, kind, value (see gateway/src/metadata/columns.rs). `encoded_bytes` is
-- what was metered when it came and is metered back when it goes. A version of exactly one extent, as nearly all are, has
-- it here (`blob_id`, `blob_offset`; its length is `size`); the extents of others are in `extent`. `attributes` is JSON. `is_null` and `is_marker` wait
-- for versioned buckets: every version is the null version until then, and there are no delete markers.
CREATE TABLE version (
    bucket_id     INTEGER NOT NULL,
    key           BLOB    NOT NULL CHECK (length(key) BETWEEN 1 AND 1024),
    seq           INTEGER NOT NULL,
    is_current    INTEGER NOT NULL CHECK (is_current IN (0, 1)),
    is_marker     INTEGER NOT NULL DEFAULT 0 CHECK (is_marker IN (0, 1)),
    size          INTEGER NOT NULL CHECK (size >= 0),
    etag          BLOB    NOT NULL CHECK (length(etag) IN (16, 18)),
    modified_at   INTEGER NOT NULL,
    checksum      BLOB,
    version_id    BLOB    NOT NULL CHECK (length(version_id) = 16),
    is_null       INTEGER NOT NULL DEFAULT 1 CHECK (is_null IN (0, 1)),
    encoded_bytes INTEGER NOT NULL CHECK (encoded_bytes >= 0),
    extent_count  INTEGER NOT NULL CHECK (extent_count >= 0),
    blob_id       BLOB             CHECK ((blob_id IS NOT NULL) = (extent_count = 1)),
    blob_offset   INTEGER          CHECK ((blob_offset IS NOT NULL) = (extent_count = 1)),
    part_count    INTEGER NOT NULL CHECK (part_count >= 0),
    attributes    TEXT    NOT NULL,
    PRIMARY KEY (bucket_id, key, seq)
) STRICT, WITHOUT ROWID;
-- Versions whose bytes lie in a blob: the check before it is deleted, and compaction. There is no index of current versions
-- here: one writer cannot make two, and each more index costs every PUT a page.
CREATE INDEX version_blob ON version (blob_id) WHERE blob_id IS NOT NULL;

-- Parts of versions that were uploaded in parts.
CREATE TABLE version_part (
    version_id  BLOB    NOT NULL,
    number      INTEGER NOT NULL CHECK (number BETWEEN 1 AND 10000),
    size        INTEGER NOT NULL CHECK (size >= 0),
    checksum    BLOB,
    PRIMARY KEY (version_id, number)
) STRICT, WITHOUT ROWID;

-- Where the bytes of parts and of versions of several extents lie. `owner` is a version id or a part id. A blob's
-- `live_bytes` is the sum of the lengths here and of the versions that have their one extent in their row.
CREATE TABLE extent (
    owner       BLOB    NOT NULL CHECK (length(owner) = 16),
    ordinal     INTEGER NOT NULL CHECK (ordinal >= 0),
    blob_id     BLOB    NOT NULL,
    blob_offset INTEGER NOT NULL CHECK (blob_offset >= 0),
    length      INTEGER NOT NULL CHECK (length > 0),
    PRIMARY KEY (owner, ordinal)
) STRICT, WITHOUT ROWID;
-- Who lives in a blob: the check before a blob is deleted, and compaction.
CREATE INDEX extent_blob ON extent (blob_id);

-- Sealed blobs. `live_bytes` may not go negative: a double release is refused, not stored. It reaches 0 once and for
-- ever, in the transaction that queues the blob in `reclaim`.
CREATE TABLE blob (
    id               BLOB    PRIMARY KEY CHECK (length(id) = 16),
    scheme           TEXT    NOT NULL,
    chunk_bytes      INTEGER NOT NULL,
    chunks_per_block INTEGER NOT NULL,
    content_len      INTEGER NOT NULL CHECK (content_len >= 0),
    catalog_len      INTEGER NOT NULL CHECK (catalog_len >= 0),
    wrapped_key      BLOB    NOT NULL CHECK (length(wrapped_key) = 64),
    live_bytes       INTEGER NOT NULL CHECK (live_bytes >= 0),
    is_quilt         INTEGER NOT NULL CHECK (is_quilt IN (0, 1)),
    created_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Quilts worth compacting, found without reading the others.
CREATE INDEX blob_sparse ON blob (id) WHERE is_quilt AND live_bytes > 0 AND live_bytes * 2 < content_len;

-- Which backend holds which sliver of a blob, under which attempt, with which root.
CREATE TABLE sliver (
    blob_id      BLOB    NOT NULL,
    sliver_index INTEGER NOT NULL CHECK (sliver_index BETWEEN 0 AND 255),
    attempt      INTEGER NOT NULL,
    backend      TEXT    NOT NULL,
    root         BLOB    NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (blob_id, sliver_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX sliver_backend ON sliver (backend, blob_id, sliver_index);

-- Uploads that have begun and not ended.
CREATE TABLE upload (
    id          BLOB    PRIMARY KEY CHECK (length(id) = 16),
    bucket_id   INTEGER NOT NULL,
    key         BLOB    NOT NULL CHECK (length(key) BETWEEN 1 AND 1024),
    account_id  INTEGER NOT NULL,
    checksum    BLOB,
    attributes  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Lists of uploads, by key and id.
CREATE UNIQUE INDEX upload_by_key ON upload (bucket_id, key, id);

-- Their parts. `part_id` owns the extents; a part that is sent again gets a new one.
CREATE TABLE part (
    upload_id     BLOB    NOT NULL,
    number        INTEGER NOT NULL CHECK (number BETWEEN 1 AND 10000),
    part_id       BLOB    NOT NULL CHECK (length(part_id) = 16),
    size          INTEGER NOT NULL CHECK (size >= 0),
    etag          BLOB    NOT NULL CHECK (length(etag) = 16),
    checksum      BLOB,
    modified_at   INTEGER NOT NULL,
    encoded_bytes INTEGER NOT NULL CHECK (encoded_bytes >= 0),
    PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;

-- What uploads became, kept for a day so that a repeated Complete gets the same answer.
CREATE TABLE completed_upload (
    upload_id    BLOB    PRIMARY KEY,
    bucket_id    INTEGER NOT NULL,
    key          BLOB    NOT NULL,
    version_id   BLOB    NOT NULL,
    etag         BLOB    NOT NULL,
    checksum     BLOB,
    size         INTEGER NOT NULL,
    modified_at  INTEGER NOT NULL,
    completed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX completed_upload_age ON completed_upload (completed_at);

-- Blobs in which nothing lives. Slivers are deleted after `not_before`, by whoever holds the claim.
CREATE TABLE reclaim (
    blob_id       BLOB    PRIMARY KEY,
    not_before    INTEGER NOT NULL,
    claimed_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX reclaim_due ON reclaim (not_before);

-- Work for the background, written in the transaction that caused it. One row for each kind and blob: asking twice is
-- asking once.
CREATE TABLE job (
    kind          TEXT    NOT NULL,
    blob_id       BLOB    NOT NULL,
    claimed_until INTEGER NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (kind, blob_id)
) STRICT, WITHOUT ROWID;

-- What reads noticed about slivers.
CREATE TABLE finding (
    blob_id      BLOB    NOT NULL,
    sliver_index INTEGER NOT NULL,
    backend      TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    times        INTEGER NOT NULL DEFAULT 1,
    found_at     INTEGER NOT NULL,
    PRIMARY KEY (blob_id, sliver_index, backend, kind)
) STRICT, WITHOUT ROWID;

-- Meters. A row belongs to one incarnation, so that gateways never wait for each other's counters; readers sum. The
-- checks keep sums far from the end of 64 bits: a meter that would overflow stops the write instead.
CREATE TABLE meter (
    bucket_id             INTEGER NOT NULL,
    hour                  INTEGER NOT NULL,
    incarnation           INTEGER NOT NULL,
    requests_read         INTEGER NOT NULL CHECK (requests_read BETWEEN 0 AND 1152921504606846976),
    requests_write        INTEGER NOT NULL CHECK (requests_write BETWEEN 0 AND 1152921504606846976),
    ingress_bytes         INTEGER NOT NULL CHECK (ingress_bytes BETWEEN 0 AND 1152921504606846976),
    egress_bytes          INTEGER NOT NULL CHECK (egress_bytes BETWEEN 0 AND 1152921504606846976),
    encoded_bytes_added   INTEGER NOT NULL CHECK (encoded_bytes_added BETWEEN 0 AND 1152921504606846976),
    encoded_bytes_removed INTEGER NOT NULL CHECK (encoded_bytes_removed BETWEEN 0 AND 1152921504606846976),
    content_bytes_added   INTEGER NOT NULL CHECK (content_bytes_added BETWEEN 0 AND 1152921504606846976),
    content_bytes_removed INTEGER NOT NULL CHECK (content_bytes_removed BETWEEN 0 AND 1152921504606846976),
    PRIMARY KEY (bucket_id, hour, incarnation)
) STRICT, WITHOUT ROWID;
