//! What servers that speak PostgreSQL lack, and where our SQL uses it: nothing more may come to it unnoticed. For `tidy.rs`.
//!
//! Sources: the servers' own documentation, as of 2026 (docs.yugabyte.com, cockroachlabs.com/docs, docs.citusdata.com, pgbouncer.org/features,
//! docs.aws.amazon.com/aurora-dsql). `deploy/OPERATIONS.md` says which of them a gateway runs on.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::{RustFile, root, rust_files};

/// What a gateway may be pointed at besides PostgreSQL itself. What is PostgreSQL inside (Aurora PostgreSQL, Neon, AlloyDB) lacks nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    /// A pooler that lends a session for one transaction: pgbouncer, Neon's, RDS Proxy.
    Pooler,
    Yugabyte,
    Citus,
    Cockroach,
}

use Engine::{Citus, Cockroach, Pooler, Yugabyte};

/// Something that some of them lack.
struct Construct {
    name: &'static str,
    lacking: &'static [Engine],
    is_in: fn(&str) -> bool,
    /// Where it is used all the same: part of a path. A pooler has no such place.
    known: &'static [&'static str],
}

const CONSTRUCTS: &[Construct] = &[
    Construct {
        name: "a lock of the session",
        lacking: &[Pooler, Cockroach],
        is_in: |text| any(text, &["PG_ADVISORY_LOCK(", "PG_TRY_ADVISORY_LOCK(", "PG_ADVISORY_UNLOCK"]),
        known: &[],
    },
    Construct {
        name: "LISTEN and NOTIFY",
        lacking: &[Pooler, Yugabyte, Cockroach],
        is_in: |text| begins_with_any(text, &["LISTEN ", "NOTIFY ", "UNLISTEN "]) || text.contains("PG_NOTIFY("),
        known: &[],
    },
    Construct {
        name: "a setting of the session",
        lacking: &[Pooler],
        is_in: |text| {
            begins_with_any(text, &["SET "]) && !text.starts_with("SET LOCAL ")
                || any(text, &["SET SESSION ", "; SET L"]) && !text.contains("; SET LOCAL ")
        },
        known: &[],
    },
    Construct {
        name: "a temporary table",
        lacking: &[Pooler, Cockroach],
        is_in: |text| any(text, &["CREATE TEMP TABLE", "CREATE TEMPORARY TABLE"]),
        known: &[],
    },
    Construct {
        name: "a statement or cursor that outlives its transaction",
        lacking: &[Pooler],
        is_in: |text| begins_with_any(text, &["PREPARE ", "DEALLOCATE "]) || text.contains("WITH HOLD"),
        known: &[],
    },
    Construct {
        name: "a lock of a table",
        lacking: &[Cockroach],
        is_in: |text| begins_with_any(text, &["LOCK TABLE "]),
        known: &[],
    },
    Construct {
        name: "a sequence that gives numbers in advance",
        lacking: &[Yugabyte, Citus, Cockroach],
        is_in: |text| text.contains("SEQUENCE") && text.contains(" CACHE ") && !text.contains("{NAME} CACHE 1"),
        known: &[],
    },
    Construct {
        name: "physical places of rows",
        lacking: &[Yugabyte, Citus, Cockroach],
        is_in: |text| words(text).any(|word| ["CTID", "XMIN", "XMAX"].contains(&word)),
        known: &[],
    },
    Construct {
        name: "several changes in one statement",
        lacking: &[Citus, Cockroach],
        is_in: |text| {
            ["AS (INSERT ", "AS (UPDATE ", "AS (DELETE "].iter().map(|part| text.matches(part).count()).sum::<usize>()
                > 1
        },
        known: &[],
    },
    Construct {
        name: "a trigger that sees all rows of a statement",
        lacking: &[Yugabyte, Citus, Cockroach],
        is_in: |text| text.contains("REFERENCING NEW TABLE") || text.contains("REFERENCING OLD TABLE"),
        known: &["postgres/0028_journal.sql"],
    },
    Construct {
        name: "an order of text in the definition of a column",
        lacking: &[Cockroach],
        is_in: |text| text.contains("COLLATE \"C\"") && text.contains("CREATE TABLE"),
        known: &[
            "postgres/0001_",
            "postgres/0002_",
            "postgres/0003_",
            "postgres/0005_",
            "postgres/0007_",
            "postgres/0009_",
            "postgres/0012_",
            "postgres/0015_",
            "postgres/0021_",
            "postgres/0022_",
            "postgres/0023_",
            "postgres/0026_",
            "postgres/0027_",
            "postgres/0028_",
            "postgres/0031_",
            "postgres/0032_",
        ],
    },
    Construct {
        name: "a unique index of versions, uploads or blobs without the bucket",
        lacking: &[Citus],
        is_in: |text| {
            let on_sharded = ["ON VERSION (", "ON UPLOAD (", "ON PART (", "ON BLOB ("];
            text.contains("CREATE UNIQUE INDEX")
                && on_sharded
                    .iter()
                    .any(|on| text.split_once(on).is_some_and(|(_, columns)| !columns.starts_with("BUCKET_ID")))
        },
        known: &["postgres/0003_versions.sql", "postgres/0011_metering_of_moves.sql", "postgres/0020_audits.sql"],
    },
];

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Pooler => "a pooler in transaction mode",
            Yugabyte => "YugabyteDB",
            Citus => "Citus",
            Cockroach => "CockroachDB",
        })
    }
}

