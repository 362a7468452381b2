//! What providers had lost while it was still placed with them.

use std::collections::BTreeMap;

use crate::domain::Timestamp;
use crate::ledger::log::{NameKind, Salter};
use crate::metadata::{LossRow, MoneyEpoch};
use crate::settlement::inputs::{Loss, ProviderFacts};

/// A line for everything that a provider holds, when it is away for so long that all of it counts as lost.
const ALL: &str = "all";

/// A line for losses that come to more than what was held by the line through its samples.
const SEVERAL: &str = "several";

/// The losses of an epoch. Slivers go under salted names. What a provider lost is never more than what it held.
pub(in crate::settlement) fn losses(
    rows: &[LossRow],
    away: &BTreeMap<String, Timestamp>,
    epoch: &MoneyEpoch,
    providers: &[ProviderFacts],
    salter: &Salter,
) -> Vec<Loss> {
    let moment = |at: Timestamp| {
        let since = at.0.clamp(epoch.begins_at.0, epoch.ends_at.0).abs_diff(epoch.begins_at.0);
        since.min(epoch.micros())
    };
    let mut found = Vec::new();
    for facts in providers {
        let name = &facts.provider;
        let most = u64::try_from(facts.byte_micros / u128::from(epoch.micros().max(1))).unwrap_or(u64::MAX);
        let whole = |sliver: &str, from_micros| Loss {
            provider: name.clone(),
            sliver: sliver.to_owned(),
            from_micros,
            until_micros: epoch.micros(),
            bytes: most,
        };
        if let Some(at) = away.get(name).filter(|at| **at < epoch.ends_at) {
            found.push(whole(ALL, moment(*at)));
            continue;
        }
        let mut own: Vec<Loss> = Vec::new();
        for row in rows.iter().filter(|row| row.provider == *name) {
            let sliver = salter.salted(NameKind::Reference, &format!("sliver/{}/{}", row.blob, row.index));
            let ended = own.iter().filter(|loss| loss.sliver == sliver).map(|loss| loss.until_micros).max();
            let from_micros = moment(row.lost_at).max(ended.unwrap_or(0));
            let until_micros = moment(row.rebuilt_at.unwrap_or(epoch.ends_at));
            if from_micros < until_micros {
                let (provider, bytes) = (name.clone(), row.bytes);
                own.push(Loss { provider, sliver, from_micros, until_micros, bytes });
            }
        }
        let sum = own.iter().map(Loss::byte_micros).fold(0, u128::saturating_add);
        if sum > facts.byte_micros {
            own = vec![whole(SEVERAL, 0)];
        }
        found.extend(own);
    }
    found.retain(|loss| loss.bytes > 0 && loss.from_micros < loss.until_micros);
    found
}

#[cfg(test)]
mod tests {
    use codec::BlobId;

    use super::*;
    use crate::domain::money::epoch::Epoch;
    use crate::domain::money::frost::Frost;
    use crate::domain::money::mode::MoneyMode;
    use crate::domain::money::price::Prices;
    use crate::metadata::EpochState;
    use crate::settlement::inputs::{Standing, Verdicts};
    use crate::staking::Pool;

    fn epoch() -> MoneyEpoch {
        MoneyEpoch {
            number: Epoch(3),
            begins_at: Timestamp(1_000),
            ends_at: Timestamp(2_000),
            mode: MoneyMode::On,
            prices: Prices::default(),
            state: EpochState::Charged,
            charged_through: 0,
            is_caught_up: false,
        }
    }

    fn holding(provider: &str, bytes: u128) -> ProviderFacts {
        ProviderFacts {
            provider: provider.to_owned(),
            standing: Standing::Active,
            age: 1,
            byte_micros: bytes * 1_000,
            verdicts: Verdicts::default(),
            passed_own: 0,
            vetting: 0,
            commission_bp: 0,
            holdback: Frost(0),
            half_returned: false,
            rebuilt_bytes: 0,
            trash_byte_micros: 0,
            owed: Frost(0),
            pool: Pool::default(),
        }
    }

    fn row(index: u8, lost_at: i64, rebuilt_at: Option<i64>) -> LossRow {
        let (provider, blob) = ("north".to_owned(), BlobId([7; 16]));
        let (lost_at, rebuilt_at) = (Timestamp(lost_at), rebuilt_at.map(Timestamp));
        LossRow { provider, blob, index, lost_at, rebuilt_at, bytes: 10 }
    }

    fn of(rows: &[LossRow], held: u128, away: &[(&str, i64)]) -> Vec<(u64, u64, u64)> {
        let away = away.iter().map(|(name, at)| ((*name).to_owned(), Timestamp(*at))).collect();
        let found = losses(rows, &away, &epoch(), &[holding("north", held)], &Salter::new([1; 32]));
        found.iter().map(|loss| (loss.from_micros, loss.until_micros, loss.bytes)).collect()
    }

    #[test]
    fn a_loss_lasts_from_its_finding_to_its_repair_within_the_epoch() {
        assert_eq!(of(&[row(0, 1_200, Some(1_500))], 100, &[]), [(200, 500, 10)]);
        assert_eq!(of(&[row(0, 500, Some(2_500))], 100, &[]), [(0, 1_000, 10)]);
        assert_eq!(of(&[row(0, 1_900, None)], 100, &[]), [(900, 1_000, 10)]);
        assert_eq!(of(&[row(0, 2_100, None)], 100, &[]), []);
        assert_eq!(
            of(&[row(0, 1_100, Some(1_300)), row(0, 1_200, None)], 100, &[]),
            [(100, 300, 10), (300, 1_000, 10)]
        );
    }

    #[test]
    fn nobody_loses_more_than_it_held() {
        let rows: Vec<_> = (0..9).map(|index| row(index, 1_000, None)).collect();
        assert_eq!(of(&rows, 50, &[]), [(0, 1_000, 50)]);
        assert_eq!(of(&rows, 0, &[]), []);
    }

    #[test]
    fn who_is_away_has_lost_everything() {
        assert_eq!(of(&[row(0, 1_200, None)], 50, &[("north", 1_400)]), [(400, 1_000, 50)]);
        assert_eq!(of(&[row(0, 1_200, None)], 50, &[("north", 2_400)]), [(200, 1_000, 10)]);
    }
}
