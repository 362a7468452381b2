//! The migrations, compiled in, and which of them a database still needs.
//!
//! Each is one transaction, which begins with the row that says it was done. Of several gateways that migrate at once one inserts that
//! row; the others wait for it, lose, and look again. No lock outlives a transaction, because poolers and engines that only speak
//! PostgreSQL have none that does. The table is that of sqlx's migrator, which earlier releases ran.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType};

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::engine::row::Row;
use crate::metadata::error::{MetadataError, Result};

/// A migration: its number and name, and the text for each database.
struct Text {
    /// The name of its files, which begins with its number.
    stem: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! texts {
    ($($stem:literal)*) => {
        &[$(Text {
            stem: $stem,
            sqlite: include_str!(concat!("../../../../migrations/sqlite/", $stem, ".sql")),
            postgres: include_str!(concat!("../../../../migrations/postgres/", $stem, ".sql")),
        }),*]
    };
}

/// All of them, ascending. A text that was released is never edited: add a migration.
const MIGRATIONS: &[Text] = texts! {
    "0001_main"
    "0002_bucket_setting"
    "0003_versions"
    "0005_identity"
    "0007_workers"
    "0008_encryption"
    "0009_account_policy"
    "0010_rewrapping"
    "0011_metering_of_moves"
    "0012_heartbeats"
    "0013_repair_queue"
    "0014_early_reclaim"
    "0015_names_and_quotas"
    "0016_removals"
    "0017_uploads_begun_over"
    "0018_draining"
    "0019_away"
    "0020_audits"
    "0021_ledger"
    "0022_money"
    "0023_settlement"
    "0024_ledger_log"
    "0025_providers"
    "0026_staking"
    "0027_arrears"
    "0028_journal"
    "0029_discard_turns"
    "0030_schema_floor"
    "0031_price_floors"
    "0032_provider_books"
    "0033_slash_proofs"
    "0034_vetted_providers"
    "0035_silent_backends"
    "0036_journal_transactions"
};

/// Texts that no release had, but that databases of builds between two releases were made by: number, and the checksum (SHA-384, in
/// hexadecimal) for each database. What such a text did besides is done by the present one, or by what runs after it. The earlier
/// 15 counted delete markers and uploads under quotas, which locked them for as long as it took; now that is background work.
const SUPERSEDED: &[(i64, &str, &str)] = &[(
    15,
    "12fcd685c5bb019273c49057c8899bae2e1fb197f1b627077ff0ad352fe8647169e1398867433a5b612ae94a31066e42",
    "452909760728a35e4393e476f66704b3f6ca35724d56a00c37312a7b700f1ae8c9ff3434028d39345266f560fbde3ec1",
)];

/// The migration that makes the table `schema_floor`.
const SCHEMA_FLOOR: i64 = 30;

/// A connection that nobody else has, to be migrated.
pub(crate) trait Target {
    /// Which database.
    const DIALECT: Dialect;

    /// Runs statements without values.
    fn run(&mut self, text: String) -> impl Future<Output = Result<()>> + Send;

    /// The rows of one.
    fn rows(&mut self, text: String) -> impl Future<Output = Result<Vec<Row>>> + Send;
}

/// What a database says about its schema.
#[derive(Clone, Debug, Default)]
struct Schema {
    /// The migrations that were done.
    done: Vec<Done>,
    /// A program that knows the migration of this number may use the schema, whatever was done after it; none where no release has
    /// promised that.
    floor: Option<i64>,
}

/// A migration that was done.
#[derive(Clone, Debug)]
struct Done {
    number: i64,
    /// SHA-384 of its text, in hexadecimal.
    checksum: String,
    /// It ended.
    success: bool,
}

impl Text {
    fn number(&self) -> i64 {
        self.parts().0
    }

    fn parts(&self) -> (i64, &'static str) {
        let (number, name) = self.stem.split_once('_').expect("the stem of a migration is NUMBER_NAME");
        (number.parse().expect("the stem of a migration begins with a number"), name)
    }

