//! What a witness keeps of a ledger that it recomputes: what the inputs of the next epoch are compared with.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::domain::money::account::Book;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::Prices;
use crate::ledger::log::verify::{Chain, LedgerState, Left, Sums};
use crate::settlement::book_name;

/// As it stands in the file. Amounts and shares are decimal texts: they may be longer than numbers of JSON are exact.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLedger {
    /// 0 before the first.
    epoch: u64,
    sequence: u64,
    /// Storage, write, requests that read, requests that write, egress.
    prices: Option<[u64; 5]>,
    /// By book.
    books: BTreeMap<String, WrittenBook>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBook {
    /// What accounts have, as many as have something.
    balances: BTreeMap<String, String>,
    /// None where the book's last epoch is unknown.
    left: Option<WrittenLeft>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLeft {
    values: BTreeMap<String, String>,
    shares: BTreeMap<String, String>,
    has_all_shares: bool,
}

impl WrittenLedger {
    pub(super) fn of(ledger: &LedgerState) -> Self {
        let LedgerState { epoch, sums, chain } = ledger;
        let mut books = BTreeMap::<String, WrittenBook>::new();
        for (book, account, balance) in sums.balances() {
            let of = books.entry(book_name(book).to_owned()).or_default();
            of.balances.insert(account.to_string(), balance.to_string());
        }
        for (book, left) in &chain.books {
            let Left { values, shares, has_all_shares } = left;
            let shares = shares.iter().map(|(name, shares)| (name.clone(), shares.to_string())).collect();
            let left = WrittenLeft { values: values.clone(), shares, has_all_shares: *has_all_shares };
            books.entry(book_name(*book).to_owned()).or_default().left = Some(left);
        }
        let listed = |prices: Prices| {
            let Prices { storage, write, requests_read, requests_write, egress } = prices;
            [storage, write, requests_read, requests_write, egress].map(|price| price.0)
        };
        Self {
            epoch: epoch.map_or(0, |epoch| epoch.0),
            sequence: sums.sequence(),
            prices: chain.prices.map(listed),
            books,
        }
    }

    /// The reverse.
    ///
    /// # Errors
    /// Something in it is no account, amount or book.
    pub(super) fn read(self) -> Result<LedgerState> {
        let (mut balances, mut books) = (BTreeMap::new(), BTreeMap::new());
        for (name, written) in self.books {
            let book = [Book::Track, Book::On].into_iter().find(|book| book_name(*book) == name);
            let book = book.with_context(|| format!("{name:?} is no book"))?;
            for (account, balance) in written.balances {
                balances.insert((book, account.parse()?), balance.parse()?);
            }
            if let Some(WrittenLeft { values, shares, has_all_shares }) = written.left {
                let shares = shares.into_iter().map(|(name, shares)| Ok((name, shares.parse()?)));
                books.insert(book, Left { values, shares: shares.collect::<Result<_>>()?, has_all_shares });
            }
        }
        let prices = self.prices.map(|prices| {
            let [storage, write, requests_read, requests_write, egress] = prices.map(Frost);
            Prices { storage, write, requests_read, requests_write, egress }
        });
        Ok(LedgerState {
            epoch: (self.epoch > 0).then_some(Epoch(self.epoch)),
            sums: Sums::after(self.sequence, balances),
            chain: Chain { prices, books },
        })
    }
}