/// What is used of what an engine lacks and is not on the list, and what is on the list and no longer used.
pub fn complaints() -> Vec<String> {
    let statements: Vec<_> = migrations().into_iter().chain(statements_of_the_gateway()).collect();
    let mut complaints = Vec::new();
    for construct in CONSTRUCTS {
        let mut met = BTreeSet::new();
        for (path, _) in statements.iter().filter(|(_, text)| (construct.is_in)(text)) {
            match construct.known.iter().find(|known| path.contains(**known)) {
                Some(known) if !construct.lacking.contains(&Pooler) => {
                    met.insert(*known);
                }
                _ => complaints.push(format!(
                    "{path}: {}, which is not there with {}. Say it otherwise.",
                    construct.name,
                    construct.lacking.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                )),
            }
        }
        for known in construct.known.iter().filter(|known| !met.contains(**known)) {
            complaints.push(format!("engines.rs: {known} no longer has {}: take it off the list.", construct.name));
        }
    }
    complaints
}

/// Each construct is found where it is, and not where something like it is.
#[test]
fn constructs_are_recognised() {
    let found = |text: &str| -> Vec<&str> {
        let text = normal(text);
        CONSTRUCTS.iter().filter(|construct| (construct.is_in)(&text)).map(|construct| construct.name).collect()
    };
    for (text, name) in [
        ("SELECT pg_advisory_lock(7)", "a lock of the session"),
        ("LISTEN changes", "LISTEN and NOTIFY"),
        ("SET lock_timeout = '5s'", "a setting of the session"),
        ("BEGIN; SET lock_timeout = '5s'", "a setting of the session"),
        ("CREATE TEMP TABLE a (b INT)", "a temporary table"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "a statement or cursor that outlives its transaction"),
        ("LOCK TABLE version", "a lock of a table"),
        ("CREATE SEQUENCE s CACHE 100", "a sequence that gives numbers in advance"),
        ("DELETE FROM a WHERE ctid = $1", "physical places of rows"),
        (
            "WITH a AS (DELETE FROM b RETURNING c), d AS (INSERT INTO b SELECT c FROM a) SELECT 1",
            "several changes in one statement",
        ),
        (
            "CREATE UNIQUE INDEX i ON version (version_id)",
            "a unique index of versions, uploads or blobs without the bucket",
        ),
    ] {
        assert_eq!(found(text), [name], "{text}");
    }
    for text in [
        "UPDATE version SET size = $1 WHERE listen = $2",
        "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'",
        "CREATE UNIQUE INDEX i ON version (bucket_id, key) WHERE is_null",
        "SELECT pg_advisory_xact_lock(7)",
        "CREATE SEQUENCE s",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
    }
}

/// Statements of migrations for PostgreSQL, without comments, in capitals.
fn migrations() -> Vec<(String, String)> {
    let mut statements = Vec::new();
    for file in std::fs::read_dir(root().join("migrations/postgres")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let code: Vec<_> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        statements.extend(code.join("\n").split(";\n").map(|statement| (name.clone(), normal(statement))));
    }
    statements
}

/// Every literal of text in what talks to the database, but tests and SQLite's own files.
fn statements_of_the_gateway() -> Vec<(String, String)> {
    let is_ours = |file: &RustFile| {
        let path = &*file.relative_path;
        !path.contains("/tests/") && !Path::new(path).ends_with("sqlite.rs") && !path.ends_with("row_triggers.rs")
    };
    let mut statements = Vec::new();
    for file in rust_files("gateway/src/metadata").into_iter().filter(is_ours) {
        let code = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        let code: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        // Every second piece between quotation marks is inside a literal.
        let code = code.join("\n").replace("'\"'", "''").replace("\\\"", "'");
        statements.extend(code.split('"').skip(1).step_by(2).map(|text| (file.relative_path.clone(), normal(text))));
    }
    assert!(statements.len() > 500, "the gateway's statements are found: {}", statements.len());
    statements
}

/// In capitals, with one space between words.
fn normal(text: &str) -> String {
    text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
}

fn any(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

fn begins_with_any(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.starts_with(part))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}
