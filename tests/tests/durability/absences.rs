//! A backend that is configured and stays away is made good on the others, and what is still good on it counts when it is back.

use anyhow::{Context, Result, ensure};
use harness::{Database, Payload, S3, Settings, TestGateway, on_both, on_sqlite, wait_until};

on_both!(eight => what_stays_away_is_rebuilt_and_reclaimed_when_it_is_back);
on_sqlite!(eight => of_three_that_are_away_together_none_is_lost);
on_sqlite!(six => what_was_not_rebuilt_counts_again);

const BUCKET: &str = "away";
const OBJECTS: usize = 16;

fn six(database: Database) -> Settings {
    Settings::new(database).set("objects", "heartbeat_seconds = 1")
}

fn eight(database: Database) -> Settings {
    six(database).folders(8)
}

fn payload(number: usize) -> Payload {
    let len = [1, 4_096, 1 << 20, 2_500_000][number % 4];
    Payload::new(&number.to_string(), 1, len)
}

async fn fill(gateway: &TestGateway) -> Result<S3> {
    let s3 = gateway.root();
    s3.create_bucket(BUCKET).await?;
    for number in 0..OBJECTS {
        s3.put(BUCKET, &number.to_string(), payload(number).bytes()).await?.ok()?;
    }
    Ok(s3)
}

async fn read(s3: &S3) -> Result<()> {
    for number in 0..OBJECTS {
        let reply = s3.get(BUCKET, &number.to_string()).await?.ok()?;
        ensure!(reply.body == payload(number).bytes(), "object {number} came back wrong");
    }
    Ok(())
}

/// What `backend list` says of the absence of a backend: for how many seconds, and whether it counts as lost.
async fn absence(gateway: &TestGateway, number: usize) -> Result<Option<(u64, bool)>> {
    let listed = gateway.haulout(&["backend", "list", "--json"]).run().await?;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&listed.stdout).context("backend list")?;
    let name = format!("b{number}");
    let backend = listed.iter().find(|backend| backend["name"] == *name).context("no such backend")?;
    let away = &backend["away"];
    Ok(away["seconds"].as_u64().zip(away["lost"].as_bool()))
}

async fn wait_until_lost(gateway: &TestGateway, number: usize) -> Result<()> {
    wait_until("it counts as lost", async || {
        Ok(absence(gateway, number).await?.is_some_and(|(_, lost)| lost).then_some(()))
    })
    .await
}

async fn wait_until_back(gateway: &TestGateway, number: usize) -> Result<()> {
    wait_until("it is back", async || Ok(absence(gateway, number).await?.is_none().then_some(()))).await
}

fn slivers(gateway: &TestGateway, numbers: std::ops::RangeInclusive<usize>) -> Result<usize> {
    numbers.map(|number| Ok(gateway.slivers_of(number)?.len())).sum()
}

async fn what_stays_away_is_rebuilt_and_reclaimed_when_it_is_back(gateway: &mut TestGateway) -> Result<()> {
    let s3 = fill(gateway).await?;
    let said = gateway.haulout(&["backend", "lost-after"]).ok().await?;
    ensure!(said.contains("after 24 hours"), "{said}");
    gateway.haulout(&["backend", "lost-after", "3"]).ok().await?;
    let (all, held) = (slivers(gateway, 1..=8)?, slivers(gateway, 8..=8)?);
    ensure!(held > 0, "b8 holds something");

    gateway.take_away(8)?;
    wait_until_lost(gateway, 8).await?;
    wait_until("what it held is rebuilt", async || Ok((slivers(gateway, 1..=7)? == all).then_some(()))).await?;
    // Two more may go now, as if the eighth had never been there.
    gateway.take_away(1)?;
    gateway.take_away(2)?;
    read(&s3).await?;
    gateway.bring_back(1)?;
    gateway.bring_back(2)?;

    gateway.bring_back(8)?;
    wait_until_back(gateway, 8).await?;
    wait_until("what is elsewhere now is reclaimed", async || {
        gateway.haulout(&["collect"]).ok().await?;
        Ok((slivers(gateway, 8..=8)? == 0 && slivers(gateway, 1..=7)? == all).then_some(()))
    })
    .await?;
    gateway.wait_for_repair().await?;
    read(&s3).await?;
    for number in 0..OBJECTS {
        s3.put(BUCKET, &format!("later-{number}"), payload(0).bytes()).await?.ok()?;
    }
    ensure!(slivers(gateway, 8..=8)? > 0, "it takes slivers again");
    Ok(())
}

/// Then it is this side that is cut off. The rest come back, and what stays away is given up.
async fn of_three_that_are_away_together_none_is_lost(gateway: &mut TestGateway) -> Result<()> {
    let s3 = fill(gateway).await?;
    gateway.haulout(&["backend", "lost-after", "2"]).ok().await?;
    let before = slivers(gateway, 4..=8)?;
    for number in 1..=3 {
        gateway.take_away(number)?;
    }
    for number in 1..=3 {
        wait_until("it is away for longer than that", async || {
            let absence = absence(gateway, number).await?;
            ensure!(absence.is_none_or(|(_, lost)| !lost), "b{number} was given up");
            Ok(absence.is_some_and(|(seconds, _)| seconds >= 6).then_some(()))
        })
        .await?;
    }
    ensure!(slivers(gateway, 4..=8)? == before, "nothing was rebuilt");
    gateway.bring_back(1)?;
    wait_until_lost(gateway, 2).await?;
    wait_until_lost(gateway, 3).await?;
    gateway.bring_back(2)?;
    gateway.bring_back(3)?;
    gateway.wait_for_backends().await?;
    gateway.wait_for_repair().await?;
    read(&s3).await
}

/// With six backends nothing can be rebuilt elsewhere, so everything is as before when the sixth is back.
async fn what_was_not_rebuilt_counts_again(gateway: &mut TestGateway) -> Result<()> {
    let s3 = fill(gateway).await?;
    gateway.haulout(&["backend", "lost-after", "1"]).ok().await?;
    let mut before = gateway.slivers_of(6)?;
    gateway.take_away(6)?;
    wait_until_lost(gateway, 6).await?;
    read(&s3).await?;
    gateway.bring_back(6)?;
    wait_until_back(gateway, 6).await?;
    gateway.wait_for_backends().await?;
    gateway.wait_for_repair().await?;
    let mut after = gateway.slivers_of(6)?;
    before.sort();
    after.sort();
    ensure!(before == after, "its slivers are used again, and none was made again");
    gateway.take_away(1)?;
    gateway.take_away(2)?;
    read(&s3).await?;
    gateway.bring_back(1)?;
    gateway.bring_back(2)?;
    gateway.wait_for_backends().await
}
