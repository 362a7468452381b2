//! Epochs and quotes.

use serde::{Deserialize, Serialize};

use crate::admin::error::{AdminError, Result};
use crate::admin::{Admin, Operation};
use crate::domain::money::price::Usage;
use crate::ledger::{quote, requests_of_upload};
use crate::metadata::MoneyEpoch;

/// Epochs that are shown.
const EPOCHS_SHOWN: usize = 10;

/// Show the last epochs, the newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowEpochs {}

/// An epoch. Prices are FROST.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownEpoch {
    /// Which.
    pub number: u64,
    /// When it began.
    pub begins_at: String,
    /// When it ends.
    pub ends_at: String,
    /// `track`, `on` or `off`.
    pub mode: String,
    /// `open`, `charging`, `charged` or `settled`.
    pub state: String,
    /// For each encoded MiB in the epoch.
    pub storage_price: u64,
    /// For each encoded MiB that is written.
    pub write_price: u64,
    /// For a thousand requests that change nothing.
    pub read_request_price: u64,
    /// For a thousand requests that change something or list.
    pub write_request_price: u64,
    /// For each MiB of response bodies.
    pub egress_price: u64,
    /// It was over when it was begun, because no gateway ran.
    pub is_caught_up: bool,
}

/// Say that the database's clock is right although whole epochs passed that nobody saw: they are begun, charged and settled one by one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfirmEpochs {}

/// What was confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedEpochs {
    /// The last epoch that was begun.
    pub last: u64,
    /// How many whole epochs passed since that nobody saw.
    pub missed: u64,
    /// Until when this counts.
    pub confirmed_until: String,
}

/// Say what content costs before it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quote {
    /// Bytes of content.
    pub bytes: u64,
    /// The scheme it is encoded by; that of STANDARD where absent.
    pub scheme: Option<String>,
    /// For how many whole epochs after the one that is under way.
    pub epochs: u64,
    /// In how many parts it is uploaded; 0 for one request.
    pub parts: u64,
    /// Later requests that change nothing.
    pub read_requests: u64,
    /// Later requests that change something or list.
    pub write_requests: u64,
    /// Bytes of it that are read.
    pub egress_bytes: u64,
}

/// What it costs, in FROST, with every fee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownQuote {
    /// Bytes that backends will hold.
    pub encoded_bytes: u64,
    /// For keeping it.
    pub storage: u64,
    /// For writing it.
    pub write: u64,
    /// For the requests that bring it, and for later ones.
    pub requests: u64,
    /// For what is read.
    pub egress: u64,
    /// All of it.
    pub total: u64,
    /// The epoch that is under way.
    pub epoch: u64,
    /// Until when the prices hold: they move by at most a fifth then.
    pub holds_until: String,
}

impl Operation for ShowEpochs {
    const NAME: &'static str = "epoch-show";
    type Reply = Vec<ShownEpoch>;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<Self::Reply> {
        Ok(admin.metadata.money_epochs(EPOCHS_SHOWN).await?.iter().map(shown).collect())
    }
}

impl Operation for ConfirmEpochs {
    const NAME: &'static str = "epoch-confirm";
    type Reply = ConfirmedEpochs;

    async fn run(self, admin: &Admin) -> Result<ConfirmedEpochs> {
        let Some(jump) = admin.metadata.epoch_jump(&admin.money.jump_terms()).await? else {
            return Err(AdminError::refused("no jump of the clock waits for a word"));
        };
        let until = admin.metadata.confirm_epochs().await?;
        Ok(ConfirmedEpochs { last: jump.last.0, missed: jump.missed, confirmed_until: until.iso() })
    }
}

impl Operation for Quote {
    const NAME: &'static str = "quote";
    type Reply = ShownQuote;

    fn changes(&self) -> bool {
        false
    }

    async fn run(self, admin: &Admin) -> Result<ShownQuote> {
        let none = || AdminError::refused("no epoch has begun: start `haulout serve` first");
        let (epoch, now) = admin.metadata.money_epoch().await?.ok_or_else(none)?;
        let scheme = self.scheme.as_deref().map(str::parse).transpose().map_err(|_| {
            AdminError::refused(format!("there is no scheme {:?}", self.scheme.clone().unwrap_or_default()))
        })?;
        let encoded_bytes = encoded(self.bytes, self.parts, |bytes| admin.objects.encoded_bytes(scheme, bytes));
        let wanted = Usage {
            written_bytes: encoded_bytes,
            requests_read: self.read_requests,
            requests_write: requests_of_upload(self.parts).saturating_add(self.write_requests),
            egress_bytes: self.egress_bytes,
            ..Usage::default()
        };
        let left = u64::try_from(epoch.ends_at.0.saturating_sub(now.0)).unwrap_or(0);
        let charges = quote(&wanted, left, epoch.micros(), self.epochs, &epoch.prices);
        Ok(ShownQuote {
            encoded_bytes,
            storage: charges.storage.0,
            write: charges.write.0,
            requests: charges.requests.0,
            egress: charges.egress.0,
            total: charges.total().0,
            epoch: epoch.number.0,
            holds_until: epoch.ends_at.iso(),
        })
    }
}

/// Encoded bytes of content that comes in equal parts, of which the last may be shorter: each is encoded for itself.
fn encoded(bytes: u64, parts: u64, of: impl Fn(u64) -> u64) -> u64 {
    let part = bytes.div_ceil(parts.max(1)).max(1);
    let rest = if bytes > 0 && bytes.is_multiple_of(part) { 0 } else { of(bytes % part) };
    of(part).saturating_mul(bytes / part).saturating_add(rest)
}

fn shown(epoch: &MoneyEpoch) -> ShownEpoch {
    ShownEpoch {
        number: epoch.number.0,
        begins_at: epoch.begins_at.iso(),
        ends_at: epoch.ends_at.iso(),
        mode: epoch.mode.as_str().to_owned(),
        state: epoch.state.as_str().to_owned(),
        storage_price: epoch.prices.storage.0,
        write_price: epoch.prices.write.0,
        read_request_price: epoch.prices.requests_read.0,
        write_request_price: epoch.prices.requests_write.0,
        egress_price: epoch.prices.egress.0,
        is_caught_up: epoch.is_caught_up,
    }
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn each_part_is_encoded_for_itself() {
        let of = |bytes| 2 * bytes + 100;
        assert_eq!([0, 1, 3].map(|parts| encoded(10, parts, of)), [120, 120, 2 * 108 + 104]);
        assert_eq!([encoded(0, 0, of), encoded(0, 5, of), encoded(2, 5, of)], [100, 100, 204], "no part is empty");
    }
}
