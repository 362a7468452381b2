//! Money, as the operator sees and moves it.

pub mod accounts;
pub mod buckets;
pub mod earnings;
pub mod epochs;
pub mod invoice_proofs;
mod moment;
pub mod price_floors;
pub mod registering;
pub mod settling;
pub mod stakes;
pub mod votes;

use crate::admin::Admin;
use crate::admin::error::{AdminError, Result};
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::{BucketId, BucketName};

/// The books that are kept now.
fn book(admin: &Admin) -> Result<Book> {
    admin.money.mode.book().ok_or_else(|| AdminError::refused("money is off: see [money] in the configuration"))
}

/// A bucket by its name.
async fn bucket(admin: &Admin, name: &str) -> Result<BucketId> {
    let missing = || AdminError::refused(format!("there is no bucket named {name:?}"));
    let parsed: BucketName = name.parse().map_err(|_| missing())?;
    admin.metadata.bucket_number(&parsed).await?.ok_or_else(missing)
}

/// An account of the ledger by its name, a user's by the user's name, or a bucket's own funds by `bucket/` and the bucket's name.
async fn account(admin: &Admin, name: &str) -> Result<LedgerAccount> {
    if let Some(of) = name.strip_prefix("bucket/")
        && let Ok(parsed) = of.parse::<BucketName>()
        && let Some(number) = admin.metadata.bucket_number(&parsed).await?
    {
        return Ok(LedgerAccount::Bucket(number.0.to_string()));
    }
    let users = admin.metadata.users().await?;
    if let Some((user, _)) = users.into_iter().find(|(user, _)| user.name == name) {
        return Ok(LedgerAccount::Payer(user.id.account_number()));
    }
    name.parse().map_err(|_| {
        AdminError::refused(format!("{name:?} is neither a user nor an account such as payer/NUMBER or bucket/NAME"))
    })
}
