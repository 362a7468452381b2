//! The cluster key in shares: any k of n give it back, fewer say nothing about it (Shamir's scheme over GF(256), crate `blahaj`).
//!
//! A share is a line of text: `haulout-key-share/1 K N I SET HEX CHECK`. K of N are needed, this is the I-th (its first byte), SET is the same
//! random number in all shares of one split, and CHECK is BLAKE3 over the line before it, so that an error in copying is found. What is split is the
//! text of the key file and 16 bytes of its BLAKE3 hash: shares that do not belong together are found as well.

use std::collections::BTreeSet;

use blahaj::{Share, Sharks};
use zeroize::Zeroizing;

const MAGIC: &str = "haulout-key-share/1";
const HASH_BYTES: usize = 16;
const CHECK_BYTES: usize = 4;

/// How many shares are needed, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    needed: u8,
    all: u8,
}

impl std::str::FromStr for Split {
    type Err = String;

    /// `3-of-5`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once("-of-").map(|(needed, all)| (needed.parse(), all.parse()));
        match numbers {
            Some((Ok(needed), Ok(all))) if (2..=all).contains(&needed) && all < 255 => Ok(Self { needed, all }),
            _ => Err(format!(
                "{text:?} is no split such as 3-of-5: at least 2 shares are needed, and at most 254 are made"
            )),
        }
    }
}

/// The shares of a key file's text. `set` is random.
pub(crate) fn split(text: &str, split: Split, set: [u8; 4]) -> Vec<Zeroizing<String>> {
    let secret = Zeroizing::new([text.as_bytes(), &blake3::hash(text.as_bytes()).as_bytes()[..HASH_BYTES]].concat());
    let shares = Sharks(split.needed).dealer(&secret).take(split.all.into());
    let line = |(share, number): (Share, u8)| {
        let bytes = Zeroizing::new(Vec::from(&share));
        let Split { needed, all } = split;
        let digits = Zeroizing::new(hex::encode(&*bytes));
        let line = Zeroizing::new(format!("{MAGIC} {needed} {all} {number} {} {}", hex::encode(set), *digits));
        let check = hex::encode(&blake3::hash(line.as_bytes()).as_bytes()[..CHECK_BYTES]);
        Zeroizing::new(format!("{} {check}", *line))
    };
    shares.zip(1..).map(line).collect()
}

/// One share, as it was read.
struct Read {
    needed: u8,
    set: String,
    share: Share,
    bytes: Zeroizing<Vec<u8>>,
}

fn read(line: &str) -> Result<Read, String> {
    let (before, check) = line.trim().rsplit_once(' ').ok_or("it is no share of a key")?;
    let fields: Vec<_> = before.split(' ').collect();
    let [MAGIC, needed, _, _, set, digits] = fields[..] else { return Err("it is no share of a key".to_owned()) };
    if hex::encode(&blake3::hash(before.as_bytes()).as_bytes()[..CHECK_BYTES]) != check {
        return Err("it was copied wrongly: compare it with the original".to_owned());
    }
    let bytes = Zeroizing::new(hex::decode(digits).map_err(|error| error.to_string())?);
    let share = Share::try_from(&bytes[..]).map_err(str::to_owned)?;
    let needed = needed.parse().map_err(|_| "it is no share of a key".to_owned())?;
    Ok(Read { needed, set: set.to_owned(), share, bytes })
}

