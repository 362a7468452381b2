//! Backends disappear while data is read and written: two of six may, the third makes errors, never wrong bytes.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use harness::{Payload, S3, TestGateway, on_both, on_sqlite, wait_until};

on_both!(two_of_six_are_destroyed_while_reading, what_is_missing_is_named, the_third_loss_is_an_error_not_a_lie);
on_sqlite!(writing_goes_on_without_one_but_not_without_two, damaged_slivers_are_noticed_and_not_served);

fn payloads() -> Vec<Payload> {
    let sizes = [0, 1, 100, 4_096, 70_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000];
    sizes.into_iter().map(|size| Payload::new(&size.to_string(), 1, size)).collect()
}

async fn fill(s3: &S3) -> Result<()> {
    s3.create_bucket("lost").await?;
    let puts = payloads()
        .into_iter()
        .map(|payload| async move { s3.put("lost", &payload.len.to_string(), payload.bytes()).await?.ok().map(drop) });
    try_join_all(puts).await.map(drop)
}

/// When each read of a test began and ended; `None` while it is under way.
#[derive(Default)]
struct Reads {
    list: Mutex<Vec<(Instant, Option<Instant>)>>,
    enough: AtomicBool,
}

impl Reads {
    fn list(&self) -> MutexGuard<'_, Vec<(Instant, Option<Instant>)>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> usize {
        let mut list = self.list();
        list.push((Instant::now(), None));
        list.len() - 1
    }

    fn under_way(&self) -> usize {
        self.list().iter().filter(|(_, ended)| ended.is_none()).count()
    }

    /// Reads that had begun before a moment and had not ended.
    fn during(&self, moment: Instant) -> usize {
        let list = self.list();
        list.iter().filter(|(begun, ended)| *begun < moment && ended.is_none_or(|ended| ended > moment)).count()
    }

    /// Reads that began after a moment.
    fn after(&self, moment: Instant) -> usize {
        self.list().iter().filter(|(begun, _)| *begun > moment).count()
    }
}

/// Reads everything again and again until it is enough, and then once more to the end.
async fn read_until_enough(s3: S3, reads: Arc<Reads>) -> Result<()> {
    while !reads.enough.load(Ordering::Relaxed) {
        for payload in payloads() {
            let read = reads.begin();
            let reply = s3.get("lost", &payload.len.to_string()).await?.ok()?;
            reads.list()[read].1 = Some(Instant::now());
            ensure!(reply.body == payload.bytes(), "{} bytes came back wrong", payload.len);
        }
    }
    Ok(())
}

/// Destroys a backend while at least two reads are under way; the moment when it went.
async fn destroy_under_readers(gateway: &TestGateway, number: usize, reads: &Reads) -> Result<Instant> {
    wait_until("two reads are under way", async || Ok((reads.under_way() >= 2).then_some(()))).await?;
    let moment = Instant::now();
    gateway.destroy(number)?;
    Ok(moment)
}

async fn read_all(s3: &S3) -> Result<()> {
    for payload in payloads() {
        let reply = s3.get("lost", &payload.len.to_string()).await?.ok()?;
        ensure!(reply.body == payload.bytes(), "{} bytes came back wrong", payload.len);
    }
    Ok(())
}

async fn two_of_six_are_destroyed_while_reading(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    let reads = Arc::new(Reads::default());
    let readers: Vec<_> = (0..4).map(|_| tokio::spawn(read_until_enough(s3.clone(), Arc::clone(&reads)))).collect();
    let objects = payloads().len();
    let mut moments = Vec::new();
    for number in [2, 5] {
        let moment = destroy_under_readers(gateway, number, &reads).await?;
        moments.push(moment);
        // Each reader comes past every object in between.
        wait_until("every reader has read everything since", async || {
            let failed = readers.iter().any(|reader| reader.is_finished());
            Ok((failed || reads.after(moment) >= 8 * objects).then_some(()))
        })
        .await?;
    }
    reads.enough.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await??;
    }
    for moment in moments {
        ensure!(reads.during(moment) > 0, "no read was under way when a backend went");
        ensure!(reads.after(moment) >= 8 * objects, "they went on reading");
    }
    gateway.restart_without_backends()?;
    read_all(&s3).await?;
    gateway.leaves_damage();
    Ok(())
}

async fn what_is_missing_is_named(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    gateway.check(true).await?.must_be_clean()?;
    let lost = gateway.slivers_of(2)?.len() + gateway.slivers_of(5)?.len();
    gateway.destroy(2)?;
    gateway.destroy(5)?;
    gateway.check(false).await?.must_complain()?;
    gateway.bring_back_empty(2)?;
    gateway.bring_back_empty(5)?;
    let report = gateway.check(true).await?;
    let said = report.must_complain()?;
    ensure!(said.contains("b2") && said.contains("b5"), "{said}");
    // With those of the journal.
    ensure!(report.missing() >= lost, "{lost} slivers are gone, check counts {}: {said}", report.missing());
    gateway.leaves_damage();
    Ok(())
}

async fn the_third_loss_is_an_error_not_a_lie(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    for number in [1, 3, 6] {
        gateway.take_away(number)?;
    }
    gateway.restart_without_backends()?;
    let mut refused = 0;
    for payload in payloads() {
        // A reply that breaks off is an error too: it is a visible one.
        let Ok(reply) = s3.get("lost", &payload.len.to_string()).await else {
            refused += 1;
            continue;
        };
        match reply.status {
            200 => ensure!(reply.body == payload.bytes(), "{} bytes came back wrong", payload.len),
            503 => refused += 1,
            _ => return reply.ok().map(drop),
        }
    }
    ensure!(refused > 0, "four of six are needed, and three are there");
    for number in [1, 3, 6] {
        gateway.bring_back(number)?;
    }
    gateway.wait_for_backends().await?;
    read_all(&s3).await
}

async fn writing_goes_on_without_one_but_not_without_two(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("lost").await?;
    let payload = Payload::new("written", 1, 2_000_000);
    gateway.take_away(4)?;
    s3.put("lost", "with five", payload.bytes()).await?.ok()?;
    s3.put("lost", "small with five", "small").await?.ok()?;
    gateway.take_away(5)?;
    for (key, body) in [("with four", payload.bytes()), ("small with four", "small".into())] {
        let refused = s3.put("lost", key, body).await?;
        ensure!(refused.status == 503 && !refused.header("retry-after").is_empty(), "{refused:?}");
    }
    ensure!(s3.list("lost", &[]).await?.0 == ["small with five", "with five"], "what was refused is not there");
    ensure!(s3.get("lost", "with five").await?.ok()?.body == payload.bytes(), "four of its five slivers are enough");
    gateway.bring_back(4)?;
    gateway.bring_back(5)?;
    gateway.wait_for_backends().await?;
    s3.put("lost", "with six", "all").await?.ok()?;
    gateway.leaves_damage(); // two blobs have five slivers and wait for repair
    Ok(())
}

async fn damaged_slivers_are_noticed_and_not_served(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    fill(&s3).await?;
    for (number, damage) in [(1, 0), (4, 1)] {
        for sliver in gateway.slivers_of(number)? {
            let mut bytes = fs::read(&sliver)?;
            let middle = bytes.len() / 2;
            match damage {
                0 => bytes[middle] ^= 0x40,
                _ => bytes.truncate(middle),
            }
            fs::write(&sliver, bytes)?;
        }
    }
    gateway.restart()?;
    read_all(&s3).await?;
    gateway.check(true).await?.must_complain()?;
    gateway.leaves_damage();
    Ok(())
}
