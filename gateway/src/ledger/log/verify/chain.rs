//! How epochs follow from each other: prices move by steps, and each epoch of a book begins with what the one before it left.

use std::collections::BTreeMap;

use super::planned::Claims;
use crate::domain::money::account::Book;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::price::Prices;
use crate::ledger::price_step::next_prices;

/// What a book's last epoch left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Values by name, all of them.
    pub values: BTreeMap<String, String>,
    /// Shares of active stakes, by their names.
    pub shares: BTreeMap<String, u128>,
    /// Those are all: every epoch of the book is known.
    pub has_all_shares: bool,
}

/// What the epochs so far left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Prices of the last epoch; none where they are unknown.
    pub prices: Option<Prices>,
    /// What books have; nothing of one whose last epoch is unknown.
    pub books: BTreeMap<Book, Left>,
}

impl Chain {
    pub(super) fn entries(&self) -> usize {
        self.books.values().map(|left| left.values.len() + left.shares.len()).sum()
    }

    /// An epoch could not be read: what it left is unknown.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Takes the next epoch. Answers with what does not follow from those before.
    pub(super) fn follow(&mut self, epoch: Epoch, claims: &Claims) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(before) = self.prices.filter(|before| next_prices(before, &claims.prices) != claims.prices) {
            wrong.push(format!("the prices of the epoch before, {}, do not move that far in a step", listed(&before)));
        }
        self.prices = Some(claims.prices);
        if epoch == Epoch(1) {
            // Nothing was before it.
            let nothing = Left { has_all_shares: true, ..Left::default() };
            self.books = [Book::Track, Book::On].map(|book| (book, nothing.clone())).into();
        }
        let mut left = match self.books.remove(&claims.book) {
            Some(left) => {
                wrong.extend(differences(&left.values, &claims.before));
                wrong.extend(claims.shares_before.iter().filter_map(|(name, shares)| left.differs(name, *shares)));
                left
            }
            None => Left::default(),
        };
        left.values.clone_from(&claims.after);
        for (name, shares) in &claims.shares_after {
            if let Some(shares) = shares {
                left.shares.insert(name.clone(), *shares);
            } else {
                left.shares.remove(name);
            }
        }
        self.books.insert(claims.book, left);
        wrong
    }
}

impl Left {
    /// Why a stake cannot have so many shares.
    fn differs(&self, name: &str, shares: u128) -> Option<String> {
        let left = match self.shares.get(name) {
            Some(known) if *known == shares => return None,
            Some(known) => format!("the epoch before left `{known}`"),
            None if self.has_all_shares => "no epoch before left that stake active".to_owned(),
            None => return None,
        };
        Some(format!("`shares {name}` is `{shares}`, and {left}"))
    }
}

fn listed(prices: &Prices) -> String {
    let Prices { storage, write, requests_read, requests_write, egress } = prices;
    [storage, write, requests_read, requests_write, egress].map(|price| price.0.to_string()).join(" ")
}

