//! Memory is bounded: many large uploads and downloads at once stay within the promise of the README.
//!
//! The full form: `HAULOUT_MEMORY_STREAMS=32 HAULOUT_MEMORY_MIB=1024 tests/run memory`.

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use harness::{Payload, TestGateway, number_from_environment, on_sqlite};
use http::Method;

on_sqlite!(many_large_transfers_stay_within_512_mib);

const MIB: u64 = 1 << 20;
const BOUND: u64 = 512 * MIB;

async fn many_large_transfers_stay_within_512_mib(gateway: &mut TestGateway) -> Result<()> {
    let streams = number_from_environment("HAULOUT_MEMORY_STREAMS", 8);
    let size = number_from_environment("HAULOUT_MEMORY_MIB", 64) * MIB;
    let s3 = gateway.root();
    s3.create_bucket("large").await?;
    let (at_rest, _) = gateway.memory()?;
    let payloads: Vec<_> = (0..streams).map(|stream| Payload::new(&stream.to_string(), 1, size)).collect();

    try_join_all(payloads.iter().enumerate().map(|(index, payload)| {
        let request = s3.on(Method::PUT, "large", &index.to_string()).streamed(payload.clone());
        async move { request.send().await?.ok().map(drop) }
    }))
    .await?;
    let (_, after_uploads) = gateway.memory()?;
    try_join_all(payloads.iter().enumerate().map(|(index, payload)| {
        let request = s3.on(Method::GET, "large", &index.to_string());
        async move { request.expect_payload(payload).await }
    }))
    .await?;
    let (_, highest) = gateway.memory()?;
    let figures = format!(
        "{streams} streams of {} MiB: {} MiB at rest, {} after the uploads, {} at most",
        size / MIB,
        at_rest / MIB,
        after_uploads / MIB,
        highest / MIB
    );
    println!("{figures}");
    ensure!(highest <= BOUND, "{figures}; the bound is {} MiB", BOUND / MIB);
    Ok(())
}
