//! boto3: the scripts of `tests/clients`, over http and over https, where it signs and frames its uploads differently.

use anyhow::Result;
use harness::{Database, Scheme, Settings, TestGateway, on_both};

on_both!(
    with_tls => objects,
    multipart_uploads,
    checksums,
    presigned_links_and_forms,
    versions,
    anonymous_callers,
    tags_of_buckets,
);

fn with_tls(database: Database) -> Settings {
    Settings::new(database).with_tls()
}

async fn objects(gateway: &mut TestGateway) -> Result<()> {
    run(gateway, "boto3_objects.py").await
}

async fn multipart_uploads(gateway: &mut TestGateway) -> Result<()> {
    run(gateway, "boto3_multipart.py").await
}

async fn checksums(gateway: &mut TestGateway) -> Result<()> {
    run(gateway, "boto3_checksums.py").await
}

async fn presigned_links_and_forms(gateway: &mut TestGateway) -> Result<()> {
    run(gateway, "boto3_presigned.py").await
}

async fn versions(gateway: &mut TestGateway) -> Result<()> {
    run(gateway, "boto3_versions.py").await
}

async fn anonymous_callers(gateway: &mut TestGateway) -> Result<()> {
    run(gateway, "boto3_anonymous.py").await
}

async fn tags_of_buckets(gateway: &mut TestGateway) -> Result<()> {
    run(gateway, "boto3_control.py").await
}

async fn run(gateway: &TestGateway, script: &str) -> Result<()> {
    for scheme in Scheme::BOTH {
        gateway.clients(scheme).python(script).ok().await?;
    }
    Ok(())
}
