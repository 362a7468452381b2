//! SDKs besides boto3, over http and over https: the one for JavaScript, as web applications use it, and the one for C++ inside
//! pyarrow.

use anyhow::Result;
use harness::{Database, Scheme, Settings, TestGateway, on_both};

on_both!(with_tls => javascript, pyarrow);

fn with_tls(database: Database) -> Settings {
    Settings::new(database).with_tls()
}

async fn javascript(gateway: &mut TestGateway) -> Result<()> {
    for scheme in Scheme::BOTH {
        gateway.clients(scheme).node("objects.cjs").ok().await?;
    }
    Ok(())
}

async fn pyarrow(gateway: &mut TestGateway) -> Result<()> {
    for scheme in Scheme::BOTH {
        gateway.clients(scheme).python("pyarrow_datasets.py").ok().await?;
    }
    Ok(())
}
