//! Verdicts of audits, as they are reported to the node that they are about.

use codec::{BlobId, SamplePosition};
use serde::{Deserialize, Serialize};

use super::{Failure, FailureCode};
use crate::{SliverName, Verdict, VerdictReport};

/// Verdicts in one request, at most.
pub const VERDICTS_MAX: usize = 256;

/// The body of `POST /v1/verdicts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictsRequest {
    /// 1 to [`VERDICTS_MAX`] of them.
    pub verdicts: Vec<VerdictRecord>,
}

/// A verdict as it travels, and as a node writes it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictRecord {
    /// 32 digits.
    pub id: String,
    /// The epoch.
    pub epoch: u64,
    /// 32 digits.
    pub blob: String,
    /// Which of the blob's slivers.
    pub index: u8,
    /// Which attempt to store it.
    pub attempt: u32,
    /// The stripe.
    pub stripe: u32,
    /// Which sample of its block.
    pub sample: u32,
    /// [`Verdict::text`].
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// Seconds since 1970 UTC.
    pub time: u64,
}

impl From<&VerdictReport> for VerdictRecord {
    fn from(report: &VerdictReport) -> Self {
        let VerdictReport { id, epoch, name, position, verdict, reason, time } = report;
        let printable = reason.chars().map(|character| if character.is_control() { ' ' } else { character });
        Self {
            id: hex::encode(id),
            epoch: *epoch,
            blob: hex::encode(name.blob.0),
            index: name.index,
            attempt: name.attempt,
            stripe: position.stripe,
            sample: position.sample,
            verdict: verdict.text().to_owned(),
            reason: printable.take(VerdictReport::REASON_MAX).collect(),
            time: *time,
        }
    }
}

impl VerdictRecord {
    /// What it says; none for what no gateway writes.
    fn report(&self) -> Option<VerdictReport> {
        let (mut id, mut blob) = ([0; 16], [0; 16]);
        hex::decode_to_slice(&self.id, &mut id).ok()?;
        hex::decode_to_slice(&self.blob, &mut blob).ok()?;
        let report = VerdictReport {
            id,
            epoch: self.epoch,
            name: SliverName { blob: BlobId(blob), index: self.index, attempt: self.attempt },
            position: SamplePosition { stripe: self.stripe, sample: self.sample },
            verdict: Verdict::ALL.into_iter().find(|verdict| verdict.text() == self.verdict)?,
            reason: self.reason.clone(),
            time: self.time,
        };
        // One meaning, one spelling; and a reason that is too long or has control characters is another after this.
        (Self::from(&report) == *self).then_some(report)
    }
}

impl VerdictsRequest {
    /// Reads one.
    ///
    /// # Errors
    /// [`FailureCode::Malformed`] if any verdict of it cannot be read, or there are none or too many.
    pub fn parse(body: &[u8]) -> Result<Vec<VerdictReport>, Failure> {
        let malformed = |reason: String| Failure::new(FailureCode::Malformed, reason);
        let request: Self = serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
        if !(1..=VERDICTS_MAX).contains(&request.verdicts.len()) {
            return Err(malformed(format!("1 to {VERDICTS_MAX} verdicts are expected")));
        }
        let reports = request.verdicts.iter().enumerate().map(|(number, record)| {
            record.report().ok_or_else(|| malformed(format!("verdict {number} cannot be read")))
        });
        reports.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: Verdict, reason: &str) -> VerdictReport {
        let name = SliverName { blob: BlobId([2; 16]), index: 3, attempt: 4 };
        let position = SamplePosition { stripe: 5, sample: 6 };
        VerdictReport { id: [1; 16], epoch: 7, name, position, verdict, reason: reason.to_owned(), time: 8 }
    }

    fn body(reports: &[VerdictReport]) -> String {
        let verdicts = reports.iter().map(VerdictRecord::from).collect();
        serde_json::to_string(&VerdictsRequest { verdicts }).unwrap()
    }

    #[test]
    fn verdicts_read_back_and_whatever_else_is_refused() {
        let all = Verdict::ALL.map(|verdict| report(verdict, "the proof does not lead to the root"));
        assert_eq!(VerdictsRequest::parse(body(&all).as_bytes()), Ok(all.to_vec()));
        let one = body(&all[..1]);
        for wrong in [
            one.replace("\"passed\"", "\"good\""),
            one.replace(&"01".repeat(16), "01"),
            one.replace(&"02".repeat(16), &"0A".repeat(16)),
            one.replace("\"index\":3", "\"index\":256"),
            one.replace("the proof", "the\\nproof"),
            one.replace("the proof", &"x".repeat(201)),
            one.replace("\"time\"", "\"when\""),
            body(&[]),
            body(&vec![report(Verdict::Passed, ""); VERDICTS_MAX + 1]),
        ] {
            assert_eq!(VerdictsRequest::parse(wrong.as_bytes()).unwrap_err().code, FailureCode::Malformed, "{wrong}");
        }
    }

    #[test]
    fn a_reason_is_cut_to_what_a_node_takes_and_the_longest_request_fits() {
        let long = report(Verdict::Wrong, &"\u{1f40b}\n".repeat(300));
        let body = body(&vec![long; VERDICTS_MAX]);
        assert!(body.len() as u64 <= super::super::SMALL_BODY_MAX, "{} bytes", body.len());
        assert!(VerdictsRequest::parse(body.as_bytes()).is_ok());
    }
}
