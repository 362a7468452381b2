//! A backend leaves: what it holds moves to the others first, whatever happens meanwhile.

use anyhow::{Result, ensure};
use harness::{Payload, S3, TestGateway, number_before, on_both, on_sqlite, wait_until};

on_both!(a_drained_backend_can_leave);
on_sqlite!(a_drain_without_a_place_is_refused_and_one_can_be_cancelled);

const BUCKET: &str = "moving";

fn payload(number: usize) -> Payload {
    let len = [1, 4_096, 1 << 20, 2_500_000][number % 4];
    Payload::new(&number.to_string(), 1, len)
}

async fn write(s3: &S3, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        s3.put(BUCKET, &number.to_string(), payload(number).bytes()).await?.ok()?;
    }
    Ok(())
}

async fn read(s3: &S3, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        let reply = s3.get(BUCKET, &number.to_string()).await?.ok()?;
        ensure!(reply.body == payload(number).bytes(), "object {number} came back wrong");
    }
    Ok(())
}

async fn a_drained_backend_can_leave(gateway: &mut TestGateway) -> Result<()> {
    gateway.reconfigure(|settings| settings.folders(8))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket(BUCKET).await?;
    write(&s3, 0..24).await?;
    let held = gateway.slivers_of(8)?.len();
    ensure!(held > 0, "b8 holds something");

    let refused = gateway.haulout(&["backend", "remove", "b8"]).fails().await?;
    ensure!(refused.contains("haulout backend drain b8"), "{refused}");
    let plan = gateway.haulout(&["backend", "drain", "b8", "--dry-run"]).ok().await?;
    // With those of the journal.
    ensure!(number_before(&plan, "slivers") >= Some(held) && plan.contains("free"), "{plan}");
    ensure!(gateway.slivers_of(8)?.len() == held, "a plan moves nothing");

    gateway.haulout(&["backend", "drain", "b8"]).ok().await?;
    gateway.kill();
    gateway.restart()?;
    write(&s3, 24..32).await?;
    // Whoever else fails meanwhile: nothing has less redundancy than before.
    gateway.take_away(1)?;
    gateway.take_away(2)?;
    read(&s3, 0..32).await?;
    gateway.bring_back(1)?;
    gateway.bring_back(2)?;
    gateway.wait_for_backends().await?;
    wait_until("b8 is empty", async || Ok(gateway.slivers_of(8)?.is_empty().then_some(()))).await?;
    let listed = gateway.haulout(&["backend", "list"]).ok().await?;
    ensure!(listed.contains("drained: `haulout backend remove`"), "{listed}");

    gateway.haulout(&["backend", "remove", "b8"]).ok().await?;
    gateway.reconfigure(|settings| settings.folders(7))?;
    gateway.restart()?;
    gateway.wait_for_repair().await?;
    read(&s3, 0..32).await
}

async fn a_drain_without_a_place_is_refused_and_one_can_be_cancelled(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket(BUCKET).await?;
    write(&s3, 0..8).await?;
    // Six backends, six slivers: each provider has one of every blob.
    let refused = gateway.haulout(&["backend", "drain", "b3"]).fails().await?;
    ensure!(refused.contains("would find no place"), "{refused}");
    gateway.haulout(&["backend", "drain", "b3", "--dry-run"]).fails().await?;
    gateway.haulout(&["backend", "drain", "b9"]).fails().await?;
    gateway.haulout(&["backend", "drain", "b3", "--cancel"]).fails().await?;
    // With a seventh there is a place, once.
    gateway.reconfigure(|settings| settings.folders(7))?;
    gateway.restart()?;
    gateway.haulout(&["backend", "drain", "b3"]).ok().await?;
    let refused = gateway.haulout(&["backend", "drain", "b4"]).fails().await?;
    ensure!(refused.contains("would find no place") || refused.contains("5 would be left"), "{refused}");
    let cancelled = gateway.haulout(&["backend", "drain", "b3", "--cancel"]).ok().await?;
    ensure!(cancelled.contains("takes slivers again"), "{cancelled}");
    gateway.wait_for_repair().await?;
    let before = gateway.slivers_of(3)?.len();
    write(&s3, 8..40).await?;
    ensure!(gateway.slivers_of(3)?.len() > before, "b3 takes slivers again");
    read(&s3, 0..40).await
}
