//! Holds on the names of deleted buckets: for a while only the account that had one can take it again.
//!
//! Programs, links and backups that do not know of the deletion go on using the name; whoever took it at once would get what
//! they send and serve what they fetch.

use crate::domain::{BucketId, BucketName, UserId};
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Microseconds.
const SECOND: i64 = 1_000_000;

/// Holds the name of a bucket that is about to be deleted for its owner's account.
pub(super) async fn put(tx: &mut Session, bucket: BucketId, seconds: u32) -> Result<()> {
    if seconds == 0 {
        return Ok(());
    }
    let text = format!(
        "INSERT INTO bucket_name_hold (name, account_id, held_until) \
         SELECT name, account_id, {} + $1 FROM bucket WHERE id = $2 \
         ON CONFLICT (name) DO UPDATE SET account_id = excluded.account_id, held_until = excluded.held_until",
        tx.dialect().now()
    );
    let length = i64::from(seconds) * SECOND;
    tx.execute(Statement::new(text).bind(length).bind(bucket.0)).await.map(drop)
}

/// Ends the hold on a name that an account takes; false while it is held for another.
pub(super) async fn take(tx: &mut Session, name: &BucketName, account: UserId) -> Result<bool> {
    let now = tx.dialect().now();
    let text = format!("DELETE FROM bucket_name_hold WHERE name = $1 AND (account_id = $2 OR held_until <= {now})");
    tx.execute(Statement::new(text).bind(name.as_str()).bind(account.0)).await?;
    let text = "SELECT name FROM bucket_name_hold WHERE name = $1";
    Ok(tx.row(Statement::new(text).bind(name.as_str())).await?.is_none())
}
