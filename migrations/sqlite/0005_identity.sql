-- Who acts inside an account: users, groups and roles with their policies and keys. Same name, number, tables and
-- columns as migrations/postgres/0005_identity.sql.
--
-- The keys of users are not in `access_key`: a release that knows nothing of users would take them for keys of the
-- account, which may do everything in it.

-- Users, groups and roles: whatever policies are attached to. Names differ from each other whatever their case, hence
-- `folded_name`. `unique_id` (AIDA..., AGPA..., AROA...) names one for ever, also after its name was given again. `details` is JSON: tags, trust
-- policy, description, longest session. AUTOINCREMENT: a number is never given twice.
CREATE TABLE holder (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('user', 'group', 'role')),
    unique_id   TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    folded_name TEXT    NOT NULL,
    path        TEXT    NOT NULL,
    details     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (account_id, kind, folded_name)
) STRICT;

-- Which users are in which groups.
CREATE TABLE membership (
    user_id     INTEGER NOT NULL,
    group_id    INTEGER NOT NULL,
    PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_group ON membership (group_id, user_id);

-- Policies that belong to one holder and go with it.
CREATE TABLE inline_policy (
    holder_id   INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    document    TEXT    NOT NULL,
    PRIMARY KEY (holder_id, name)
) STRICT, WITHOUT ROWID;

-- Policies of an account that may be attached to many holders. `details` is JSON: description and tags.
CREATE TABLE managed_policy (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id      INTEGER NOT NULL,
    unique_id       TEXT    NOT NULL UNIQUE,
    arn             TEXT    NOT NULL UNIQUE,
    name            TEXT    NOT NULL,
    folded_name     TEXT    NOT NULL,
    path            TEXT    NOT NULL,
    details         TEXT    NOT NULL,
    default_version INTEGER NOT NULL CHECK (default_version >= 1),
    last_version    INTEGER NOT NULL CHECK (last_version >= default_version),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (account_id, folded_name)
) STRICT;

-- Their texts. A number is not given again after its version was deleted.
CREATE TABLE managed_policy_version (
    policy_id   INTEGER NOT NULL,
    number      INTEGER NOT NULL CHECK (number >= 1),
    document    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (policy_id, number)
) STRICT, WITHOUT ROWID;

-- Managed policies by their ARNs, because those that come with the program have no row.
CREATE TABLE attachment (
    holder_id   INTEGER NOT NULL,
    policy_arn  TEXT    NOT NULL,
    PRIMARY KEY (holder_id, policy_arn)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_policy ON attachment (policy_arn, holder_id);

-- Access keys of users; the secret is sealed by the cluster key. An id that is in `access_key` is never here.
CREATE TABLE member_key (
    id            TEXT    PRIMARY KEY,
    holder_id     INTEGER NOT NULL,
    sealed_secret BLOB    NOT NULL,
    is_active     INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX member_key_holder ON member_key (holder_id, id);

-- Keys of accounts that were switched off stay listed and open nothing.
ALTER TABLE access_key ADD COLUMN is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1));

-- When and for what a key was last used, to the quarter of an hour.
CREATE TABLE key_use (
    key_id      TEXT    PRIMARY KEY,
    used_at     INTEGER NOT NULL,
    service     TEXT    NOT NULL,
    region      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
