//! The parameters that stakers vote on: what each means, what it is at the start, and how far it may be moved.

/// All of something, in hundredths of a percent.
pub const WHOLE_BP: u64 = 10_000;

/// The name of a parameter. `_bp` ends those in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the text beside each in the table says what it means")]
pub enum Parameter {
    BurnBp,
    RepairShareBp,
    RepairFundCapBp,
    RepairPrice,
    AuditPrice,
    TrashPrice,
    FaultsMaxBp,
    SilenceMaxBp,
    OpenEpochsMax,
    SlashBp,
    SlashCapBp,
    SlashBurnBp,
    HoldbackFirstBp,
    HoldbackStepBp,
    HoldbackStepEpochs,
    HoldbackCoverBp,
    HoldbackHalfEpochs,
    VettingAudits,
    VettingEpochs,
    VettingShareBp,
    WeightCapBp,
    PriceMoveBp,
    ProposalQuorumBp,
}

/// A row of the table of parameters.
#[derive(Clone, Copy, Debug)]
pub struct ParameterRule {
    /// Which one.
    pub parameter: Parameter,
    /// Its name in proposals, in what is published and in documents.
    pub name: &'static str,
    /// What it is until a vote changes it.
    pub default: u64,
    /// The least that a vote may make it.
    pub least: u64,
    /// The most that a vote may make it.
    pub most: u64,
    /// What it does.
    pub meaning: &'static str,
}

const COUNT: usize = 23;

/// Every parameter, in the order in which they are published.
pub const PARAMETER_RULES: [ParameterRule; COUNT] = {
    use Parameter as P;
    [
        rule(P::BurnBp, "burn_bp", 300, 0, 2_000, "of the fees that is burned"),
        rule(P::RepairShareBp, "repair_share_bp", 500, 0, 5_000, "of the fees that goes to the repair fund"),
        rule(
            P::RepairFundCapBp,
            "repair_fund_cap_bp",
            50_000,
            0,
            1_000_000,
            "of an epoch's fees at which the fund takes no share",
        ),
        rule(P::RepairPrice, "repair_price", 2_100, 0, 1_000_000_000, "FROST for each MiB rebuilt"),
        rule(P::AuditPrice, "audit_price", 1, 0, 1_000_000_000, "FROST for each audit passed"),
        rule(P::TrashPrice, "trash_price", 1_050, 0, 1_000_000_000, "FROST for each MiB of trash kept for an epoch"),
        rule(P::FaultsMaxBp, "faults_max_bp", 500, 0, 5_000, "of the audits that may find nothing; more is a fault"),
        rule(
            P::SilenceMaxBp,
            "silence_max_bp",
            4_000,
            1_000,
            9_999,
            "of the audits that may meet silence; more is a fault and suspends",
        ),
        rule(P::OpenEpochsMax, "open_epochs_max", 2, 1, 26, "epochs after which an open period is a fault"),
        rule(P::SlashBp, "slash_bp", 100, 0, 1_000, "of holdback and pool for each proven wrong answer"),
        rule(P::SlashCapBp, "slash_cap_bp", 1_000, 0, 5_000, "of holdback and pool in one epoch at most"),
        rule(P::SlashBurnBp, "slash_burn_bp", 5_000, 0, 10_000, "of what is slashed that is burned; the rest repairs"),
        rule(
            P::HoldbackFirstBp,
            "holdback_first_bp",
            7_500,
            0,
            10_000,
            "of a new provider's own earnings that is held back",
        ),
        rule(P::HoldbackStepBp, "holdback_step_bp", 2_500, 0, 10_000, "by which that falls at each step"),
        rule(P::HoldbackStepEpochs, "holdback_step_epochs", 6, 1, 100, "epochs of a step"),
        rule(
            P::HoldbackCoverBp,
            "holdback_cover_bp",
            30_000,
            0,
            100_000,
            "of what rebuilding its data costs, at which nothing more is held back",
        ),
        rule(
            P::HoldbackHalfEpochs,
            "holdback_half_epochs",
            32,
            1,
            1_000,
            "epochs after which half of the holdback returns",
        ),
        rule(P::VettingAudits, "vetting_audits", 100, 0, 1_000_000, "audits passed that make a provider vetted"),
        rule(P::VettingEpochs, "vetting_epochs", 2, 0, 26, "epochs that it takes at least"),
        rule(
            P::VettingShareBp,
            "vetting_share_bp",
            100,
            1,
            5_000,
            "of the weight that all unvetted providers have together",
        ),
        rule(
            P::WeightCapBp,
            "weight_cap_bp",
            1_000,
            100,
            10_000,
            "of the weight that one provider has at most, of twenty or more",
        ),
        rule(P::PriceMoveBp, "price_move_bp", 2_000, 1, 2_000, "by which a price moves in an epoch at most"),
        rule(
            P::ProposalQuorumBp,
            "proposal_quorum_bp",
            5_000,
            3_334,
            9_000,
            "of the stake that must vote on a proposal",
        ),
    ]
};

const fn rule(
    parameter: Parameter,
    name: &'static str,
    default: u64,
    least: u64,
    most: u64,
    meaning: &'static str,
) -> ParameterRule {
    ParameterRule { parameter, name, default, least, most, meaning }
}

impl Parameter {
    /// Its row of the table.
    #[must_use]
    pub const fn rule(self) -> &'static ParameterRule {
        &PARAMETER_RULES[self as usize]
    }

    /// The parameter of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        PARAMETER_RULES.iter().find(|rule| rule.name == name).map(|rule| rule.parameter)
    }
}

/// A value that no vote may give a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} may be {least} to {most}, not {value}", name = .0.rule().name, least = .0.rule().least, most = .0.rule().most, value = .1)]
pub struct ParameterError(pub Parameter, pub u64);

/// The value of every parameter in one epoch, each within its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters([u64; COUNT]);

impl Default for Parameters {
    fn default() -> Self {
        Self(PARAMETER_RULES.map(|rule| rule.default))
    }
}

impl Parameters {
    /// The value of a parameter.
    #[must_use]
    pub const fn get(&self, parameter: Parameter) -> u64 {
        self.0[parameter as usize]
    }

    /// The same with one other value.
    ///
    /// # Errors
    /// [`ParameterError`] if the value is out of its range.
    pub fn with(mut self, parameter: Parameter, value: u64) -> Result<Self, ParameterError> {
        let rule = parameter.rule();
        if !(rule.least..=rule.most).contains(&value) {
            return Err(ParameterError(parameter, value));
        }
        self.0[parameter as usize] = value;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_its_defaults_are_in_range() {
        for (at, rule) in PARAMETER_RULES.iter().enumerate() {
            assert_eq!(rule.parameter as usize, at, "{}", rule.name);
            assert!((rule.least..=rule.most).contains(&rule.default), "{}", rule.name);
            assert_eq!(Parameter::from_name(rule.name), Some(rule.parameter));
            assert!(Parameters::default().with(rule.parameter, rule.most + 1).is_err());
            assert_eq!(Parameters::default().with(rule.parameter, rule.least).unwrap().get(rule.parameter), rule.least);
        }
        assert!(Parameters::default().get(Parameter::SlashCapBp) < WHOLE_BP, "a pool is never slashed to nothing");
    }
}
