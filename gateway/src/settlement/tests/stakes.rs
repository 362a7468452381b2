//! What holds for stake at the end of any epoch.

use proptest::prelude::*;

use super::any_facts::any_facts;
use crate::settlement::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Stake leaves only when no period of its provider is open, is paid at most what it is worth and at most its principal with
    /// rewards, and what comes has shares that are worth no more than it.
    #[test]
    fn stake_is_paid_what_it_is_worth(seed: u64) {
        let inputs = any_facts(seed);
        let plan = plan(&inputs).unwrap();
        for change in &plan.stakes {
            let stake = inputs.stakes.iter().find(|stake| stake.stake == change.stake).unwrap();
            let pool = plan.pools.iter().find(|pool| pool.provider == stake.provider).unwrap();
            let facts = inputs.providers.iter().find(|facts| facts.provider == stake.provider).unwrap();
            let waits = plan.periods.iter()
                .any(|period| period.provider == stake.provider && matches!(period.outcome, Outcome::Open { .. }));
            match change.outcome {
                StakeOutcome::Active(shares) if stake.phase == StakePhase::Arriving => {
                    prop_assert!(pool.rate.worth_of(shares) <= stake.principal);
                }
                StakeOutcome::Active(shares) => prop_assert!(stake.own && shares < stake.shares, "only slashed"),
                StakeOutcome::Paid(amount) => {
                    prop_assert!(!waits && stake.phase == StakePhase::Leaving);
                    prop_assert!(amount <= pool.rate.worth_of(stake.shares));
                    let rewards: u64 = plan.transfers.iter()
                        .filter(|t| t.code.as_str() == "reward" && t.credit.to_string() == format!("pool/{}", stake.provider))
                        .map(|t| t.amount.0).sum();
                    prop_assert!(amount.0 <= stake.principal.0 + facts.pool.rewards.0 + rewards);
                }
                StakeOutcome::Waits(_) => prop_assert!(waits && stake.phase == StakePhase::Leaving),
            }
        }
        for stake in inputs.stakes.iter().filter(|stake| stake.phase != StakePhase::Active) {
            prop_assert!(plan.stakes.iter().any(|change| change.stake == stake.stake), "{} is forgotten", stake.stake);
        }
    }
}
