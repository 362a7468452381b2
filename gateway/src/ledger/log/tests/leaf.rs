//! Leaves: one text for each.

use proptest::prelude::*;

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::transfer::{Transfer, TransferCode, TransferId};
use crate::ledger::log::tree::Hash;
use crate::ledger::log::{Leaf, LeafError};

fn transfer(cause: &str) -> Leaf {
    let transfer = Transfer {
        id: TransferId([0xab; 16]),
        book: Book::On,
        debit: LedgerAccount::Payer("000000000001".to_owned()),
        credit: LedgerAccount::Escrow(Epoch(12)),
        amount: Frost(132_300),
        code: TransferCode::Storage,
        epoch: Epoch(12),
        cause: cause.to_owned(),
    };
    Leaf::Transfer { sequence: 7, transfer }
}

#[test]
fn leaves_are_lines_that_people_can_read() {
    assert_eq!(
        transfer("bucket/7").to_string(),
        "haulout-transfer/1 7 abababababababababababababababab on storage 12 payer/000000000001 escrow/12 132300 bucket/7"
    );
    assert!(transfer("").to_string().ends_with(" 132300 -"));
    assert!(transfer("-").to_string().ends_with(" 132300 %2D"));
    assert!(transfer("März 100 %").to_string().ends_with(" 132300 M%C3%A4rz%20100%20%25"));
    let begin = Leaf::Begin { epoch: Epoch(1), inputs: Hash([0xcd; 32]), bytes: 17 };
    assert_eq!(begin.to_string(), format!("haulout-epoch-begin/1 1 {} 17", "cd".repeat(32)));
    let end = Leaf::End { epoch: Epoch(1), transfers: 2, total: u128::MAX };
    assert_eq!(end.to_string(), "haulout-epoch-end/1 1 2 340282366920938463463374607431768211455");
    for leaf in [begin, end] {
        assert_eq!(leaf.to_string().parse(), Ok(leaf));
    }
}

#[test]
fn what_is_no_leaf_is_refused() {
    let good = transfer("bucket/7").to_string();
    for (from, to) in [
        ("transfer/1", "transfer/2"),
        (" 7 ", " 07 "),
        (" 7 ", " +7 "),
        (" 7 ", " -7 "),
        ("abab", "ABAB"),
        ("abab", "ab"),
        (" on ", " off "),
        ("storage", "Storage"),
        ("payer/000000000001", "payer/"),
        ("escrow/12", "escrow/012"),
        ("132300", "0"),
        ("132300", "9223372036854775808"),
        ("bucket/7", "bucket/7 "),
        ("bucket/7", "bucket 7"),
        ("bucket/7", "bucket%2F7"),
        ("bucket/7", "bucket%2"),
        ("bucket/7", "%zz"),
        ("bucket/7", "%e4"),
        ("bucket/7", "%ff"),
        ("bucket/7", ""),
        (" bucket/7", ""),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert_ne!(wrong, good);
        assert!(Leaf::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let long = good.replacen("bucket/7", &"a".repeat(201), 1);
    assert!(matches!(Leaf::read(long.as_bytes()), Err(LeafError::Field(_))));
    assert_eq!(Leaf::read(&[0xff]), Err(LeafError::Line));
    assert_eq!(Leaf::read(b""), Err(LeafError::Version));
}

proptest! {
    #[test]
    fn a_leaf_is_read_as_it_was_written(
        sequence in any::<u64>(), id in any::<[u8; 16]>(), code in 0_usize..20, amount in 1_u64..=Frost::MAX.0, cause in "\\PC{0,200}",
    ) {
        let Leaf::Transfer { transfer, .. } = transfer(&cause) else { unreachable!() };
        let code = TransferCode::ALL[code];
        let transfer = Transfer { id: TransferId(id), amount: Frost(amount), code, ..transfer };
        let leaf = Leaf::Transfer { sequence, transfer };
        prop_assert_eq!(Leaf::read(leaf.to_string().as_bytes()), Ok(leaf));
    }

    #[test]
    fn whatever_reads_as_a_leaf_is_written_so(at in any::<prop::sample::Index>(), byte in any::<u8>(), cause in "[a-z% -]{0,9}") {
        let mut bytes = transfer(&cause).to_string().into_bytes();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        if let Ok(leaf) = Leaf::read(&bytes) {
            prop_assert_eq!(leaf.to_string().into_bytes(), bytes);
        }
    }
}