/// Where what an epoch begins with is not what was left.
fn differences(left: &BTreeMap<String, String>, before: &BTreeMap<String, String>) -> Vec<String> {
    let is = |value: Option<&String>| value.map_or_else(|| "not there".to_owned(), |value| format!("`{value}`"));
    let names = left.keys().chain(before.keys().filter(|name| !left.contains_key(*name)));
    let differing = names.filter(|name| left.get(*name) != before.get(*name));
    differing
        .map(|name| {
            let (said, known) = (is(before.get(name)), is(left.get(name)));
            format!("`{name}` is {said}, and the epoch before left it {known}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::frost::Frost;

    fn claims(book: Book, price: u64, before: &[(&str, &str)], after: &[(&str, &str)]) -> Claims {
        let values = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        Claims {
            book,
            prices: Prices { storage: Frost(price), ..Prices::default() },
            balances: BTreeMap::new(),
            balances_least: BTreeMap::new(),
            before: values(before),
            after: values(after),
            shares_before: BTreeMap::new(),
            shares_after: BTreeMap::new(),
        }
    }

    #[test]
    fn an_epoch_begins_with_what_the_one_before_it_of_its_book_left() {
        let mut chain = Chain::default();
        let mut follow = |epoch, claims| chain.follow(Epoch(epoch), &claims);
        assert_eq!(follow(1, claims(Book::Track, 100, &[], &[("owed a", "5")])), Vec::<String>::new());
        assert_eq!(follow(2, claims(Book::On, 100, &[], &[("owed a", "7")])), Vec::<String>::new());
        assert_eq!(follow(3, claims(Book::Track, 100, &[("owed a", "5")], &[])), Vec::<String>::new());
        let other = follow(4, claims(Book::On, 100, &[("owed a", "8"), ("owed b", "1")], &[]));
        assert_eq!(other.len(), 2, "{other:?}");
        assert!(other[0].contains("`owed a` is `8`, and the epoch before left it `7`"), "{other:?}");
        assert!(other[1].contains("`owed b` is `1`, and the epoch before left it not there"), "{other:?}");
        assert_eq!(follow(5, claims(Book::On, 100, &[], &[("open a 5", "9")])), Vec::<String>::new());
        assert_eq!(follow(6, claims(Book::On, 100, &[], &[])).len(), 1, "a period was dropped");
    }

    #[test]
    fn prices_move_by_steps_and_what_is_unknown_is_not_compared() {
        let mut chain = Chain::default();
        let mut follow = |epoch, claims| chain.follow(Epoch(epoch), &claims).len();
        assert_eq!(follow(7, claims(Book::On, 100, &[("owed a", "8")], &[])), 0, "the log begins here");
        assert_eq!(follow(8, claims(Book::On, 120, &[], &[])), 0);
        assert_eq!(follow(9, claims(Book::On, 145, &[], &[])), 1, "by more than a fifth");
        assert_eq!(follow(10, claims(Book::On, 116, &[], &[])), 0);
        assert_eq!(follow(11, claims(Book::On, 91, &[], &[])), 1);
        chain.forget();
        assert_eq!(chain.follow(Epoch(12), &claims(Book::On, 9_000, &[("owed a", "3")], &[])), Vec::<String>::new());
    }

    #[test]
    fn shares_stay_what_they_became() {
        let mut chain = Chain::default();
        let with = |before: &[u128], after: &[Option<u128>]| {
            let anna = || "anna".to_owned();
            let shares_before = before.iter().map(|shares| (anna(), *shares)).collect();
            let shares_after = after.iter().map(|shares| (anna(), *shares)).collect();
            Claims { shares_before, shares_after, ..claims(Book::On, 1, &[], &[]) }
        };
        let mut follow = |epoch, claims| chain.follow(Epoch(epoch), &claims).len();
        let first = [follow(1, with(&[], &[Some(5)])), follow(2, with(&[], &[])), follow(3, with(&[5], &[Some(4)]))];
        assert_eq!(first, [0, 0, 0]);
        assert_eq!([follow(4, with(&[5], &[])), follow(5, with(&[4], &[None]))], [1, 0]);
        assert_eq!(follow(6, with(&[4], &[None])), 1, "it was paid back");
    }

    #[test]
    fn a_stake_that_was_never_active_is_found_where_all_epochs_are_known() {
        let with = |shares: u128| {
            let shares_before = [("anna".to_owned(), shares)].into();
            Claims { shares_before, ..claims(Book::On, 1, &[], &[]) }
        };
        let mut chain = Chain::default();
        assert_eq!(chain.follow(Epoch(1), &with(5)).len(), 1);
        chain.forget();
        assert_eq!([chain.follow(Epoch(2), &with(5)).len(), chain.follow(Epoch(3), &with(5)).len()], [0, 0]);
    }
}
