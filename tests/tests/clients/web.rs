//! Browsers and what they need: CORS, websites, and the sub-resources that tools read on every refresh.

use anyhow::Result;
use harness::{Database, Scheme, Settings, TestGateway, on_both, on_sqlite};

on_both!(with_tls => pages_of_other_origins, sub_resources);
on_sqlite!(with_websites => websites);

fn with_tls(database: Database) -> Settings {
    Settings::new(database).with_tls()
}

fn with_websites(database: Database) -> Settings {
    Settings::new(database).with_websites("sites.test")
}

async fn pages_of_other_origins(gateway: &mut TestGateway) -> Result<()> {
    for scheme in Scheme::BOTH {
        gateway.clients(scheme).python("boto3_cors.py").ok().await?;
    }
    Ok(())
}

async fn sub_resources(gateway: &mut TestGateway) -> Result<()> {
    for scheme in Scheme::BOTH {
        gateway.clients(scheme).python("boto3_sub_resources.py").ok().await?;
    }
    Ok(())
}

async fn websites(gateway: &mut TestGateway) -> Result<()> {
    let website = gateway.website().to_string();
    gateway.clients(Scheme::Http).python("website.py").env("HAULOUT_WEBSITE", website).ok().await?;
    Ok(())
}
