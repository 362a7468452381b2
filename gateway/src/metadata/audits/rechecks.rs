//! Verdicts that are judged again, and those that are old.

use crate::metadata::MetadataStore;
use crate::metadata::audits::verdicts::{self, VerdictRow};
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;

/// Rows removed at a time.
const PRUNED_AT_ONCE: i64 = 1_000;

/// Epochs removed at a time.
const EPOCHS_AT_ONCE: i64 = 16;

/// Seconds that the evidence of what passed is kept: long enough to be judged again.
const PASSED_EVIDENCE_SECONDS: i64 = 3 * 86_400;

/// Epochs for which a period may wait to be judged by its audits, at most: no value of `open_epochs_max` is larger.
const OPEN_EPOCHS_MAX: u64 = 26;

/// What judging a verdict again came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recheck {
    /// It follows from its evidence.
    Confirmed,
    /// It does not, and why.
    Contradicted(String),
}

impl Recheck {
    /// The word in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Contradicted(_) => "contradicted",
        }
    }
}

impl MetadataStore {
    /// Verdicts of epochs whose secrets may be known that were not judged again, each with its epoch's secret: so many percent of all,
    /// chosen by their ids, whose ends are random.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn recheckable_verdicts(&self, percent: u8, most: usize) -> Result<Vec<(VerdictRow, [u8; 32])>> {
        let mut session = self.database().reader().await?;
        let text = format!(
            "SELECT {}, e.secret FROM audit_epoch e JOIN verdict v ON v.epoch = e.number \
             WHERE e.revealed_at IS NOT NULL AND e.rechecked_at IS NULL AND v.recheck = '' AND v.evidence <> '' \
             AND substr(v.id, 16, 1) < $1 ORDER BY v.epoch, v.id LIMIT $2",
            verdicts::columns_of("v")
        );
        let bound = u8::try_from(u32::from(percent.min(100)) * 255 / 100).unwrap_or(u8::MAX);
        let rows = session.rows(Statement::new(text).bind(vec![bound]).bind(limit(most))).await?;
        rows.iter().map(|row| Ok((verdicts::verdict(row)?, row.array(11)?))).collect()
    }

    /// Records what judging verdicts again came to.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn record_rechecks(&self, results: Vec<([u8; 16], Recheck)>) -> Result<()> {
        self.database().transact(Record(results)).await
    }

    /// Notes that enough verdicts of the epochs whose secrets may be known were judged again: they are not looked through any more.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn end_rechecks(&self) -> Result<()> {
        self.database().transact(EndRechecks).await
    }

    /// Removes verdicts and epochs older than so many days, and the evidence of what passed earlier; a bounded number of each. What a
    /// settlement may still ask about stays until it has, and what proves a slash stays for ever, with the secret of its epoch: the
    /// published ledger names it.
    ///
    /// # Errors
    /// See [`MetadataError`](crate::metadata::MetadataError).
    pub async fn prune_verdicts(&self, days: u32) -> Result<()> {
        self.database().transact(Prune { seconds: i64::from(days) * 86_400 }).await
    }
}

struct Record(Vec<([u8; 16], Recheck)>);

impl Work for Record {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        for (id, result) in &self.0 {
            let word = match result {
                Recheck::Confirmed => "confirmed".to_owned(),
                Recheck::Contradicted(reason) => format!("contradicted: {reason}"),
            };
            let text = "UPDATE verdict SET recheck = $1 WHERE id = $2";
            tx.execute(Statement::new(text).bind(&*word).bind(*id)).await?;
        }
        Ok(())
    }
}

struct EndRechecks;

impl Work for EndRechecks {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let now = tx.dialect().now();
        let text = format!(
            "UPDATE audit_epoch SET rechecked_at = {now} WHERE revealed_at IS NOT NULL AND rechecked_at IS NULL"
        );
        tx.execute(Statement::new(text)).await.map(drop)
    }
}

struct Prune {
    seconds: i64,
}

impl Work for Prune {
    type Done = ();

    async fn run(&self, tx: &mut Session) -> Result<()> {
        let now = tx.dialect().now();
        let before = |seconds: i64| format!("{now} - {}", seconds.saturating_mul(1_000_000));
        let old = before(self.seconds);
        // There is an epoch that is not settled as long as there is money at all.
        let asked_about = format!(
            "COALESCE((SELECT MIN(m.begins_at) FROM epoch m WHERE m.state <> 'settled' OR m.number IN (SELECT o.epoch FROM open_period o) \
             AND m.number + {OPEN_EPOCHS_MAX} >= (SELECT MAX(l.number) FROM epoch l)), {now})"
        );
        let proves = "SELECT 1 FROM verdict v WHERE v.epoch = audit_epoch.number AND v.slashed_in IS NOT NULL";
        let epochs = format!(
            "SELECT number FROM audit_epoch WHERE ends_at < {old} AND NOT EXISTS ({proves}) ORDER BY number LIMIT {EPOCHS_AT_ONCE}"
        );
        let passed = before(PASSED_EVIDENCE_SECONDS.min(self.seconds));
        for text in [
            format!(
                "DELETE FROM verdict WHERE id IN (SELECT id FROM verdict WHERE judged_at < {old} AND judged_at < {asked_about} \
                 AND slashed_in IS NULL ORDER BY judged_at LIMIT {PRUNED_AT_ONCE})"
            ),
            format!(
                "UPDATE verdict SET evidence = '' WHERE id IN (SELECT id FROM verdict WHERE judged_at < {passed} AND verdict = 'passed' \
                 AND evidence <> '' ORDER BY judged_at LIMIT {PRUNED_AT_ONCE})"
            ),
            format!("DELETE FROM audit_share WHERE epoch IN ({epochs})"),
            format!(
                "DELETE FROM audit_epoch WHERE number IN ({epochs}) \
                 AND NOT EXISTS (SELECT 1 FROM audit_share s WHERE s.epoch = audit_epoch.number)"
            ),
        ] {
            tx.execute(Statement::new(text)).await?;
        }
        Ok(())
    }
}
