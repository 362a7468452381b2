//! A part of the system is set back: the database, a backend, or a copy of everything. What was acknowledged stays until an
//! operator has looked, and the operator is notified.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use harness::{Database, Payload, S3, Settings, TestGateway, on_both, on_sqlite, wait_until};

on_both!(often => a_restored_database_collects_nothing_until_it_is_confirmed, a_restored_database_gives_no_number_again,
    a_database_and_a_backend_of_one_backup_are_as_a_database_alone, a_backend_that_is_older_than_a_restored_database_is_noticed_as_well);
on_sqlite!(often => a_backend_that_was_rolled_back_is_flagged_and_filled_again,
    a_forged_heartbeat_is_about_its_backend_alone, a_heartbeat_that_is_removed_is_not_adopted_again,
    a_backend_that_is_away_delays_collection_only, the_old_disk_of_a_replaced_backend_is_refused);
on_sqlite!(seldom => another_copy_of_the_database_stops_the_gateway);
on_sqlite!(seven => a_configuration_without_a_backend_moves_nothing, what_lies_out_of_reach_is_not_forgotten);

/// A heartbeat a second.
fn often(database: Database) -> Settings {
    Settings::new(database).set("objects", "heartbeat_seconds = 1")
}

/// Only at the start and at the end.
fn seldom(database: Database) -> Settings {
    Settings::new(database).set("objects", "heartbeat_seconds = 86400")
}

fn seven(database: Database) -> Settings {
    often(database).folders(7)
}

fn payload(key: &str) -> Payload {
    Payload::new(key, 1, if key.len().is_multiple_of(2) { 3_000 } else { 2_500_000 })
}

async fn put(s3: &S3, keys: &[&str]) -> Result<()> {
    for key in keys {
        s3.put("kept", key, payload(key).bytes()).await?.ok()?;
    }
    Ok(())
}

async fn read(s3: &S3, keys: &[&str]) -> Result<()> {
    for key in keys {
        ensure!(s3.get("kept", key).await?.ok()?.body == payload(key).bytes(), "{key} came back wrong");
    }
    Ok(())
}

/// The names of all slivers that are in sight, the trash left out.
fn slivers(gateway: &TestGateway, backends: usize) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for number in 1..=backends {
        let in_sight = |path: &&std::path::PathBuf| path.parent().and_then(Path::file_name) != Some("trash".as_ref());
        let files = gateway.slivers_of(number)?;
        let name = |path: &std::path::PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        names.extend(files.iter().filter(in_sight).map(name));
    }
    names.sort();
    Ok(names)
}

/// Collection is off and is reported as off everywhere; afterwards everything that was there still is.
async fn collects_nothing(gateway: &TestGateway, hint: &str) -> Result<()> {
    let before = slivers(gateway, 6)?;
    let said = gateway.haulout(&["collect"]).fails().await?;
    ensure!(said.contains("collection is off") && said.contains(hint), "{said}");
    ensure!(slivers(gateway, 6)? == before, "something was collected");
    let (_, ready) = gateway.ops("/health/ready")?;
    ensure!(ready.contains("collection is off"), "{ready}");
    let (_, metrics) = gateway.ops("/metrics")?;
    ensure!(metrics.contains("haulout_collection_held 1"), "{metrics}");
    gateway.check(false).await?.must_complain()?;
    gateway.haulout(&["backend", "list"]).fails().await?;
    Ok(())
}

