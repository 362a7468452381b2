//! Chromium without a screen: a website bucket, a film that is sought in, an upload in parts from another origin.

use std::net::TcpListener;

use anyhow::Result;
use harness::{Scheme, TestGateway, on_sqlite};

on_sqlite!(a_page_uploads_in_parts_and_seeks_in_a_film);

async fn a_page_uploads_in_parts_and_seeks_in_a_film(gateway: &mut TestGateway) -> Result<()> {
    let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    gateway.kill();
    gateway.reconfigure(|settings| {
        let settings = settings.set("website", &format!("listen = \"{address}\""));
        settings.set("website", "base_domains = [\"localhost\"]")
    })?;
    gateway.restart()?;
    let website = format!("localhost:{}", address.port());
    let folder = gateway.scratch("browser");
    gateway.clients(Scheme::Http).python("browser.py").env("HAULOUT_WEBSITE", &website).in_folder(&folder).ok().await?;
    Ok(())
}
