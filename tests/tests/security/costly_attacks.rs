//! Attacks that cost the gateway more than the attacker: each is answered, in time, and memory stays where it was. Each is
//! tried in the clear and over TLS.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use harness::{Database, Scheme, Settings, TestGateway, on_sqlite};

on_sqlite!(with_tls => heads_cost_what_they_weigh, forms_without_end_are_ended, lists_of_keys_share_what_they_may_hold);
on_sqlite!(crowded => bodies_of_nobody_take_nothing_from_others);
on_sqlite!(with_tls => forms_say_what_is_stored, patterns_take_linear_time, announced_chunks_keep_nobody_from_writing);
on_sqlite!(short_of_memory => idle_readers_keep_nobody_from_reading, hoarders_keep_nobody_from_reading);

const MIB: u64 = 1 << 20;
/// Generous: on an idle machine every attack is over in a few seconds.
const LONG: Duration = Duration::from_secs(200);

fn with_tls(database: Database) -> Settings {
    Settings::new(database).with_tls()
}

/// Few places of every kind, so that few connections would fill them.
fn crowded(database: Database) -> Settings {
    let settings = with_tls(database).set("limits", "requests = 40");
    settings.set("limits", "unverified_bodies = 8").set("limits", "unverified_bodies_per_peer = 8")
}

/// Memory for six streams of reads.
fn short_of_memory(database: Database) -> Settings {
    with_tls(database).set("limits", "memory_bytes = 50331648")
}

/// Runs an attack over both schemes.
async fn attack(gateway: &TestGateway, name: &str, mib: u64) -> Result<()> {
    attack_over(gateway, &Scheme::BOTH, name, mib).await
}

/// Runs an attack that waits for time to pass, over TLS, where connections cost more.
async fn wait_out(gateway: &TestGateway, name: &str, mib: u64) -> Result<()> {
    attack_over(gateway, &[Scheme::Https], name, mib).await
}

/// It must be over in time, and leave the memory below its bound.
async fn attack_over(gateway: &TestGateway, schemes: &[Scheme], name: &str, mib: u64) -> Result<()> {
    for &scheme in schemes {
        let (before, began) = (gateway.memory()?.0, Instant::now());
        gateway.clients(scheme).python("costly_attacks.py").args([name]).ok().await?;
        let (took, grown) = (began.elapsed(), gateway.memory()?.1.saturating_sub(before) / MIB);
        println!("{name} over {}: {} ms, {grown} MiB more at most", scheme.name(), took.as_millis());
        ensure!(took < LONG, "{name} over {}: {took:?}", scheme.name());
        ensure!(grown < mib, "{name} over {}: {grown} MiB more, and {mib} are the bound", scheme.name());
    }
    Ok(())
}

/// One header named seven thousand times in `SignedHeaders`, sixteen thousand parameters, as many headers asked about.
async fn heads_cost_what_they_weigh(gateway: &mut TestGateway) -> Result<()> {
    attack(gateway, "heads", 128).await
}

/// A form whose first part never comes, and others like it.
async fn forms_without_end_are_ended(gateway: &mut TestGateway) -> Result<()> {
    attack(gateway, "forms", 128).await
}

/// Fifty lists of keys of four megabytes each, at once.
async fn lists_of_keys_share_what_they_may_hold(gateway: &mut TestGateway) -> Result<()> {
    wait_out(gateway, "lists", 128).await
}

/// Calls of IAM and forms whose senders announce a body and leave it at that.
async fn bodies_of_nobody_take_nothing_from_others(gateway: &mut TestGateway) -> Result<()> {
    wait_out(gateway, "bodies", 128).await
}

/// Wildcards that match nothing, as a policy, held against long keys.
async fn patterns_take_linear_time(gateway: &mut TestGateway) -> Result<()> {
    attack(gateway, "patterns", 128).await
}

/// Signed chunks of 16 MiB that are announced and do not come.
async fn announced_chunks_keep_nobody_from_writing(gateway: &mut TestGateway) -> Result<()> {
    attack(gateway, "chunks", 192).await
}

/// Clients that ask for an object and take nothing of it.
async fn idle_readers_keep_nobody_from_reading(gateway: &mut TestGateway) -> Result<()> {
    wait_out(gateway, "idle", 128).await
}

/// More clients that take next to nothing than there is memory for.
async fn hoarders_keep_nobody_from_reading(gateway: &mut TestGateway) -> Result<()> {
    wait_out(gateway, "hoarding", 192).await
}

/// What a form stores is what it says, under the policy that was signed, and every byte of its file.
async fn forms_say_what_is_stored(gateway: &mut TestGateway) -> Result<()> {
    for scheme in Scheme::BOTH {
        gateway.clients(scheme).python("boto3_forms.py").ok().await?;
    }
    Ok(())
}