async fn a_restored_database_collects_nothing_until_it_is_confirmed(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before", "before too"]).await?;
    let backup = gateway.back_up_database().await?;
    let known = slivers(gateway, 6)?;
    put(&s3, &["after", "after too"]).await?;
    gateway.wait_for_heartbeats(1..=6).await?;
    let all = slivers(gateway, 6)?;
    ensure!(!known.is_empty() && known.len() < all.len(), "slivers came after the backup");

    gateway.kill();
    gateway.restore_database(&backup).await?;
    gateway.restart()?;
    read(&s3, &["before", "before too"]).await?;
    s3.get("kept", "after").await?.refused(404, "NoSuchKey")?;
    ensure!(slivers(gateway, 6)? == all, "what the database does not know may have been acknowledged");
    collects_nothing(gateway, "haulout database confirm").await?;
    let said = gateway.problem("b4").await?.unwrap_or_default();
    ensure!(said.contains("the database is older") && said.contains("haulout database confirm"), "{said}");
    gateway.haulout(&["backend", "accept", "b4"]).fails().await?;
    s3.put("kept", "later", payload("later").bytes()).await?.refused(503, "ServiceUnavailable")?;
    s3.delete("kept", "before").await?.refused(503, "ServiceUnavailable")?;
    s3.call("iam", "CreateUser", &[("UserName", "anybody")]).await?.refused(503, "ServiceUnavailable")?;
    ensure!(gateway.ops("/health/ready")?.1.contains("only reads are served"));
    for command in [
        &["user", "add", "anybody"][..],
        &["quota", "set", "bucket", "kept", "--bytes", "9"],
        &["backend", "drain", "b1"],
    ] {
        let said = gateway.haulout(command).fails().await?;
        ensure!(said.contains("nothing is changed"), "{command:?}: {said}");
    }
    gateway.haulout(&["quota", "show", "bucket", "kept"]).ok().await?;
    gateway.haulout(&["user", "list"]).ok().await?;

    // It is as true after another start.
    gateway.restart()?;
    ensure!(all.iter().all(|name| slivers(gateway, 6).unwrap_or_default().contains(name)), "all is still there");
    collects_nothing(gateway, "haulout database confirm").await?;

    gateway.haulout(&["database", "confirm"]).ok().await?;
    gateway.haulout(&["collect"]).ok().await?;
    let left = slivers(gateway, 6)?;
    ensure!(known.iter().all(|name| left.contains(name)), "what the database knows stays");
    ensure!(all.iter().filter(|name| left.contains(name)).count() == known.len(), "what it does not know is given up");
    put(&s3, &["later", "later too"]).await?;
    read(&s3, &["later", "before", "later too"]).await?;
    gateway.haulout(&["backend", "list"]).ok().await?;
    ensure!(gateway.ops("/metrics")?.1.contains("haulout_collection_held 0"));
    gateway.wait_for_heartbeats(1..=6).await?;
    gateway.restart()?;
    gateway.haulout(&["backend", "list"]).ok().await?;
    read(&s3, &["later", "before", "later too"]).await
}

async fn a_restored_database_gives_no_number_again(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before"]).await?;
    let backup = gateway.back_up_database().await?;
    gateway.restart()?;
    put(&s3, &["after"]).await?;
    gateway.wait_for_heartbeats(1..=6).await?;
    let of = |gateway: &TestGateway, incarnation: &str| -> Result<usize> {
        Ok(slivers(gateway, 6)?.iter().filter(|name| name.starts_with(incarnation)).count())
    };
    ensure!((of(gateway, "00000001")?, of(gateway, "00000002")?) == (6, 6), "two incarnations");

    gateway.kill();
    gateway.restore_database(&backup).await?;
    gateway.restart()?;
    gateway.haulout(&["database", "confirm"]).ok().await?;
    put(&s3, &["later"]).await?;
    ensure!(of(gateway, "00000003")? == 6, "the number was not given again");
    gateway.haulout(&["collect"]).ok().await?;
    ensure!((of(gateway, "00000002")?, of(gateway, "00000003")?) == (0, 6), "a forgotten incarnation is a dead one");
    read(&s3, &["before", "later"]).await
}