    fn of(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }

    /// As sqlx computes it, in hexadecimal.
    fn checksum(&self, dialect: Dialect) -> String {
        let (number, name) = self.parts();
        let text = self.of(dialect).into_sql_str();
        hex::encode(&Migration::new(number, name.into(), MigrationType::Simple, text, false).checksum)
    }

    /// Whether this was done, or an earlier text that is as good.
    fn is(&self, done: &Done, dialect: Dialect) -> bool {
        let is_superseded = SUPERSEDED.iter().any(|(number, sqlite, postgres)| {
            let checksum = if dialect == Dialect::Sqlite { sqlite } else { postgres };
            *number == done.number && *checksum == done.checksum
        });
        is_superseded || self.checksum(dialect) == done.checksum
    }
}

/// What a schema still needs, in order.
///
/// # Errors
/// [`MetadataError::SchemaTooNew`] if it was migrated by a release that has left this one behind; [`MetadataError::Damaged`] if
/// something else was done than is known here.
fn pending(schema: &Schema, dialect: Dialect) -> Result<Vec<&'static Text>> {
    let newest = MIGRATIONS.last().map_or(0, Text::number);
    for done in &schema.done {
        let Some(text) = MIGRATIONS.iter().find(|text| text.number() == done.number) else {
            if schema.floor.is_some_and(|floor| floor <= newest) {
                continue;
            }
            return Err(MetadataError::SchemaTooNew);
        };
        if !done.success {
            return Err(MetadataError::Damaged(format!("migration {} was left half done", text.stem)));
        }
        if !text.is(done, dialect) {
            return Err(MetadataError::Damaged(format!("migration {} was done with another text", text.stem)));
        }
    }
    let is_done = |text: &&Text| schema.done.iter().any(|done| done.number == text.number());
    Ok(MIGRATIONS.iter().filter(|text| !is_done(text)).collect())
}

/// Brings the schema up to date.
///
/// # Errors
/// See [`pending`]. [`MetadataError::Conflict`] or [`MetadataError::Unavailable`] when another gateway migrates at this moment: a new
/// connection may try again.
pub(crate) async fn migrate<T: Target>(target: &mut T) -> Result<()> {
    let schema = read(target).await?;
    for text in pending(&schema, T::DIALECT)? {
        apply(target, text).await?;
    }
    Ok(())
}

async fn read<T: Target>(target: &mut T) -> Result<Schema> {
    let (bytes, hexadecimal) = match T::DIALECT {
        Dialect::Sqlite => ("BLOB", "lower(hex(checksum))"),
        Dialect::Postgres => ("BYTEA", "encode(checksum, 'hex')"),
    };
    let installed_on = match T::DIALECT {
        Dialect::Sqlite => "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP",
        Dialect::Postgres => "TIMESTAMPTZ NOT NULL DEFAULT now()",
    };
    let table = format!(
        "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
         installed_on {installed_on}, success BOOLEAN NOT NULL, checksum {bytes} NOT NULL, execution_time BIGINT NOT NULL)"
    );
    target.run(table).await?;
    let text = format!("SELECT version, {hexadecimal}, success FROM _sqlx_migrations ORDER BY version");
    let mut schema = Schema::default();
    for row in target.rows(text).await? {
        schema.done.push(Done { number: row.int(0)?, checksum: row.text(1)?.to_owned(), success: row.flag(2)? });
    }
    if schema.done.iter().any(|done| done.number == SCHEMA_FLOOR) {
        let rows = target.rows("SELECT known_at_least FROM schema_floor".to_owned()).await?;
        schema.floor = rows.first().map(|row| row.int(0)).transpose()?;
    }
    Ok(schema)
}

