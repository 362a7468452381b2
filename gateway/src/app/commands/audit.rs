//! `haulout audit`.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use backends::Verdict;

use crate::admin::{AuditedStanding, ReinstateBackend, ShowAudits, ShowVerdict, ShownVerdict, VerdictWithEvidence};
use crate::app::cli::Audit;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};
use crate::metadata::{Evidence, Standing};

/// The most bytes of a file to judge: evidence has some thousands.
const FILE_BYTES_MAX: u64 = 1 << 20;

pub(super) async fn run(runner: &OperationRunner, audit: Audit) -> Result<Outcome> {
    match audit {
        Audit::Status { backend, json } => status(runner, backend, json).await,
        Audit::Show { id } => {
            show::json(&runner.run(ShowVerdict { id }).await?)?;
            Ok(Outcome::Fine)
        }
        Audit::Verify { file } => verify(&file),
        Audit::Reinstate { backend } => {
            let standing = runner.run(ReinstateBackend { backend }).await?;
            show::print(&format!("{} is {} again", standing.backend, standing.standing))?;
            Ok(Outcome::Fine)
        }
    }
}

async fn status(runner: &OperationRunner, backend: Option<String>, json: bool) -> Result<Outcome> {
    let one = backend.is_some();
    let standings = runner.run(ShowAudits { backend }).await?;
    if json {
        show::json(&standings)?;
    } else {
        let rows: Vec<_> = standings.iter().map(row).collect();
        show::table(["BACKEND", "STANDING", "AUDITS", "DATA", "ANSWERS", "PRESENCE", "SAMPLES"], &rows)?;
        if one {
            let verdicts: Vec<_> = standings.iter().flat_map(|standing| &standing.verdicts).map(verdict_row).collect();
            show::print("")?;
            show::table(["VERDICT", "METHOD", "SLIVER", "ID", "REASON"], &verdicts)?;
        }
    }
    let suspended = Standing::Suspended.name();
    let fine = standings.iter().all(|standing| standing.standing != suspended);
    Ok(if fine { Outcome::Fine } else { Outcome::Wrong })
}

/// Says whether a verdict follows from its evidence.
fn verify(file: &Path) -> Result<Outcome> {
    let describe = || format!("cannot read {}", file.display());
    let len = std::fs::metadata(file).with_context(describe)?.len();
    if len > FILE_BYTES_MAX {
        bail!("{} has {len} bytes: that is no evidence", file.display());
    }
    let text = std::fs::read_to_string(file).with_context(describe)?;
    let shown: VerdictWithEvidence =
        serde_json::from_str(&text).context("this is not what `haulout audit show` prints")?;
    let Some(evidence) = shown.evidence else { bail!("there is no evidence any more: it was removed with time") };
    let evidence: Evidence = serde_json::from_value(evidence).context("the evidence is malformed")?;
    let verdict = Verdict::named(&shown.verdict.verdict).context("there is no such verdict")?;
    let judged = evidence.judge()?;
    let shows = match (&judged, evidence.signer()?) {
        (Some(_), Some(node)) => format!("the bytes that node {node} has signed"),
        (Some(_), None) => "the bytes that the gateway says were shown".to_owned(),
        (None, _) => "the word of the gateway alone".to_owned(),
    };
    let follows = judged.is_none_or(|judgement| judgement.verdict == verdict || verdict == Verdict::Void);
    let chosen = match shown.secret {
        Some(secret) => {
            let mut bytes = [0; 32];
            hex::decode_to_slice(&secret, &mut bytes).context("the secret is malformed")?;
            evidence.is_chosen_by(&bytes)?
        }
        None => true,
    };
    if follows && chosen {
        show::print(&format!("{}: it follows from {shows}", verdict.text()))?;
        Ok(Outcome::Fine)
    } else {
        let what =
            if follows { "the sample is not the one that the secret chooses" } else { "another verdict follows" };
        show::print(&format!("{}: {what}", verdict.text()))?;
        Ok(Outcome::Wrong)
    }
}

fn row(standing: &AuditedStanding) -> [String; 7] {
    let thousandths = |score: i64| format!("{}.{} %", score / 10, score % 10);
    [
        standing.backend.clone(),
        standing.reason.as_ref().map_or(standing.standing.clone(), |reason| format!("{}: {reason}", standing.standing)),
        standing.audits.to_string(),
        thousandths(standing.data_score),
        thousandths(standing.answer_score),
        thousandths(standing.presence_score),
        format!("{} of {}", standing.samples.0, standing.samples.1),
    ]
}

fn verdict_row(verdict: &ShownVerdict) -> [String; 5] {
    let ShownVerdict { id, sliver, method, verdict, reason, .. } = verdict.clone();
    [verdict, method, sliver, id, reason]
}
