//! The migrations, compiled in.

use sqlx::SqlSafeStr;
use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration, MigrationType, Migrator};

use crate::metadata::engine::dialect::Dialect;
use crate::metadata::error::{MetadataError, Result};

/// Number, name, and the text for each database. A text that was released is never edited: add a migration.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "main",
        include_str!("../../../../migrations/sqlite/0001_main.sql"),
        include_str!("../../../../migrations/postgres/0001_main.sql"),
    ),
    (
        2,
        "bucket_setting",
        include_str!("../../../../migrations/sqlite/0002_bucket_setting.sql"),
        include_str!("../../../../migrations/postgres/0002_bucket_setting.sql"),
    ),
    (
        3,
        "versions",
        include_str!("../../../../migrations/sqlite/0003_versions.sql"),
        include_str!("../../../../migrations/postgres/0003_versions.sql"),
    ),
    (
        5,
        "identity",
        include_str!("../../../../migrations/sqlite/0005_identity.sql"),
        include_str!("../../../../migrations/postgres/0005_identity.sql"),
    ),
    (
        7,
        "workers",
        include_str!("../../../../migrations/sqlite/0007_workers.sql"),
        include_str!("../../../../migrations/postgres/0007_workers.sql"),
    ),
    (
        8,
        "encryption",
        include_str!("../../../../migrations/sqlite/0008_encryption.sql"),
        include_str!("../../../../migrations/postgres/0008_encryption.sql"),
    ),
    (
        9,
        "account_policy",
        include_str!("../../../../migrations/sqlite/0009_account_policy.sql"),
        include_str!("../../../../migrations/postgres/0009_account_policy.sql"),
    ),
    (
        10,
        "rewrapping",
        include_str!("../../../../migrations/sqlite/0010_rewrapping.sql"),
        include_str!("../../../../migrations/postgres/0010_rewrapping.sql"),
    ),
    (
        11,
        "metering_of_moves",
        include_str!("../../../../migrations/sqlite/0011_metering_of_moves.sql"),
        include_str!("../../../../migrations/postgres/0011_metering_of_moves.sql"),
    ),
    (
        12,
        "heartbeats",
        include_str!("../../../../migrations/sqlite/0012_heartbeats.sql"),
        include_str!("../../../../migrations/postgres/0012_heartbeats.sql"),
    ),
    (
        13,
        "repair_queue",
        include_str!("../../../../migrations/sqlite/0013_repair_queue.sql"),
        include_str!("../../../../migrations/postgres/0013_repair_queue.sql"),
    ),
    (
        14,
        "early_reclaim",
        include_str!("../../../../migrations/sqlite/0014_early_reclaim.sql"),
        include_str!("../../../../migrations/postgres/0014_early_reclaim.sql"),
    ),
    (
        15,
        "names_and_quotas",
        include_str!("../../../../migrations/sqlite/0015_names_and_quotas.sql"),
        include_str!("../../../../migrations/postgres/0015_names_and_quotas.sql"),
    ),
    (
        16,
        "removals",
        include_str!("../../../../migrations/sqlite/0016_removals.sql"),
        include_str!("../../../../migrations/postgres/0016_removals.sql"),
    ),
    (
        17,
        "uploads_begun_over",
        include_str!("../../../../migrations/sqlite/0017_uploads_begun_over.sql"),
        include_str!("../../../../migrations/postgres/0017_uploads_begun_over.sql"),
    ),
    (
        18,
        "draining",
        include_str!("../../../../migrations/sqlite/0018_draining.sql"),
        include_str!("../../../../migrations/postgres/0018_draining.sql"),
    ),
    (
        19,
        "away",
        include_str!("../../../../migrations/sqlite/0019_away.sql"),
        include_str!("../../../../migrations/postgres/0019_away.sql"),
    ),
    (
        20,
        "audits",
        include_str!("../../../../migrations/sqlite/0020_audits.sql"),
        include_str!("../../../../migrations/postgres/0020_audits.sql"),
    ),
    (
        21,
        "ledger",
        include_str!("../../../../migrations/sqlite/0021_ledger.sql"),
        include_str!("../../../../migrations/postgres/0021_ledger.sql"),
    ),
    (
        22,
        "money",
        include_str!("../../../../migrations/sqlite/0022_money.sql"),
        include_str!("../../../../migrations/postgres/0022_money.sql"),
    ),
    (
        23,
        "settlement",
        include_str!("../../../../migrations/sqlite/0023_settlement.sql"),
        include_str!("../../../../migrations/postgres/0023_settlement.sql"),
    ),
    (
        24,
        "ledger_log",
        include_str!("../../../../migrations/sqlite/0024_ledger_log.sql"),
        include_str!("../../../../migrations/postgres/0024_ledger_log.sql"),
    ),
    (
        25,
        "providers",
        include_str!("../../../../migrations/sqlite/0025_providers.sql"),
        include_str!("../../../../migrations/postgres/0025_providers.sql"),
    ),
    (
        26,
        "staking",
        include_str!("../../../../migrations/sqlite/0026_staking.sql"),
        include_str!("../../../../migrations/postgres/0026_staking.sql"),
    ),
    (
        27,
        "arrears",
        include_str!("../../../../migrations/sqlite/0027_arrears.sql"),
        include_str!("../../../../migrations/postgres/0027_arrears.sql"),
    ),
    (
        28,
        "journal",
        include_str!("../../../../migrations/sqlite/0028_journal.sql"),
        include_str!("../../../../migrations/postgres/0028_journal.sql"),
    ),
    (
        29,
        "discard_turns",
        include_str!("../../../../migrations/sqlite/0029_discard_turns.sql"),
        include_str!("../../../../migrations/postgres/0029_discard_turns.sql"),
    ),
];

