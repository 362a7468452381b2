//! Invitations of storage nodes: known by the hash of their secret, good once and for a while.

use crate::domain::Timestamp;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Days that invitations which are over are kept, so that it can be said why they are refused.
const KEPT_DAYS: i64 = 90;

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// What the node is asked to give.
    pub quota_bytes: u64,
    /// Until when it is good.
    pub ends_at: Timestamp,
    /// Which node came with it, if one did.
    pub node_key: Option<String>,
}

/// What became of an invitation that a node came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationUse {
    /// It was good, and is used now. Also for the node that has used it already, so that what failed later can be repeated.
    Taken,
    /// Nobody was invited with this secret.
    Unknown,
    /// It is over.
    Expired,
    /// Another node has used it.
    UsedByAnother,
}

impl MetadataStore {
    /// Records an invitation by the hash of its secret.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn record_invitation(&self, secret_hash: [u8; 32], quota_bytes: u64, ends_at: Timestamp) -> Result<()> {
        self.database().transact(Record { secret_hash, quota_bytes, ends_at }).await
    }

    /// An invitation.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn invitation(&self, secret_hash: [u8; 32]) -> Result<Option<Invitation>> {
        let text = "SELECT quota_bytes, ends_at, node_key FROM invitation WHERE secret_hash = $1";
        let Some(row) = self.database().row(Statement::new(text).bind(secret_hash)).await? else { return Ok(None) };
        let node_key = Some(row.text(2)?.to_owned()).filter(|key| !key.is_empty());
        Ok(Some(Invitation { quota_bytes: row.number(0)?, ends_at: Timestamp(row.int(1)?), node_key }))
    }

    /// Uses an invitation for the node with a key: once, by the database's clock.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn use_invitation(&self, secret_hash: [u8; 32], node_key: &str) -> Result<InvitationUse> {
        self.database().transact(Use { secret_hash, node_key: node_key.to_owned() }).await
    }
}

struct Record {
    secret_hash: [u8; 32],
    quota_bytes: u64,
    ends_at: Timestamp,
}

impl Work for Record {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let now = tx.dialect().now();
        let text = format!("DELETE FROM invitation WHERE ends_at < {now} - {}", KEPT_DAYS * 86_400 * 1_000_000);
        tx.execute(Statement::new(text)).await?;
        let text = format!(
            "INSERT INTO invitation (secret_hash, quota_bytes, created_at, ends_at) VALUES ($1, $2, {now}, $3)"
        );
        let statement = Statement::new(text).bind(self.secret_hash).bind(int(self.quota_bytes)?).bind(self.ends_at.0);
        tx.execute(statement).await.map(drop)
    }
}

struct Use {
    secret_hash: [u8; 32],
    node_key: String,
}

impl Work for Use {
    type Done = InvitationUse;

    async fn run(&self, tx: &mut Session) -> Result<InvitationUse> {
        let dialect = tx.dialect();
        let now = dialect.now();
        let text =
            format!("SELECT ends_at, node_key, {now} FROM invitation WHERE secret_hash = $1{}", dialect.for_update());
        let Some(row) = tx.row(Statement::new(text).bind(self.secret_hash)).await? else {
            return Ok(InvitationUse::Unknown);
        };
        match row.text(1)? {
            used_by if used_by == self.node_key => return Ok(InvitationUse::Taken),
            "" if row.int(0)? <= row.int(2)? => return Ok(InvitationUse::Expired),
            "" => {}
            _ => return Ok(InvitationUse::UsedByAnother),
        }
        let text = format!("UPDATE invitation SET used_at = {now}, node_key = $1 WHERE secret_hash = $2");
        tx.execute(Statement::new(text).bind(&*self.node_key).bind(self.secret_hash)).await?;
        Ok(InvitationUse::Taken)
    }
}
