//! How epochs follow from each other: prices move by steps, and each epoch of a book begins with what the one before it left.

use std::collections::BTreeMap;

use super::planned::Claims;
use crate::domain::money::account::Book;
use crate::domain::money::epoch::Epoch;
use crate::domain::money::price::Prices;
use crate::ledger::price_step::next_prices;

/// What a book's last epoch left.
#[derive(Debug, Default)]
struct Left {
    values: BTreeMap<String, String>,
    shares: BTreeMap<String, u128>,
}

/// What the epochs so far left.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// Prices of the last epoch; none where they are unknown.
    prices: Option<Prices>,
    /// What books have; nothing of one whose last epoch is unknown.
    books: BTreeMap<Book, Left>,
}

impl Chain {
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
            self.books = [Book::Track, Book::On].map(|book| (book, Left::default())).into();
        }
        let left = self.books.remove(&claims.book);
        if let Some(left) = &left {
            wrong.extend(differences(&left.values, &claims.before));
            let known = |name: &String| left.shares.get(name).copied();
            for (name, shares) in &claims.shares_before {
                if let Some(known) = known(name).filter(|known| known != shares) {
                    wrong.push(format!("`shares {name}` is `{shares}`, and the epoch before left `{known}`"));
                }
            }
        }
        let mut shares = left.map(|left| left.shares).unwrap_or_default();
        shares.extend(claims.shares_after.clone());
        self.books.insert(claims.book, Left { values: claims.after.clone(), shares });
        wrong
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
        let with = |before: &[u128], after: &[u128]| {
            let named = |shares: &[u128]| shares.iter().map(|shares| ("anna".to_owned(), *shares)).collect();
            Claims { shares_before: named(before), shares_after: named(after), ..claims(Book::On, 1, &[], &[]) }
        };
        let mut follow = |epoch, claims| chain.follow(Epoch(epoch), &claims).len();
        assert_eq!([follow(1, with(&[], &[5])), follow(2, with(&[], &[])), follow(3, with(&[5], &[4]))], [0, 0, 0]);
        assert_eq!([follow(4, with(&[5], &[])), follow(5, with(&[4], &[]))], [1, 0]);
    }
}
