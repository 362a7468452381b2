//! A gateway as the S3 backend of another one: our object_store client against our S3 API.

use std::path::Path;

use anyhow::{Result, ensure};
use backends::{BackendSpec, Expect};
use harness::{Payload, Settings, TestGateway, on_sqlite};

on_sqlite!(the_conformance_suite_passes_on_a_bucket, a_gateway_stores_its_slivers_in_another);

fn options(gateway: &TestGateway) -> Vec<(&'static str, String)> {
    let (access_key, secret_key) = gateway.root_keys();
    vec![
        ("endpoint", format!("http://{}", gateway.address())),
        ("access_key_id", access_key.to_owned()),
        ("secret_access_key", secret_key.to_owned()),
        ("region", "us-east-1".to_owned()),
        ("allow_http", "true".to_owned()),
    ]
}

async fn the_conformance_suite_passes_on_a_bucket(gateway: &mut TestGateway) -> Result<()> {
    gateway.root().create_bucket("slivers").await?;
    let spec = BackendSpec {
        name: "remote".into(),
        url: "s3://slivers/a/prefix".into(),
        provider: None,
        zone: None,
        options: options(gateway).into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
    };
    let store = backends::open(&spec, codec::ClusterId([7; 16]), Path::new("/"), Expect::New).await?;
    backends::conformance::run(store).await;
    Ok(())
}

async fn a_gateway_stores_its_slivers_in_another(far: &mut TestGateway) -> Result<()> {
    far.root().create_bucket("slivers").await?;
    let options = options(far);
    let options: Vec<_> = options.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let settings = (1..=3)
        .fold(Settings::new(harness::Database::Sqlite).scheme("rs-2-1").folders(0), |settings, number| {
            settings.backend_at(&format!("far{number}"), &format!("s3://slivers/far{number}"), &options)
        });
    let mut near = TestGateway::start(settings).await?;
    near.add_canary(&Payload::new("far away", 1, 6_000_000).range(1_000_000..1_000_064));
    let s3 = near.root();
    s3.create_bucket("near").await?;
    for len in [0, 1, 4_096, 300_000, 6_000_000] {
        let payload = Payload::new("far away", 1, len);
        s3.put("near", &len.to_string(), payload.bytes()).await?.ok()?;
        ensure!(s3.get("near", &len.to_string()).await?.ok()?.body == payload.bytes(), "{len} bytes");
        if len > 10 {
            let range = s3.get_range("near", &len.to_string(), len / 2..len / 2 + 9).await?;
            ensure!(range.body == payload.range(len / 2..len / 2 + 9), "a range of {len} bytes");
        }
    }
    s3.delete("near", "6000000").await?.ok()?;
    near.restart()?;
    ensure!(near.root().get("near", "300000").await?.ok()?.body == Payload::new("far away", 1, 300_000).bytes());
    near.finish().await
}
