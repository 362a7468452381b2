//! What an epoch asks of one backend, and how far that is.

use std::collections::BTreeMap;

use crate::domain::BackendId;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::{backend_id, int};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::Result;

/// The share of one backend in an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditShare {
    /// The backend's part in the choice; zeros of one that is no node.
    pub nonce: [u8; 32],
    /// The node's signature over it.
    pub nonce_signature: Option<[u8; 64]>,
    /// Samples to ask for in the whole epoch.
    pub due: u64,
    /// Draws so far.
    pub drawn: u64,
    /// Draws that named a sliver of the backend.
    pub found: u64,
    /// Bytes of the answers.
    pub bytes: u64,
}

/// How far a share came with one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareProgress {
    /// The epoch.
    pub epoch: u64,
    /// The backend.
    pub backend: BackendId,
    /// Draws so far, with those of this step.
    pub drawn: u64,
    /// Draws of this step that named a sliver of the backend.
    pub found: u64,
    /// Bytes of the answers to this step.
    pub bytes: u64,
}

impl MetadataStore {
    /// The shares of an epoch that have begun.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn audit_shares(&self, epoch: u64) -> Result<BTreeMap<BackendId, AuditShare>> {
        let text = "SELECT backend, nonce, nonce_signature, due, drawn, found, bytes FROM audit_share WHERE epoch = $1";
        let rows = self.database().rows(Statement::new(text).bind(int(epoch)?)).await?;
        rows.iter().map(share).collect()
    }

    /// Begins the share of a backend; one that has begun stays as it is.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn begin_audit_share(&self, epoch: u64, backend: BackendId, share: AuditShare) -> Result<()> {
        self.database().transact(Begin { epoch, backend, share }).await
    }
}

struct Begin {
    epoch: u64,
    backend: BackendId,
    share: AuditShare,
}

impl Work for Begin {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let AuditShare { nonce, nonce_signature, due, .. } = &self.share;
        let text = "INSERT INTO audit_share (epoch, backend, nonce, nonce_signature, due, drawn, found, bytes) \
                    VALUES ($1, $2, $3, $4, $5, 0, 0, 0) ON CONFLICT (epoch, backend) DO NOTHING";
        let row = Statement::new(text).bind(int(self.epoch)?).bind(self.backend.as_str()).bind(*nonce);
        let signature = nonce_signature.map_or(Value::NoBytes, Value::from);
        tx.execute(row.bind(signature).bind(int(*due)?)).await.map(drop)
    }
}

/// Records how far shares came. Draws never go back, so that a step that is repeated asks for nothing twice.
pub(super) async fn advance(tx: &mut Session, progress: &[ShareProgress]) -> Result<()> {
    for ShareProgress { epoch, backend, drawn, found, bytes } in progress {
        let text = "UPDATE audit_share SET drawn = $1, found = found + $2, bytes = bytes + $3 \
                    WHERE epoch = $4 AND backend = $5 AND drawn < $1";
        let row = Statement::new(text).bind(int(*drawn)?).bind(int(*found)?).bind(int(*bytes)?);
        tx.execute(row.bind(int(*epoch)?).bind(backend.as_str())).await?;
    }
    Ok(())
}

fn share(row: &Row) -> Result<(BackendId, AuditShare)> {
    let signature = row.bytes_if_any(2)?.map(|_| row.array(2)).transpose()?;
    let share = AuditShare {
        nonce: row.array(1)?,
        nonce_signature: signature,
        due: row.number(3)?,
        drawn: row.number(4)?,
        found: row.number(5)?,
        bytes: row.number(6)?,
    };
    Ok((backend_id(row.text(0)?)?, share))
}