/// A machine with the database and one of the disks came back from its backup.
async fn a_database_and_a_backend_of_one_backup_are_as_a_database_alone(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before", "before too"]).await?;
    gateway.wait_for_heartbeats(1..=6).await?;
    gateway.kill();
    let (database, backend) = (gateway.back_up_database().await?, gateway.back_up_backend(2)?);
    gateway.restart()?;
    put(&s3, &["after", "after too"]).await?;
    gateway.wait_for_heartbeats(1..=6).await?;

    gateway.kill();
    gateway.restore_database(&database).await?;
    gateway.restore_backend(&backend)?;
    gateway.restart()?;
    read(&s3, &["before", "before too"]).await?;
    collects_nothing(gateway, "haulout database confirm").await?;
    s3.put("kept", "later", payload("later").bytes()).await?.refused(503, "ServiceUnavailable")?;

    gateway.haulout(&["database", "confirm"]).ok().await?;
    gateway.haulout(&["collect"]).ok().await?;
    put(&s3, &["later", "later too"]).await?;
    read(&s3, &["before", "before too", "later", "later too"]).await?;
    gateway.haulout(&["backend", "list"]).ok().await?;
    gateway.check(true).await?.must_be_clean()
}

/// Two backups, and that of the backend is the older one: whoever confirms the database has not said anything about the backend.
async fn a_backend_that_is_older_than_a_restored_database_is_noticed_as_well(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before"]).await?;
    gateway.wait_for_heartbeats(1..=6).await?;
    let backend = gateway.back_up_backend(2)?;
    put(&s3, &["between", "between too"]).await?;
    gateway.wait_for_heartbeats(1..=6).await?;
    let database = gateway.back_up_database().await?;
    put(&s3, &["after"]).await?;
    gateway.wait_for_heartbeats(1..=6).await?;

    gateway.kill();
    gateway.restore_database(&database).await?;
    gateway.restore_backend(&backend)?;
    gateway.restart()?;
    collects_nothing(gateway, "haulout database confirm").await?;
    let said = gateway.haulout(&["database", "confirm"]).fails().await?;
    ensure!(said.contains("b2: has another problem"), "{said}");
    let said = gateway.wait_for_problem("b2").await?;
    ensure!(said.contains("it is older than the database") && said.contains("haulout backend accept"), "{said}");
    read(&s3, &["before", "between", "between too"]).await?;

    gateway.haulout(&["backend", "accept", "b2"]).ok().await?;
    gateway.wait_for_repair().await?;
    gateway.haulout(&["collect"]).ok().await?;
    for number in [5, 6] {
        gateway.take_away(number)?;
    }
    read(&s3, &["before", "between", "between too"]).await?;
    for number in [5, 6] {
        gateway.bring_back(number)?;
    }
    gateway.wait_for_backends().await
}

async fn a_backend_that_was_rolled_back_is_flagged_and_filled_again(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before"]).await?;
    let backup = gateway.back_up_backend(2)?;
    put(&s3, &["after", "after too"]).await?;
    gateway.wait_for_heartbeats([2]).await?;
    gateway.restore_backend(&backup)?;
    let said = gateway.wait_for_problem("b2").await?;
    ensure!(said.contains("it is older than the database") && said.contains("haulout backend accept"), "{said}");
    collects_nothing(gateway, "haulout backend accept").await?;
    // It is read from, and not written to.
    read(&s3, &["before", "after", "after too"]).await?;
    let before = gateway.slivers_of(2)?.len();
    put(&s3, &["meanwhile"]).await?;
    ensure!(gateway.slivers_of(2)?.len() == before, "what is written to it may be gone when the right disk is back");
    gateway.restart()?;
    collects_nothing(gateway, "haulout backend accept").await?;

    gateway.haulout(&["backend", "accept", "b2"]).ok().await?;
    gateway.wait_for_repair().await?;
    gateway.haulout(&["collect"]).ok().await?;
    for number in [5, 6] {
        gateway.take_away(number)?;
    }
    read(&s3, &["before", "after", "after too", "meanwhile"]).await?;
    for number in [5, 6] {
        gateway.bring_back(number)?;
    }
    gateway.wait_for_backends().await
}

