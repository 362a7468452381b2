//! The migrations, compiled in.

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

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
        17,
        "uploads_begun_over",
        include_str!("../../../../migrations/sqlite/0017_uploads_begun_over.sql"),
        include_str!("../../../../migrations/postgres/0017_uploads_begun_over.sql"),
    ),
];

/// What brings the schema up to date, each migration in a transaction of its own.
pub(crate) fn migrator(dialect: Dialect) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(number, name, sqlite, postgres)| {
        let text = match dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Says what a failed migration means. A schema that has migrations this program does not know is refused.
pub(crate) fn explain(error: MigrateError) -> MetadataError {
    match error {
        MigrateError::VersionMissing(_) => MetadataError::SchemaTooNew,
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => MetadataError::Damaged(other.to_string()),
    }
}

/// Runs the migrations.
pub(crate) async fn run<'a, A>(target: A, dialect: Dialect) -> Result<()>
where
    A: sqlx::Acquire<'a>,
    <A::Connection as std::ops::Deref>::Target: sqlx::migrate::Migrate,
{
    migrator(dialect).run(target).await.map_err(explain)
}