/// The text that was split, from enough shares: a name and a line each.
///
/// # Errors
/// Which share is wrong and how, or how many are missing.
pub(crate) fn combine(lines: &[(String, Zeroizing<String>)]) -> Result<Zeroizing<String>, String> {
    let mut found = Vec::new();
    for (name, line) in lines {
        found.push(read(line).map_err(|error| format!("{name}: {error}"))?);
    }
    let Some(first) = found.first() else { return Err("no share was given".to_owned()) };
    if let Some(at) = found.iter().position(|read| read.set != first.set || read.bytes.len() != first.bytes.len()) {
        return Err(format!("{} is of another split than {}", lines[at].0, lines[0].0));
    }
    let different: BTreeSet<_> = found.iter().map(|read| read.bytes.first().copied()).collect();
    let needed = usize::from(first.needed);
    if different.len() < needed {
        return Err(format!("{needed} different shares are needed, {} were given", different.len()));
    }
    let shares: Vec<_> = found.iter().map(|read| read.share.clone()).collect();
    let secret = Zeroizing::new(Sharks(first.needed).recover(&shares).map_err(str::to_owned)?);
    let wrong = || "the shares do not belong together".to_owned();
    let (text, hash) = secret.split_at_checked(secret.len().saturating_sub(HASH_BYTES)).ok_or_else(wrong)?;
    if blake3::hash(text).as_bytes()[..HASH_BYTES] != *hash {
        return Err(wrong());
    }
    String::from_utf8(text.to_vec()).map(Zeroizing::new).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "1 0101010101010101010101010101010101010101010101010101010101010101\n2 02\n";

    fn named(lines: &[Zeroizing<String>], places: &[usize]) -> Vec<(String, Zeroizing<String>)> {
        places.iter().map(|at| (format!("share-{}", at + 1), lines[*at].clone())).collect()
    }

    proptest! {
        #[test]
        fn any_enough_shares_give_the_key_back_and_fewer_do_not(needed in 2_u8..7, more in 0_u8..4, skip in 0_usize..4) {
            let all = needed + more;
            let lines = split(TEXT, Split { needed, all }, [7; 4]);
            prop_assert_eq!(lines.len(), usize::from(all));
            let skip = skip.min(usize::from(more));
            let places: Vec<_> = (skip..skip + usize::from(needed)).rev().collect();
            let text = combine(&named(&lines, &places)).unwrap();
            prop_assert_eq!(text.as_str(), TEXT);
            let fewer = combine(&named(&lines, &places[1..])).unwrap_err();
            prop_assert!(fewer.contains("different shares are needed"), "{}", fewer);
            let mut repeated = places.clone();
            repeated[0] = repeated[1];
            prop_assert!(combine(&named(&lines, &repeated)).is_err());
        }
    }

    #[test]
    fn what_is_wrong_with_shares_is_named() {
        let terms: Split = "3-of-5".parse().unwrap();
        let (one, other) = (split(TEXT, terms, [1; 4]), split(TEXT, terms, [2; 4]));
        let mixed = [named(&one, &[0, 1]), named(&other, &[2])].concat();
        assert_eq!(combine(&mixed).unwrap_err(), "share-3 is of another split than share-1");
        let mut slipped = named(&one, &[0, 1, 2]);
        let (before, after) = slipped[1].1.split_at(60);
        let other = if after.starts_with('a') { "b" } else { "a" };
        slipped[1].1 = Zeroizing::new(format!("{before}{other}{}", &after[1..]));
        assert!(combine(&slipped).unwrap_err().starts_with("share-2: it was copied wrongly"));
        assert!(combine(&[("f".to_owned(), Zeroizing::new("hello".to_owned()))]).unwrap_err().contains("no share"));
        assert!(combine(&[]).is_err());
        // Two splits with one number, which nobody makes: the hash finds it.
        let same = [named(&one, &[0, 1]), named(&split(TEXT, terms, [1; 4]), &[2])].concat();
        assert_eq!(combine(&same).unwrap_err(), "the shares do not belong together");
    }

    #[test]
    fn splits_that_make_no_sense_are_refused() {
        for text in ["", "3", "3-of-2", "1-of-5", "0-of-0", "3-of-255", "a-of-b", "-3-of-5"] {
            assert!(text.parse::<Split>().is_err(), "{text}");
        }
        assert_eq!("2-of-2".parse(), Ok(Split { needed: 2, all: 2 }));
    }
}
