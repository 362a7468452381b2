//! Writes what an upgrade must be able to open: a data folder and a database of each kind, and a manifest of all that can
//! be read of them. `tests/fixtures/README.md` says how it is run. The program it runs is that of `HAULOUT_BIN`.

mod buckets;
mod identity;
mod objects;
mod reads;
mod upkeep;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::{Database, Fixture, Program, TestGateway, binary, with_webhook};

use writer::Writer;

/// Nobody listens there: notifications wait.
const NO_WEBHOOK: ([u8; 4], u16) = ([127, 0, 0, 1], 9);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [release, commit] = arguments.as_slice() else {
        anyhow::bail!("usage: write_fixture RELEASE COMMIT, where HAULOUT_BIN was built from COMMIT")
    };
    for database in [Database::Sqlite, Database::Postgres] {
        let folder = Fixture::folder(release, database);
        ensure!(!folder.exists(), "{} is there already: what was released does not change", folder.display());
        fs::create_dir_all(&folder)?;
        write(database, &folder, commit).await.with_context(|| format!("{database:?}"))?;
    }
    Ok(())
}

async fn write(database: Database, folder: &Path, commit: &str) -> Result<()> {
    let key_file = folder.join("kms-keys.toml");
    fs::write(&key_file, key_service(&[1]))?;
    // What is deleted here is due by the time that anybody else opens the data, and not while it is being written.
    let settings = Fixture::settings(database).set("objects", "grace_seconds = 120");
    let settings = with_webhook(settings, NO_WEBHOOK.into(), true);
    let version = Program::new(binary()).args(["--version"]).ok().await?;
    let gateway = TestGateway::open(settings, folder).await?;
    let mut writer = Writer::new(gateway, format!("{}, commit {commit}", version.trim()));

    buckets::make(&mut writer).await?;
    identity::write(&mut writer).await?;
    buckets::configure(&mut writer).await?;
    objects::write(&mut writer).await?;
    upkeep::rotate_keys(&mut writer).await?;
    upkeep::lose_a_backend(&mut writer).await?;
    upkeep::delete(&mut writer).await?;
    reads::record(&mut writer).await?;

    writer.gateway.stop()?;
    writer.gateway.bring_back(upkeep::LOST)?;
    fs::write(&key_file, key_service(&[1, 2]))?;
    writer.gateway.save(folder)?;
    writer.fixture.write(folder)?;
    println!("{}", PathBuf::from(folder).display());
    Ok(())
}

/// The key service's file. These keys protect nothing but this fixture.
fn key_service(versions: &[u8]) -> String {
    let version = |number: &u8| format!("{number} = \"{}\"", format!("{:02x}", 0xa0 + number).repeat(32));
    let versions: Vec<_> = versions.iter().map(version).collect();
    format!("default = \"main\"\n\n[[key]]\nname = \"main\"\nversions = {{ {} }}\n", versions.join(", "))
}
