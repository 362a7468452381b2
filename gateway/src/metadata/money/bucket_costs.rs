//! What buckets cost in the epoch that is under way, and what there is to pay for it.

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::frost::Frost;
use crate::domain::money::price::{Charges, Usage, charges};
use crate::domain::{BucketId, Timestamp};
use crate::ledger::{ArrearsFacts, ArrearsStage, Funds, alert_due};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::{Statement, Value};
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::events::event_queue::enqueue_alert;
use crate::metadata::money::bills;
use crate::metadata::money::bucket_meters::{self, fold_hour};
use crate::metadata::money::epochs::MoneyEpoch;
use crate::metadata::money::funds_row::{self, FundsRow};
use crate::metadata::money::stored_entry;

/// A bucket in the epoch that is under way.
#[derive(Clone, Debug)]
pub struct BucketCost {
    /// Which.
    pub bucket: BucketId,
    /// Its name.
    pub name: String,
    /// The account that pays.
    pub payer: LedgerAccount,
    /// Encoded bytes it holds.
    pub bytes: u64,
    /// What was used and not charged yet.
    pub usage: Usage,
    /// What that costs.
    pub so_far: Charges,
    /// What it costs by the end of the epoch if nothing changes.
    pub projected: Charges,
    /// What there is to pay for it.
    pub funds: Funds,
    /// How far it is with what it owes.
    pub stage: ArrearsStage,
    /// What its stage follows from.
    pub arrears: ArrearsFacts,
    /// The operator gave up its content after the announced end.
    pub is_given_up: bool,
    /// The percentage of its limit or funds that was alerted in this epoch.
    alerted: u64,
}

/// A bucket that comes near its limit or the end of its funds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FundsAlert {
    /// Its name.
    pub bucket: String,
    /// The account that pays.
    pub payer: LedgerAccount,
    /// 80, 90 or 100.
    pub percent: u64,
    /// What the epoch costs if nothing changes.
    pub projected: Frost,
}

impl MetadataStore {
    /// What a bucket costs in the epoch that is under way; none before the first epoch or where there is no such bucket.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn bucket_cost(&self, bucket: BucketId) -> Result<Option<(BucketCost, MoneyEpoch)>> {
        let Some((epoch, now)) = self.money_epoch().await? else { return Ok(None) };
        let mut session = self.database().reader().await?;
        let rows = funds_row::of(&mut session, &[bucket]).await?;
        let cost = costs(&mut session, &epoch, now, rows.into_values().collect()).await?.pop();
        Ok(cost.map(|cost| (cost, epoch)))
    }

    /// What the next buckets after a number cost.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn bucket_costs(&self, after: i64, most: usize) -> Result<Vec<BucketCost>> {
        let Some((epoch, now)) = self.money_epoch().await? else { return Ok(Vec::new()) };
        let mut session = self.database().reader().await?;
        let rows = funds_row::next(&mut session, after, most).await?;
        costs(&mut session, &epoch, now, rows).await
    }

    /// Whether an alert about a bucket is due; it is due once. With a target its message is enqueued in the same transaction.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn take_alert(
        &self,
        cost: &BucketCost,
        epoch: &MoneyEpoch,
        target: Option<&str>,
    ) -> Result<Option<FundsAlert>> {
        let percent = cost.funds.percent(epoch.mode.book() == Some(Book::On));
        let Some(percent) = alert_due(percent, cost.alerted) else { return Ok(None) };
        let alert = FundsAlert {
            bucket: cost.name.clone(),
            payer: cost.payer.clone(),
            percent,
            projected: cost.projected.total(),
        };
        let message = target.map(|target| (target.to_owned(), alert.message()));
        let taken = TakeAlert { bucket: cost.bucket, epoch: epoch.number.0, percent, message };
        Ok(self.database().transact(taken).await?.then_some(alert))
    }
}

impl FundsAlert {
    /// What a webhook receives, as JSON.
    fn message(&self) -> String {
        let Self { bucket, payer, percent, projected } = self;
        let message = serde_json::json!({
            "event": "haulout:FundsAlert",
            "bucket": bucket,
            "payer": payer.to_string(),
            "percent": percent,
            "projectedFrost": projected.0.to_string(),
        });
        message.to_string()
    }
}