/// Texts that no release had, but that databases of builds between two releases were made by: number, and the checksum (SHA-384, in
/// hexadecimal) for each database. What such a text did besides is done by the present one, or by what runs after it. The earlier
/// 15 counted delete markers and uploads under quotas, which locked them for as long as it took; now that is background work.
const SUPERSEDED: &[(i64, &str, &str)] = &[(
    15,
    "12fcd685c5bb019273c49057c8899bae2e1fb197f1b627077ff0ad352fe8647169e1398867433a5b612ae94a31066e42",
    "452909760728a35e4393e476f66704b3f6ca35724d56a00c37312a7b700f1ae8c9ff3434028d39345266f560fbde3ec1",
)];

/// What brings the schema up to date, each migration in a transaction of its own. `applied` is what was done already.
fn migrator(dialect: Dialect, applied: &[AppliedMigration]) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(number, name, sqlite, postgres)| {
        let text = match dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        let mut migration = Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false);
        let done = applied.iter().find(|done| done.version == number && is_superseded(dialect, done));
        if let Some(done) = done {
            migration.checksum = done.checksum.clone();
        }
        migration
    });
    Migrator::with_migrations(migrations.collect())
}

/// Whether a migration was done by an earlier text that is as good.
fn is_superseded(dialect: Dialect, done: &AppliedMigration) -> bool {
    SUPERSEDED.iter().any(|(number, sqlite, postgres)| {
        let checksum = match dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        *number == done.version && hex::encode(&done.checksum) == **checksum
    })
}

/// Says what a failed migration means. A schema that has migrations this program does not know is refused.
pub(crate) fn explain(error: MigrateError) -> MetadataError {
    match error {
        MigrateError::VersionMissing(_) => MetadataError::SchemaTooNew,
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => MetadataError::Damaged(other.to_string()),
    }
}

/// The table of the migrations that were done.
const TABLE: &str = "_sqlx_migrations";

/// The migrations that were done.
pub(crate) async fn applied<C: Migrate>(connection: &mut C) -> Result<Vec<AppliedMigration>> {
    // Two gateways must not make the table at once. On an error the caller gives the connection up, and with it the lock.
    connection.lock().await.map_err(explain)?;
    connection.ensure_migrations_table(TABLE).await.map_err(explain)?;
    let applied = connection.list_applied_migrations(TABLE).await.map_err(explain)?;
    connection.unlock().await.map_err(explain)?;
    Ok(applied)
}

/// Runs the migrations that were not done.
pub(crate) async fn run<'a, A>(target: A, dialect: Dialect, applied: &[AppliedMigration]) -> Result<()>
where
    A: sqlx::Acquire<'a>,
    <A::Connection as std::ops::Deref>::Target: Migrate,
{
    migrator(dialect, applied).run(target).await.map_err(explain)
}
