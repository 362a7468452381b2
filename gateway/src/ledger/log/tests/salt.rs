//! Published names, and what opens them.

use proptest::prelude::*;

use super::example::salter;
use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::{NameKind, Opening, Salter};

#[test]
fn an_owner_shows_what_a_name_stands_for() {
    let published = salter().salted(NameKind::Bucket, "photos");
    assert_eq!(published.len(), 32);
    let shown = salter().opening(NameKind::Bucket, "photos").to_string();
    let opening: Opening = shown.parse().unwrap();
    assert_eq!((opening.published(), opening.name.as_str()), (published.clone(), "photos"));
    for other in [
        Opening { name: "photo".to_owned(), ..opening.clone() },
        Opening { kind: NameKind::Payer, ..opening.clone() },
        Opening { salt: [0; 32], ..opening },
    ] {
        assert_ne!(other.published(), published);
    }
    assert_ne!(Salter::new([8; 32]).salted(NameKind::Bucket, "photos"), published);
    assert!(!format!("{:?}", salter()).contains('9'), "the key is not shown");
}

#[test]
fn a_published_transfer_names_no_payer_no_bucket_and_no_reference() {
    let transfer = Transfer {
        id: TransferId([1; 16]),
        book: Book::On,
        debit: LedgerAccount::Payer("acme".to_owned()),
        credit: LedgerAccount::Bucket("photos".to_owned()),
        amount: Frost(1),
        code: TransferCode::Move,
        epoch: Epoch(1),
        cause: "for Acme's photos".to_owned(),
    };
    let published = salter().transfer(&transfer);
    let text = format!("{published:?}").to_lowercase();
    assert!(!text.contains("acme") && !text.contains("photos"), "{text}");
    assert!(published.cause.starts_with("reference/"));
    assert_eq!(salter().transfer(&transfer), published, "the same each time");
    assert_eq!(published.id, transfer.id, "nobody guesses it");
    for code in [TransferCode::Credit, TransferCode::Payout] {
        let guessable = Transfer { code, ..transfer.clone() };
        let published = salter().transfer(&guessable).id;
        assert!(published != guessable.id && published == salter().transfer(&guessable).id);
        assert_ne!(Salter::new([8; 32]).transfer(&guessable).id, published);
    }
    let salted = format!("bucket/{}", salter().salted(NameKind::Bucket, "photos"));
    let planned = Transfer { code: TransferCode::Storage, cause: format!("unpaid of {salted}"), ..transfer };
    assert_eq!(salter().transfer(&planned).cause, planned.cause, "as in the inputs");
    let charged = Transfer { cause: "unpaid of bucket/photos".to_owned(), ..planned.clone() };
    assert_eq!(salter().transfer(&charged).cause, planned.cause);
    let to_provider = Transfer { credit: LedgerAccount::Provider("n1".to_owned()), ..planned };
    assert_eq!(salter().transfer(&to_provider).credit, LedgerAccount::Provider("n1".to_owned()));
}

#[test]
fn what_opens_no_name_is_refused() {
    let good = salter().opening(NameKind::Payer, "acme").to_string();
    for (from, to) in [
        ("/1", "/2"),
        ("payer", "Payer"),
        ("payer ", "payer  "),
        (" acme", ""),
        (&good[21..25], "ABCD"),
        (&good[21..25], ""),
    ] {
        assert!(good.replacen(from, to, 1).parse::<Opening>().is_err(), "{from} {to}");
    }
}

proptest! {
    #[test]
    fn an_opening_is_read_as_it_was_written(name in "\\PC{0,40}", kind in 0_usize..3) {
        let kind = [NameKind::Payer, NameKind::Bucket, NameKind::Reference][kind];
        let opening = salter().opening(kind, &name);
        prop_assert_eq!(opening.to_string().parse(), Ok(opening));
    }
}