struct TakeAlert {
    bucket: BucketId,
    epoch: u64,
    percent: u64,
    /// To which target, and what.
    message: Option<(String, String)>,
}

impl Work for TakeAlert {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "INSERT INTO bucket_funds (bucket_id, name, owner, alerted_epoch, alerted_percent) \
                    SELECT id, name, account_id, $1, $2 FROM bucket WHERE id = $3 \
                    ON CONFLICT (bucket_id) DO UPDATE SET alerted_epoch = EXCLUDED.alerted_epoch, \
                    alerted_percent = EXCLUDED.alerted_percent \
                    WHERE bucket_funds.alerted_epoch < EXCLUDED.alerted_epoch \
                    OR bucket_funds.alerted_percent < EXCLUDED.alerted_percent";
        let statement = Statement::new(text).bind(int(self.epoch)?).bind(int(self.percent)?).bind(self.bucket.0);
        if tx.execute(statement).await? == 0 {
            return Ok(false);
        }
        if let Some((target, message)) = &self.message {
            enqueue_alert(tx, self.bucket, target, message).await?;
        }
        Ok(true)
    }
}

/// What buckets cost.
pub(super) async fn costs(
    session: &mut Session,
    epoch: &MoneyEpoch,
    now: Timestamp,
    rows: Vec<FundsRow>,
) -> Result<Vec<BucketCost>> {
    let fold = fold_hour(epoch.begins_at.0);
    let marks = rows.iter().map(|funds| funds.meters.since_hour()).filter(|hour| *hour > 0);
    let since = marks.chain([fold]).min().unwrap_or(fold);
    let meters = bucket_meters::since(session, rows.iter().map(|funds| funds.bucket), since).await?;
    let book = epoch.mode.book().unwrap_or(Book::Track);
    let free = stored_entry::free_of(session, book, rows.iter().map(FundsRow::pays)).await?;
    let billed = bills::unsettled(session, book, rows.iter().map(|funds| funds.bucket)).await?;
    let clock = now;
    let cost = |funds: FundsRow| {
        let hours = meters.get(&funds.bucket).map(Vec::as_slice).unwrap_or_default();
        let now = now.0.clamp(epoch.begins_at.0, epoch.ends_at.0);
        let (bytes, usage) = funds.meters.pending(hours, now);
        let left = u128::from(epoch.ends_at.0.abs_diff(now));
        let byte_micros = usage.byte_micros + u128::from(bytes) * left;
        let projected = charges(&Usage { byte_micros, ..usage }, &epoch.prices, epoch.micros());
        let payer = funds.pays();
        let same_epoch = funds.alerted_epoch == epoch.number.0;
        let free = free.get(&payer).copied().unwrap_or_default();
        let is_charged = epoch.mode.book() == Some(Book::On);
        let arrears = ArrearsFacts { is_charged, unpaid: funds.unpaid, free, announced: funds.announced };
        BucketCost {
            bucket: funds.bucket,
            bytes,
            usage,
            so_far: charges(&usage, &epoch.prices, epoch.micros()),
            projected,
            funds: Funds {
                projected: projected.total(),
                hold: funds.hold.as_ref().map_or(Frost::ZERO, |hold| hold.amount),
                free,
                billed: billed.get(&funds.bucket).copied().unwrap_or_default(),
                unpaid: funds.unpaid,
                limit: funds.limit,
            },
            stage: arrears.stage(clock),
            arrears,
            is_given_up: funds.is_given_up,
            payer,
            name: funds.name,
            alerted: if same_epoch { funds.alerted_percent } else { 0 },
        }
    };
    Ok(rows.into_iter().map(cost).collect())
}

/// Sets a column of a bucket's funds; whether there is the bucket.
pub(super) async fn set(tx: &mut Session, bucket: BucketId, column: &str, value: Value) -> Result<bool> {
    let text = format!(
        "INSERT INTO bucket_funds (bucket_id, name, owner, {column}) SELECT id, name, account_id, $1 FROM bucket \
         WHERE id = $2 ON CONFLICT (bucket_id) DO UPDATE SET {column} = EXCLUDED.{column}"
    );
    let changed = tx.execute(Statement::new(text).bind(value).bind(bucket.0)).await?;
    match changed {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(MetadataError::Damaged("two buckets have one number".to_owned())),
    }
}
