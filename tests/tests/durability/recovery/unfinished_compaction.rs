//! The process ends when compaction has written a quilt that nobody knows of yet, and the database is lost: what that quilt says of objects
//! which have another name by now brings none of them back under the old one.
//!
//! Takes a program with the feature `failpoints` as `failpoints.rs` beside this does.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use harness::{Database, Payload, Settings, TestGateway, run_scenario, wait_until};
use http::Method;

const BUCKET: &str = "quilts";

/// Objects that share a quilt or two, of which one in six stays, under another name.
const OBJECTS: usize = 24;
const STAYS: usize = 6;

#[test]
fn what_it_wrote_brings_no_old_name_back_on_sqlite() -> Result<()> {
    run(Database::Sqlite)
}

#[test]
fn what_it_wrote_brings_no_old_name_back_on_postgres() -> Result<()> {
    run(Database::Postgres)
}

fn run(database: Database) -> Result<()> {
    let Some(program) = std::env::var_os("HAULOUT_FAILPOINTS_BIN") else {
        eprintln!("HAULOUT_FAILPOINTS_BIN names no program with failpoints: nothing was tested");
        return Ok(());
    };
    // All of them come within this time.
    let settings = Settings::new(database).set("objects", "linger_ms = 200");
    run_scenario(settings.program(program.into()), async |gateway| renamed_objects_keep_their_name(gateway).await)
}

fn payload(number: usize) -> Payload {
    Payload::new("object", number as u64, 3_000)
}

/// Starts it again with a point armed.
fn restart(gateway: &mut TestGateway, armed: &str) -> Result<()> {
    gateway.reconfigure(|settings| settings.env("FAILPOINTS", armed))?;
    gateway.restart()
}

async fn renamed_objects_keep_their_name(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    restart(gateway, "compact-written=1*return(kill)->off")?;
    s3.create_bucket(BUCKET).await?;
    let puts = (0..OBJECTS).map(async |number| {
        s3.put(BUCKET, &format!("object {number}"), payload(number).bytes()).await?.ok()?;
        anyhow::Ok(())
    });
    try_join_all(puts).await?;
    for number in (0..OBJECTS).step_by(STAYS) {
        let rename = s3.on(Method::PUT, BUCKET, &format!("renamed {number}")).query("renameObject", "");
        rename.header("x-amz-rename-source", format!("object {number}")).send().await?.ok()?;
    }
    gateway.wait_for_journal().await?;
    for number in (0..OBJECTS).filter(|number| number % STAYS > 0) {
        // The last ones may find the gateway gone.
        let _ = s3.delete(BUCKET, &format!("object {number}")).await;
    }
    let struck = async || {
        // It ends in the middle, or has ended.
        let _ = gateway.haulout(&["collect"]).run().await?;
        Ok(gateway.log().contains("passed the point compact-written\n").then_some(()))
    };
    wait_until("compaction has written a quilt", struck).await?;

    gateway.kill();
    gateway.lose_database().await?;
    gateway.reconfigure(|settings| settings.env("FAILPOINTS", ""))?;
    let said = gateway.haulout(&["recover"]).run().await?;
    gateway.restart()?;
    let (keys, _) = s3.list(BUCKET, &[]).await?;
    for number in (0..OBJECTS).step_by(STAYS) {
        let name = format!("renamed {number}");
        ensure!(keys.contains(&name), "{keys:?}; {}", said.describe());
        ensure!(s3.get(BUCKET, &name).await?.ok()?.body == payload(number).bytes(), "{name} came back wrong");
        s3.get(BUCKET, &format!("object {number}")).await?.refused(404, "NoSuchKey")?;
    }
    gateway.haulout(&["recover", "confirm"]).ok().await?;
    gateway.wait_for_collection().await
}
