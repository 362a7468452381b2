//! Clients at work while somebody disturbs, and what must be true afterwards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Result, ensure};
use harness::{Operation, S3, check_history};
use http::Method;

use super::client::Client;
use super::world::{BUCKETS, KEYS, World, content};

/// Kept versions that are read back.
const VERSIONS_READ_MAX: usize = 200;

/// Lets clients work through these gateways until `disturb` is over. Then all keys can be read through each of them, and
/// what was done and seen is what a store does that keeps S3's promises; it is returned with what `disturb` did.
pub async fn work_while<T>(
    gateways: Vec<S3>,
    clients: u64,
    disturb: impl AsyncFnOnce(&World) -> Result<T>,
) -> Result<(T, Vec<Operation>)> {
    let s3 = gateways[0].clone();
    for bucket in BUCKETS {
        s3.create_bucket(bucket).await?;
    }
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    s3.request(Method::PUT, "/versioned").query("versioning", "").body(enabled).send().await?.ok()?;

    let world = Arc::new(World::new(gateways.len()));
    let client = |id| Client::new(id, gateways.clone(), Arc::clone(&world));
    let working: Vec<_> = (1..=clients).map(|id| tokio::spawn(client(id).work())).collect();
    let disturbed = disturb(&world).await;
    world.done.store(true, Ordering::Relaxed);
    world.serving.send_modify(|serving| serving.fill(true));
    for client in working {
        client.await??;
    }
    let disturbed = disturbed?;

    let mut reader = client(0);
    for pass in 0..=world.pass.load(Ordering::Relaxed) {
        let before = world.answered.load(Ordering::Relaxed);
        reader.read_back(pass).await?;
        let answered = world.answered.load(Ordering::Relaxed) - before;
        let expected = 3 * KEYS * (BUCKETS.len() * gateways.len()) as u64; // GET, HEAD and LIST
        ensure!(answered == expected, "{} of the reads of pass {pass} had no answer", expected - answered);
    }
    let operations = world.operations();
    check_history(&operations)?;
    versions_are_kept(&s3, &world).await?;
    Ok((disturbed, operations))
}

/// Where versions are kept, all that were acknowledged are there.
async fn versions_are_kept(s3: &S3, world: &World) -> Result<()> {
    let acknowledged = world.versions.lock().unwrap().clone();
    let (mut listed, mut markers) = (HashSet::new(), HashMap::new());
    loop {
        let request = s3.request(Method::GET, "/versioned").query("versions", "");
        let request =
            markers.iter().fold(request, |request, (name, value): (&&str, &String)| request.query(name, value));
        let page = request.send().await?.ok()?;
        listed.extend(page.texts_of("VersionId"));
        let marker = |name| page.text_of(name).ok();
        let Some(key) = marker("NextKeyMarker") else { break };
        markers.insert("key-marker", key);
        markers.extend(marker("NextVersionIdMarker").map(|id| ("version-id-marker", id)));
    }
    for (key, id, value) in &acknowledged {
        ensure!(listed.contains(id), "version {id} of {key} is gone, which was acknowledged with value {value}");
    }
    let step = acknowledged.len().div_ceil(VERSIONS_READ_MAX).max(1);
    for (key, id, value) in acknowledged.iter().step_by(step) {
        let reply = s3.on(Method::GET, "versioned", key).query("versionId", id).send().await?.ok()?;
        ensure!(reply.body == content(*value), "version {id} of {key} is not value {value}");
    }
    Ok(())
}