async fn the_old_disk_of_a_replaced_backend_is_refused(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before"]).await?;
    let old = gateway.back_up_backend(2)?;
    gateway.destroy(2)?;
    gateway.bring_back_empty(2)?;
    gateway.haulout(&["backend", "accept", "b2"]).ok().await?;
    gateway.wait_for_repair().await?;
    put(&s3, &["after"]).await?;
    gateway.kill();
    gateway.restore_backend(&old)?;
    gateway.restart()?;
    let said = gateway.wait_for_problem("b2").await?;
    ensure!(said.contains("what had been replaced is back"), "{said}");
    collects_nothing(gateway, "haulout backend accept").await?;
    read(&s3, &["before", "after"]).await?;
    gateway.haulout(&["backend", "accept", "b2"]).ok().await?;
    gateway.wait_for_repair().await?;
    gateway.haulout(&["backend", "list"]).ok().await.map(drop)
}

async fn a_forged_heartbeat_is_about_its_backend_alone(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before", "deleted"]).await?;
    gateway.kill();
    let record = fs::read_to_string(gateway.heartbeat_file(3))?;
    let counter = format!("\"counter\": {}", gateway.heartbeat(3));
    fs::write(gateway.heartbeat_file(3), record.replace(&counter, "\"counter\": 1000000"))?;
    gateway.restart()?;
    let said = gateway.wait_for_problem("b3").await?;
    ensure!(said.contains("not authentic"), "{said}");
    let before = slivers(gateway, 6)?.len();
    s3.delete("kept", "deleted").await?.ok()?;
    let collected = gateway.haulout(&["collect", "--json"]).run().await?;
    let collected: serde_json::Value = serde_json::from_str(&collected.stdout)?;
    ensure!(collected["orphans_refused"].is_null(), "collection goes on: {collected}");
    ensure!(slivers(gateway, 6)?.len() < before, "what is dead goes: {collected}");
    ensure!(collected["unreachable"] == serde_json::json!(["b3"]), "but for its orphans: {collected}");
    put(&s3, &["after"]).await?;
    read(&s3, &["before", "after"]).await?;
    gateway.haulout(&["backend", "accept", "b3"]).ok().await?;
    gateway.wait_for_repair().await
}

async fn a_heartbeat_that_is_removed_is_not_adopted_again(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before"]).await?;
    gateway.stop()?;
    // As an earlier release has left it: no generation in the marker.
    for number in 1..=6 {
        let marker = gateway.backend_folder(number).join("haulout-backend.json");
        let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&marker)?)?;
        json.as_object_mut().map(|object| object.remove("generation"));
        fs::write(&marker, json.to_string())?;
    }
    gateway.restart()?;
    gateway.haulout(&["backend", "list"]).ok().await?;
    gateway.wait_for_heartbeats([4]).await?;
    fs::remove_file(gateway.heartbeat_file(4))?;
    let said = gateway.wait_for_problem("b4").await?;
    ensure!(said.contains("it shows no heartbeat"), "{said}");
    collects_nothing(gateway, "haulout backend accept").await?;
    ensure!(!gateway.heartbeat_file(4).exists(), "it is not made again by itself");
    gateway.haulout(&["backend", "accept", "b4"]).ok().await?;
    gateway.wait_for_heartbeats([4]).await?;
    gateway.wait_for_repair().await
}

async fn a_backend_that_is_away_delays_collection_only(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before", "deleted"]).await?;
    gateway.kill();
    gateway.take_away(6)?;
    gateway.restart()?;
    read(&s3, &["before"]).await?;
    put(&s3, &["with five"]).await?;
    s3.delete("kept", "deleted").await?.ok()?;
    let before = slivers(gateway, 5)?;
    let said = gateway.haulout(&["collect"]).fails().await?;
    ensure!(said.contains("have answered: b6"), "{said}");
    ensure!(slivers(gateway, 5)? == before, "it may know more than the database");
    gateway.bring_back(6)?;
    wait_until("collection goes on", async || Ok((gateway.haulout(&["collect"]).run().await?.code == 0).then_some(())))
        .await?;
    gateway.wait_for_repair().await
}

