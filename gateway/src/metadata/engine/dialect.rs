//! What SQLite and PostgreSQL spell differently. Everything else in this module is one text for both.

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// One process, one writer: a transaction that writes excludes all others, so rows need no locks.
    Sqlite,
    /// Many gateways: rows are locked one by one.
    Postgres,
}

impl Dialect {
    /// Now by the database's clock, in microseconds since the Unix epoch.
    pub(crate) fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        }
    }

    /// Ends a SELECT whose rows must not change until the transaction ends, though others may rely on them too.
    pub(crate) fn for_share(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR SHARE",
        }
    }

    /// Ends a SELECT whose rows this transaction is about to change.
    pub(crate) fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Ends a SELECT of work to claim: rows that another transaction is claiming are skipped.
    pub(crate) fn for_claim(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Ends a SELECT of rows to decide about, which then must not change: rows that another transaction is changing are skipped.
    pub(crate) fn for_share_of_idle(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR SHARE SKIP LOCKED",
        }
    }

    /// Takes growing numbers of the version sequence. Each row of the answer is the first and last of a run of them.
    pub(crate) fn take_numbers(self, wanted: usize) -> String {
        match self {
            Self::Sqlite => format!(
                "UPDATE counter SET value = value + {wanted} WHERE name = 'version_seq' \
                 RETURNING value - {wanted} + 1, value"
            ),
            Self::Postgres => format!(
                "SELECT n, n FROM (SELECT nextval('version_seq') AS n FROM generate_series(1, {wanted})) AS taken"
            ),
        }
    }

    /// The number of a blob in a SELECT of the rows that get one: each row another, above all that are in use.
    pub(crate) fn next_serial(self) -> &'static str {
        match self {
            Self::Sqlite => "(SELECT COALESCE(MAX(serial), 0) FROM blob) + ROW_NUMBER() OVER ()",
            Self::Postgres => "nextval('blob_serial_seq')",
        }
    }

    /// Appends the `number`-th placeholder (from 1) of a generated statement. SQLite looks a numbered placeholder up in a
    /// list, which takes quadratic time in a statement with hundreds of them; bare ones are counted.
    pub(crate) fn push_placeholder(self, text: &mut String, number: usize) {
        match self {
            Self::Sqlite => text.push('?'),
            Self::Postgres => {
                text.push('$');
                text.push_str(&number.to_string());
            }
        }
    }

    /// The type of columns of bytes.
    pub(crate) fn bytes(self) -> &'static str {
        match self {
            Self::Sqlite => "BLOB",
            Self::Postgres => "BYTEA",
        }
    }

    /// A constant of bytes, given in hexadecimal.
    pub(crate) fn bytes_literal(self, hexadecimal: &str) -> String {
        match self {
            Self::Sqlite => format!("x'{hexadecimal}'"),
            Self::Postgres => format!("'\\x{hexadecimal}'"),
        }
    }

    /// Where bytes stand in others, counted from 1; 0 when they do not.
    pub(crate) fn position(self, needle: &str, hay: &str) -> String {
        match self {
            Self::Sqlite => format!("instr({hay}, {needle})"),
            Self::Postgres => format!("position(CAST({needle} AS BYTEA) IN {hay})"),
        }
    }

    /// The most values one statement may carry.
    pub(crate) fn values_max(self) -> usize {
        match self {
            Self::Sqlite => 32_000,
            Self::Postgres => 60_000,
        }
    }
}
