//! What providers earned and lost, epoch by epoch, by the ledger's transfers.

use std::collections::BTreeMap;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::TransferCode;
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::int;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::{MetadataError, Result};
use crate::metadata::money::stored_entry::{account, book_number};

/// What a provider earned and lost in an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EarningsRow {
    /// Its own part of its rewards, less what was held back.
    pub commission: Frost,
    /// What was held back of it.
    pub held_back: Frost,
    /// What was held back before and returned.
    pub returned: Frost,
    /// The part of its stakers.
    pub stakers: Frost,
    /// For what it rebuilt, for audits, and for trash.
    pub work: Frost,
    /// What was taken from its holdback and its pool.
    pub slashed: Frost,
}

impl MetadataStore {
    /// What providers earned and lost in each of these epochs, both included; of one of them, or of all.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn earnings(
        &self,
        book: Book,
        provider: Option<&str>,
        (first, last): (Epoch, Epoch),
    ) -> Result<BTreeMap<(Epoch, String), EarningsRow>> {
        let text = "SELECT epoch, code, debit, credit, CAST(SUM(amount) AS BIGINT) FROM ledger_transfer \
                    WHERE epoch BETWEEN $1 AND $2 AND book = $3 AND phase = 0 AND code IN \
                    ('commission', 'holdback', 'holdback-return', 'reward', 'repair-work', 'slash') \
                    GROUP BY epoch, code, debit, credit";
        let statement = Statement::new(text).bind(int(first.0)?).bind(int(last.0)?).bind(book_number(book));
        let mut earnings = BTreeMap::<(Epoch, String), EarningsRow>::new();
        for row in self.database().rows(statement).await? {
            let code = TransferCode::from_name(row.text(1)?);
            let code = code.ok_or_else(|| MetadataError::Damaged("a transfer of unknown code".to_owned()))?;
            let side = if code == TransferCode::Slash { row.text(2)? } else { row.text(3)? };
            let (LedgerAccount::Provider(name) | LedgerAccount::Holdback(name) | LedgerAccount::Pool(name)) =
                account(side)?
            else {
                continue;
            };
            if provider.is_some_and(|wanted| wanted != name) {
                continue;
            }
            let amount = Frost(row.number(4)?);
            let of = earnings.entry((Epoch(row.number(0)?), name)).or_default();
            let sum = match code {
                TransferCode::Commission => &mut of.commission,
                TransferCode::Holdback => &mut of.held_back,
                TransferCode::HoldbackReturn => &mut of.returned,
                TransferCode::Reward => &mut of.stakers,
                TransferCode::RepairWork => &mut of.work,
                _ => &mut of.slashed,
            };
            *sum = [*sum, amount].into_iter().sum();
        }
        Ok(earnings)
    }
}
