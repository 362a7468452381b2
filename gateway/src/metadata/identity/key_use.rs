//! When access keys were last used.

use crate::domain::{Timestamp, UserId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Whose a key is, and its last use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The account.
    pub account: UserId,
    /// The user's name; none for the account's own keys.
    pub user: Option<String>,
    /// When, for which service and in which region; none when it was never used.
    pub last: Option<(Timestamp, String, String)>,
}

impl MetadataStore {
    /// Records that a key was used now. Does not count as an identity change.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn record_key_use(&self, id: &str, service: &str, region: &str) -> Result<()> {
        let work = Record { id: id.to_owned(), service: service.to_owned(), region: region.to_owned() };
        self.database().transact(work).await
    }

    /// Whose a key is and when it was last used; none when there is no such key.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn key_use(&self, id: &str) -> Result<Option<KeyUse>> {
        let text = "SELECT w.account_id, w.name, COALESCE(u.used_at, 0), COALESCE(u.service, ''), COALESCE(u.region, '') \
                    FROM (SELECT id, account_id, '' AS name FROM access_key WHERE id = $1 \
                    UNION ALL SELECT k.id, h.account_id, h.name FROM member_key k JOIN holder h ON h.id = k.holder_id \
                    WHERE k.id = $2) w LEFT JOIN key_use u ON u.key_id = w.id";
        let Some(row) = self.database().row(Statement::new(text).bind(id).bind(id)).await? else { return Ok(None) };
        let (name, used_at) = (row.text(1)?, row.int(2)?);
        let last = (Timestamp(used_at), row.text(3)?.to_owned(), row.text(4)?.to_owned());
        Ok(Some(KeyUse {
            account: UserId(row.int(0)?),
            user: (!name.is_empty()).then(|| name.to_owned()),
            last: (used_at > 0).then_some(last),
        }))
    }
}

struct Record {
    id: String,
    service: String,
    region: String,
}

impl Work for Record {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let text = format!(
            "INSERT INTO key_use (key_id, used_at, service, region) VALUES ($1, {}, $2, $3) ON CONFLICT (key_id) \
             DO UPDATE SET used_at = excluded.used_at, service = excluded.service, region = excluded.region",
            tx.dialect().now()
        );
        tx.execute(Statement::new(text).bind(&*self.id).bind(&*self.service).bind(&*self.region)).await?;
        Ok(())
    }
}
