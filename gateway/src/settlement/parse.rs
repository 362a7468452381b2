//! Reading the canonical text of an epoch's inputs. Total and bounded: any bytes give inputs or an error, and inputs only if
//! they are exactly what would be written of them.

use std::str::{FromStr, Split};

use crate::domain::money::account::{Book, LedgerAccount};
use crate::domain::money::epoch::Epoch;
use crate::domain::money::frost::Frost;
use crate::domain::money::price::{Prices, Usage};
use crate::staking::{PARAMETER_RULES, Parameters, Pool};

use super::check::check;
use super::inputs::{
    BucketUsage, EpochInputs, Evidence, FloorFacts, Loss, OpenPeriod, PayerFunds, ProviderFacts, StakeFacts, Verdicts,
};
use super::text::{END, HEAD, PHASES, STANDINGS, encode};

/// The longest text, in bytes: about 400,000 buckets.
pub const INPUTS_BYTES_MAX: usize = 64 << 20;

/// A text that isn't the canonical text of inputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the inputs: {reason}")]
pub struct ParseError {
    /// The line, from 1; 0 if it is about all of them.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl ParseError {
    fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// Reads what [`encode`] writes, and nothing else: a number with a leading zero, another order, one space more, or facts that
/// [`super::plan()`] would refuse are errors.
///
/// # Errors
/// [`ParseError`] names the first line that is wrong.
pub fn parse(bytes: &[u8]) -> Result<EpochInputs, ParseError> {
    if bytes.len() > INPUTS_BYTES_MAX {
        return Err(ParseError::new(0, format!("they are longer than {INPUTS_BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ParseError::new(0, "they are no UTF-8"))?;
    let inputs = Reader { lines: text.split('\n').enumerate().peekable() }.inputs()?;
    let canonical = encode(&inputs);
    if canonical != text {
        let differs = canonical.split('\n').zip(text.split('\n')).take_while(|(ours, theirs)| ours == theirs).count();
        return Err(ParseError::new(differs + 1, "it isn't in the canonical form, or not in its place"));
    }
    check(&inputs).map_err(|error| ParseError::new(0, error.to_string()))?;
    Ok(inputs)
}

struct Reader<'a> {
    lines: std::iter::Peekable<std::iter::Enumerate<Split<'a, char>>>,
}

impl<'a> Reader<'a> {
    fn inputs(&mut self) -> Result<EpochInputs, ParseError> {
        self.exactly(HEAD)?;
        let epoch = self.one("epoch", |columns| columns.number().map(Epoch))?;
        let book = self.one("book", |columns| columns.choice(&[(Book::Track, "track"), (Book::On, "on")]))?;
        let length_micros = self.one("length", Columns::number)?;
        let caught_up = self.one("caught-up", Columns::yes)?;
        let prices = self.one("prices", Columns::prices)?;
        let mut parameters = Parameters::default();
        for rule in &PARAMETER_RULES {
            parameters = self.one("parameter", |columns| {
                let named = columns.text()? == rule.name;
                named.then_some(parameters.with(rule.parameter, columns.number()?).ok()).flatten()
            })?;
        }
        let mut inputs = EpochInputs::empty(epoch, book, length_micros, prices);
        inputs.caught_up = caught_up;
        inputs.parameters = parameters;
        inputs.repair_fund = self.one("repair-fund", Columns::frost)?;
        inputs.remainder = self.one("remainder", Columns::frost)?;
        inputs.payers = self.many("payer", Columns::payer)?;
        inputs.buckets = self.many("bucket", Columns::bucket)?;
        inputs.providers = self.many("provider", Columns::provider)?;
        inputs.losses = self.many("loss", Columns::loss)?;
        inputs.evidence = self.many("evidence", Columns::evidence)?;
        inputs.open_periods = self.many("open", Columns::open_period)?;
        inputs.stakes = self.many("stake", Columns::stake)?;
        inputs.floors = self.many("floor", Columns::floor)?;
        self.exactly(END)?;
        self.exactly("")?;
        match self.lines.next() {
            Some((at, _)) => Err(ParseError::new(at + 1, "nothing may follow the end")),
            None => Ok(inputs),
        }
    }

    fn exactly(&mut self, expected: &str) -> Result<(), ParseError> {
        match self.lines.next() {
            Some((_, line)) if line == expected => Ok(()),
            Some((at, _)) => Err(ParseError::new(at + 1, format!("`{expected}` is expected here"))),
            None => Err(ParseError::new(0, format!("they end before `{expected}`"))),
        }
    }

    /// The line of this kind that must come next.
    fn one<T>(&mut self, kind: &str, read: impl FnOnce(&mut Columns<'a>) -> Option<T>) -> Result<T, ParseError> {
        let Some((at, line)) = self.lines.next() else {
            return Err(ParseError::new(0, format!("they end before `{kind}`")));
        };
        let mut columns = Columns(line.split(' '));
        let of_kind = columns.text() == Some(kind);
        let value = if of_kind { read(&mut columns) } else { None };
        let value = value.filter(|_| columns.0.next().is_none());
        value.ok_or_else(|| ParseError::new(at + 1, format!("it is no line of `{kind}`")))
    }

    /// All lines of this kind that come next.
    fn many<T>(&mut self, kind: &str, read: impl Fn(&mut Columns<'a>) -> Option<T>) -> Result<Vec<T>, ParseError> {
        let mut values = Vec::new();
        while self.lines.peek().is_some_and(|(_, line)| line.split(' ').next() == Some(kind)) {
            values.push(self.one(kind, &read)?);
        }
        Ok(values)
    }
}

struct Columns<'a>(Split<'a, char>);

impl<'a> Columns<'a> {
    fn text(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    fn name(&mut self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    fn number<T: FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }

    fn frost(&mut self) -> Option<Frost> {
        self.number().map(Frost)
    }

    fn account(&mut self) -> Option<LedgerAccount> {
        self.number()
    }

    fn choice<T: Copy>(&mut self, table: &[(T, &str)]) -> Option<T> {
        let name = self.text()?;
        table.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
    }

    fn yes(&mut self) -> Option<bool> {
        self.choice(&[(true, "yes"), (false, "no")])
    }

    fn prices(&mut self) -> Option<Prices> {
        Some(Prices {
            storage: self.frost()?,
            write: self.frost()?,
            requests_read: self.frost()?,
            requests_write: self.frost()?,
            egress: self.frost()?,
        })
    }

    fn payer(&mut self) -> Option<PayerFunds> {
        let account = self.account()?;
        let funds = self.text()?;
        let funds = if funds == "-" { None } else { Some(Frost(funds.parse().ok()?)) };
        Some(PayerFunds { account, funds })
    }

    fn bucket(&mut self) -> Option<BucketUsage> {
        Some(BucketUsage {
            bucket: self.name()?,
            payer: self.account()?,
            usage: Usage {
                byte_micros: self.number()?,
                written_bytes: self.number()?,
                requests_read: self.number()?,
                requests_write: self.number()?,
                egress_bytes: self.number()?,
            },
        })
    }

    fn verdicts(&mut self) -> Option<Verdicts> {
        Some(Verdicts {
            passed: self.number()?,
            missing: self.number()?,
            wrong: self.number()?,
            silent: self.number()?,
            pending: self.number()?,
        })
    }

    fn provider(&mut self) -> Option<ProviderFacts> {
        Some(ProviderFacts {
            provider: self.name()?,
            standing: self.choice(&STANDINGS)?,
            age: self.number()?,
            byte_micros: self.number()?,
            verdicts: self.verdicts()?,
            passed_own: self.number()?,
            vetting: self.number()?,
            commission_bp: self.number()?,
            holdback: self.frost()?,
            half_returned: self.yes()?,
            rebuilt_bytes: self.number()?,
            trash_byte_micros: self.number()?,
            owed: self.frost()?,
            pool: Pool {
                wal: self.frost()?,
                shares: self.number()?,
                rewards: self.frost()?,
                positions: self.number()?,
            },
        })
    }

    fn loss(&mut self) -> Option<Loss> {
        Some(Loss {
            provider: self.name()?,
            sliver: self.name()?,
            from_micros: self.number()?,
            until_micros: self.number()?,
            bytes: self.number()?,
        })
    }

    fn evidence(&mut self) -> Option<Evidence> {
        Some(Evidence { provider: self.name()?, id: self.name()? })
    }

    fn open_period(&mut self) -> Option<OpenPeriod> {
        Some(OpenPeriod {
            provider: self.name()?,
            epoch: self.number().map(Epoch)?,
            reserved: self.frost()?,
            verdicts: self.verdicts()?,
        })
    }

    fn stake(&mut self) -> Option<StakeFacts> {
        Some(StakeFacts {
            stake: self.name()?,
            staker: self.name()?,
            provider: self.name()?,
            principal: self.frost()?,
            shares: self.number()?,
            own: self.choice(&[(true, "own"), (false, "delegated")])?,
            phase: self.choice(&PHASES)?,
        })
    }

    /// One whose signature is not good is no floor.
    fn floor(&mut self) -> Option<FloorFacts> {
        Some(FloorFacts { provider: self.name()?, floor: self.number()? })
    }
}