/// Applies one migration in a transaction. What fails leaves the connection to be closed.
async fn apply<T: Target>(target: &mut T, text: &Text) -> Result<()> {
    let begin = match T::DIALECT {
        Dialect::Sqlite => "BEGIN IMMEDIATE",
        Dialect::Postgres => "BEGIN",
    };
    let (number, name) = text.parts();
    let checksum = T::DIALECT.bytes_literal(&text.checksum(T::DIALECT));
    // First: whoever else migrates waits here, and then fails because the key is taken.
    let done = format!(
        "{begin}; INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES ({number}, '{name}', TRUE, {checksum}, -1)"
    );
    target.run(done).await?;
    target.run(text.of(T::DIALECT).to_owned()).await?;
    target.run("COMMIT".to_owned()).await
}

/// Tells one set of migrations for PostgreSQL from another: what tests call a database that has them.
#[cfg(test)]
pub(crate) fn digest() -> String {
    let texts: String = MIGRATIONS.iter().map(|text| text.checksum(Dialect::Postgres)).collect();
    blake3::hash(texts.as_bytes()).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is known here was done.
    fn complete(dialect: Dialect) -> Schema {
        let done = |text: &Text| Done { number: text.number(), checksum: text.checksum(dialect), success: true };
        Schema { done: MIGRATIONS.iter().map(done).collect(), floor: Some(SCHEMA_FLOOR) }
    }

    fn numbers(schema: &Schema, dialect: Dialect) -> Vec<i64> {
        pending(schema, dialect).unwrap().iter().map(|text| text.number()).collect()
    }

    #[test]
    fn numbers_ascend_and_every_file_is_listed() {
        let stems: Vec<_> = MIGRATIONS.iter().map(|text| text.stem).collect();
        assert!(MIGRATIONS.is_sorted_by(|one, other| one.number() < other.number()));
        for folder in ["sqlite", "postgres"] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(folder);
            let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name()).collect();
            files.sort();
            assert_eq!(
                files,
                stems.iter().map(|stem| format!("{stem}.sql").into()).collect::<Vec<std::ffi::OsString>>()
            );
        }
    }

    #[test]
    fn what_was_done_is_not_done_again() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            assert_eq!(numbers(&Schema::default(), dialect).len(), MIGRATIONS.len());
            assert_eq!(numbers(&complete(dialect), dialect), [0; 0]);
            let mut older = complete(dialect);
            older.done.truncate(20);
            older.floor = None;
            assert_eq!(numbers(&older, dialect)[0], MIGRATIONS[20].number());
        }
    }

    #[test]
    fn a_later_schema_is_used_unless_it_has_left_this_release_behind() {
        let newest = MIGRATIONS.last().unwrap().number();
        let mut later = complete(Dialect::Postgres);
        later.done.push(Done { number: newest + 1, checksum: "00".to_owned(), success: true });
        assert_eq!(numbers(&later, Dialect::Postgres), [0; 0]);
        later.floor = Some(newest);
        assert_eq!(numbers(&later, Dialect::Postgres), [0; 0]);
        for floor in [Some(newest + 1), None] {
            later.floor = floor;
            assert!(matches!(pending(&later, Dialect::Postgres), Err(MetadataError::SchemaTooNew)), "{floor:?}");
        }
    }

    #[test]
    fn another_text_and_half_a_migration_are_refused() {
        let mut altered = complete(Dialect::Sqlite);
        altered.done[3].checksum = altered.done[4].checksum.clone();
        assert!(matches!(pending(&altered, Dialect::Sqlite), Err(MetadataError::Damaged(_))));
        let mut half = complete(Dialect::Sqlite);
        half.done[3].success = false;
        assert!(matches!(pending(&half, Dialect::Sqlite), Err(MetadataError::Damaged(_))));
        let mut earlier = complete(Dialect::Sqlite);
        let (number, checksum, _) = SUPERSEDED[0];
        earlier.done.iter_mut().find(|done| done.number == number).unwrap().checksum = checksum.to_owned();
        assert_eq!(numbers(&earlier, Dialect::Sqlite), [0; 0]);
    }
}
