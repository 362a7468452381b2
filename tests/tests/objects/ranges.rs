//! Ranges of objects of every shape: healthy, and with two backends away.

use anyhow::{Result, ensure};
use harness::{Payload, S3, TestGateway, number_from_environment, on_both};
use http::Method;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

on_both!(any_range_holds_the_right_bytes, borders_are_as_in_the_book);

const MIB: u64 = 1 << 20;

async fn fill(s3: &S3) -> Result<Vec<Payload>> {
    s3.create_bucket("ranges").await?;
    let mut payloads = Vec::new();
    for len in [1, 4_095, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 4 * MIB + 12_345] {
        let payload = Payload::new(&len.to_string(), 1, len);
        s3.put("ranges", &len.to_string(), payload.bytes()).await?.ok()?;
        payloads.push(payload);
    }
    Ok(payloads)
}

async fn any_range_holds_the_right_bytes(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    let payloads = fill(&s3).await?;
    let cases = number_from_environment("HAULOUT_RANGES", 150);
    for lost in [[0; 2], [1, 2], [3, 6]] {
        for number in lost.into_iter().filter(|number| *number != 0) {
            gateway.take_away(number)?;
        }
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        for _ in 0..cases {
            let choice = (0..payloads.len(), 0.0..1.0_f64, 0.0..1.0_f64, 0..3_u8);
            let (index, start, span, shape) = choice.new_tree(&mut runner).map_err(anyhow::Error::msg)?.current();
            let payload = &payloads[index];
            let start = part_of(payload.len, start);
            let len = match shape {
                0 => 1 + part_of((payload.len - start).min(300), span),
                1 => 1 + part_of((payload.len - start).min(70_000), span),
                _ => 1 + part_of(payload.len - start, span),
            };
            let end = (start + len).min(payload.len);
            let reply = s3.get_range("ranges", &payload.len.to_string(), start..end).await?;
            ensure!(reply.status == 206, "{start}..{end} of {}: {}", payload.len, reply.text());
            ensure!(reply.body == payload.range(start..end), "{start}..{end} of {}, without {lost:?}", payload.len);
        }
        for number in lost.into_iter().filter(|number| *number != 0) {
            gateway.bring_back(number)?;
        }
        gateway.wait_for_backends().await?;
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn part_of(len: u64, share: f64) -> u64 {
    ((len as f64 * share) as u64).min(len.saturating_sub(1))
}

async fn borders_are_as_in_the_book(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("ranges").await?;
    s3.put("ranges", "ten", "0123456789").await?.ok()?;
    s3.put("ranges", "empty", "").await?.ok()?;
    let table = [
        ("ten", "bytes=0-", 206, "0123456789", "bytes 0-9/10"),
        ("ten", "bytes=3-5", 206, "345", "bytes 3-5/10"),
        ("ten", "bytes=-4", 206, "6789", "bytes 6-9/10"),
        ("ten", "bytes=-40", 206, "0123456789", "bytes 0-9/10"),
        ("ten", "bytes=9-18446744073709551615", 206, "9", "bytes 9-9/10"),
        ("ten", "bytes=10-", 416, "InvalidRange", "bytes */10"),
        ("ten", "bytes=-0", 416, "InvalidRange", "bytes */10"),
        ("empty", "bytes=0-", 416, "InvalidRange", "bytes */0"),
        ("ten", "bytes=5-2", 200, "0123456789", ""),
        ("ten", "furlongs=1-2", 200, "0123456789", ""),
        ("ten", "bytes=x", 200, "0123456789", ""),
    ];
    for (key, range, status, body, content_range) in table {
        let reply = s3.on(Method::GET, "ranges", key).header("range", range).send().await?;
        let got = if status == 416 { reply.code().unwrap_or_default() } else { reply.text() };
        ensure!(reply.status == status && got == body, "{key} {range}: {} {}", reply.status, reply.text());
        ensure!(reply.header("content-range") == content_range, "{key} {range}: {:?}", reply.headers);
    }
    Ok(())
}
