//! The second listener: health for whoever restarts us, metrics for whoever watches us, nothing for anybody else.

use anyhow::{Result, ensure};
use harness::{TestGateway, on_both, send_raw};

on_both!(health_and_metrics);

async fn health_and_metrics(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("watched").await?;
    s3.put("watched", "key", "content").await?.ok()?;
    s3.get("watched", "key").await?.ok()?;
    s3.get("watched", "nothing").await?.refused(404, "NoSuchKey")?;
    ensure!(gateway.ops("/health/live")?.0 == 200);
    ensure!(gateway.ops("/health/ready")?.0 == 200);
    let (status, metrics) = gateway.ops("/metrics")?;
    ensure!(status == 200 && metrics.contains("# TYPE haulout_"), "{metrics}");
    ensure!(!metrics.contains("watched"), "names of buckets are nobody's business: {metrics}");
    ensure!(gateway.ops("/")?.0 == 404 && gateway.ops("/watched/key")?.0 == 404, "no S3 here");
    let on_s3 = send_raw(gateway.address(), b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await?;
    ensure!(on_s3.text.contains("NoSuchBucket"), "on the S3 listener `metrics` is a bucket's name: {}", on_s3.text);
    Ok(())
}