async fn another_copy_of_the_database_stops_the_gateway(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    put(&s3, &["before"]).await?;
    gateway.stop()?;
    let database = gateway.back_up_database().await?;
    let backends: Vec<_> = (1..=6).map(|number| gateway.back_up_backend(number)).collect::<Result<_>>()?;
    // One of the two copies runs.
    gateway.restart()?;
    gateway.stop()?;
    let (counter, others) = (gateway.heartbeat(1), gateway.back_up_backend(1)?);
    // So does the other, and one backend ends up in the wrong one.
    gateway.restore_database(&database).await?;
    backends.iter().try_for_each(|backend| gateway.restore_backend(backend))?;
    gateway.restart()?;
    gateway.stop()?;
    ensure!(gateway.heartbeat(1) == counter, "both count alike");
    gateway.restore_backend(&others)?;
    let refused = gateway.restart().expect_err("two databases must not both write to one cluster").to_string();
    ensure!(refused.contains("another copy of this database"), "{refused}");
    gateway.kill();
    let said = gateway.problem("b1").await?.unwrap_or_default();
    ensure!(said.contains("another copy of the database"), "{said}");
    gateway.haulout(&["database", "confirm"]).ok().await?;
    gateway.restart()?;
    gateway.haulout(&["backend", "list"]).ok().await?;
    read(&s3, &["before"]).await?;
    // The backend of the other copy has that one's journal and lacks this one's: scrubbing finds it.
    gateway.leaves_damage();
    Ok(())
}

async fn a_configuration_without_a_backend_moves_nothing(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    let keys = ["a", "bb", "c", "dd", "e", "ff", "g", "hh"];
    put(&s3, &keys).await?;
    let before = slivers(gateway, 7)?;
    let on_the_seventh = gateway.slivers_of(7)?.len();
    ensure!(on_the_seventh > 0, "b7 holds something");

    gateway.reconfigure(|settings| settings.folders(6))?;
    gateway.restart()?;
    // Set after the first step of repair.
    wait_until("no job is written for what only this gateway does not see", async || {
        Ok(gateway.ops("/metrics")?.1.contains("haulout_repair_jobs 0").then_some(()))
    })
    .await?;
    ensure!(slivers(gateway, 7)? == before, "nothing moved");
    let said = gateway.wait_for_problem("b7").await?;
    ensure!(said.contains("not in this gateway's configuration"), "{said}");
    read(&s3, &keys).await?;

    gateway.reconfigure(|settings| settings.folders(7))?;
    gateway.restart()?;
    gateway.check(true).await?.must_be_clean()?;

    // To leave the cluster is something that an operator says.
    gateway.haulout(&["backend", "remove", "b9"]).fails().await?;
    gateway.haulout(&["backend", "remove", "b7", "--lost"]).run().await?;
    gateway.restart()?;
    wait_until("b7, which was removed, is empty", async || {
        Ok((slivers(gateway, 7)?.len() == slivers(gateway, 6)?.len()).then_some(()))
    })
    .await?;
    gateway.wait_for_repair().await
}

async fn what_lies_out_of_reach_is_not_forgotten(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("kept").await?;
    let keys = ["a", "bb", "c", "dd", "e", "ff", "g", "hh"];
    put(&s3, &keys).await?;
    let on_the_seventh = gateway.slivers_of(7)?.len();
    ensure!(on_the_seventh > 0, "b7 holds something");
    gateway.reconfigure(|settings| settings.folders(6))?;
    gateway.restart()?;
    for key in keys {
        s3.delete("kept", key).await?.ok()?;
    }
    gateway.haulout(&["collect"]).ok().await?;
    ensure!(gateway.slivers_of(7)?.len() == on_the_seventh, "nobody could delete what is there");
    // Still somebody's, and so not left behind: the queue has it.
    gateway.reconfigure(|settings| settings.folders(7))?;
    gateway.restart()?;
    gateway.check(true).await?.must_be_clean()
}
