//! What is thought of backends.

use std::collections::BTreeMap;

use backends::Verdict;

use crate::domain::money::epoch::Epoch;
use crate::domain::{BackendId, Timestamp};
use crate::metadata::MetadataStore;
use crate::metadata::audits::reputation::{Decay, Record, Reputation, Standing, Thresholds};
use crate::metadata::engine::columns::{backend_id, int};
use crate::metadata::engine::database::Work;
use crate::metadata::engine::row::Row;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::money::epochs::MoneyEpoch;

/// The reputation of a backend, and whether it is suspended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendReputation {
    /// What is thought of it.
    pub reputation: Reputation,
    /// Since when nothing new goes there and what is there is moved; none while it is not suspended.
    pub suspended_at: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// The epoch whose settlement found it silent too often; none once it has answered an audit. Nothing new goes there.
    pub silent_in: Option<Epoch>,
}

/// How verdicts become reputations, and these suspensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReputationRules {
    /// How records decay.
    pub decay: Decay,
    /// Below which scores a backend is not relied on.
    pub thresholds: Thresholds,
}

const COLUMNS: &str = "backend, kept_good, kept_bad, clear_good, clear_bad, online_good, online_bad, audits, suspended_at, reason, silent_in";

impl MetadataStore {
    /// The reputations of all backends that were audited.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn reputations(&self) -> Result<BTreeMap<BackendId, BackendReputation>> {
        let text = format!("SELECT {COLUMNS} FROM reputation ORDER BY backend");
        self.database().rows(Statement::new(text)).await?.iter().map(reputation).collect()
    }

    /// Begins a backend's reputation from nothing: an operator has looked at it. Whether it had one.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn reset_reputation(&self, backend: &BackendId) -> Result<bool> {
        self.database().transact(Reset(backend.clone())).await
    }
}

struct Reset(BackendId);

impl Work for Reset {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "DELETE FROM reputation WHERE backend = $1";
        Ok(tx.execute(Statement::new(text).bind(self.0.as_str())).await? > 0)
    }
}

/// Adds verdicts, in their order, to the reputation of a backend. One that falls below the threshold is suspended, with this reason, until
/// an operator resets it: what comes after does not bring it back by itself.
pub(super) async fn add(
    tx: &mut Session,
    backend: &BackendId,
    verdicts: &[Verdict],
    rules: ReputationRules,
    reason: &str,
) -> Result<()> {
    let dialect = tx.dialect();
    let text = format!("SELECT {COLUMNS} FROM reputation WHERE backend = $1{}", dialect.for_update());
    let row = tx.row(Statement::new(text).bind(backend.as_str())).await?;
    let old = row.as_ref().map(reputation).transpose()?.map(|(_, known)| known);
    let begun = old.as_ref().map_or_else(Reputation::default, |known| known.reputation);
    let now = verdicts.iter().fold(begun, |known, verdict| known.after(*verdict, rules.decay));
    let falls = Standing::of(&now, rules.thresholds, true) == Standing::Suspended;
    let newly = falls && old.is_none_or(|known| known.suspended_at.is_none());
    let text = format!(
        "INSERT INTO reputation ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, '', NULL) \
         ON CONFLICT (backend) DO UPDATE SET kept_good = excluded.kept_good, kept_bad = excluded.kept_bad, \
         clear_good = excluded.clear_good, clear_bad = excluded.clear_bad, online_good = excluded.online_good, \
         online_bad = excluded.online_bad, audits = excluded.audits{}",
        if verdicts.iter().any(is_answer) { ", silent_in = NULL" } else { "" }
    );
    let Reputation { data, answers, presence, audits } = now;
    let mut row = Statement::new(text).bind(backend.as_str());
    for record in [data, answers, presence] {
        row = row.bind(record.good).bind(record.bad);
    }
    tx.execute(row.bind(int(audits)?)).await?;
    if newly {
        let text = format!("UPDATE reputation SET suspended_at = {}, reason = $1 WHERE backend = $2", dialect.now());
        tx.execute(Statement::new(text).bind(reason).bind(backend.as_str())).await?;
    }
    Ok(())
}

/// Whether a backend answered, whatever it said.
const fn is_answer(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Passed | Verdict::Wrong | Verdict::Missing)
}

/// Notes that the settlement of an epoch found these backends silent too often, but for those that have answered since its end.
pub(in crate::metadata) async fn note_silent(tx: &mut Session, epoch: &MoneyEpoch, backends: &[String]) -> Result<()> {
    let head = format!("UPDATE reputation SET silent_in = {} WHERE backend IN (VALUES ", epoch.number);
    let answers = [Verdict::Passed, Verdict::Wrong, Verdict::Missing].map(|verdict| format!("'{}'", verdict.text()));
    let tail = format!(
        ") AND NOT EXISTS (SELECT 1 FROM verdict v WHERE v.backend = reputation.backend AND v.judged_at >= {} AND v.verdict IN ({}))",
        epoch.ends_at.0,
        answers.join(", ")
    );
    tx.execute_rows(&head, backends.iter().map(|backend| [backend.as_str().into()]).collect(), &tail).await.map(drop)
}

fn reputation(row: &Row) -> Result<(BackendId, BackendReputation)> {
    let record =
        |first| Ok::<_, crate::metadata::MetadataError>(Record { good: row.int(first)?, bad: row.int(first + 1)? });
    let reputation = Reputation { data: record(1)?, answers: record(3)?, presence: record(5)?, audits: row.number(7)? };
    let suspended_at = row.number_if_any(8)?.map(Timestamp);
    let silent_in = row.number_if_any(10)?.map(Epoch);
    let reason = row.text(9)?.to_owned();
    Ok((backend_id(row.text(0)?)?, BackendReputation { reputation, suspended_at, reason, silent_in }))
}
