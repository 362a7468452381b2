//! Asks witnesses for cosignatures of the published ledger, each on its own and as often as it takes. Nothing waits for them.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::config::WitnessConfig;
use crate::ledger::log::note::NoteKey;
use crate::metadata::{LogCheckpoint, MetadataStore, WitnessProgress};
use crate::publication::{add_cosignature, checkpoint_request, keep_refusal, section_after};
use crate::workers::worker::{StepError, Worker};

/// How long a witness may take: it recomputes an epoch.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Requests to one witness in a row.
const REQUESTS_PER_STEP: usize = 50;
/// Seconds until a witness is asked again: doubled with each failure, up to this.
const AGAIN_SECONDS_MAX: i64 = 3_600;

/// A witness.
pub(in crate::workers) struct WitnessClient {
    key: NoteKey,
    url: Url,
    client: Client,
}

/// What a witness answered.
struct Answer {
    status: u16,
    body: String,
}

/// Where asking a witness ended.
enum Asked {
    /// It cosigned this size.
    Cosigned(u64),
    /// It goes on from this size in the next step.
    More(u64),
    /// It did not cosign.
    Problem(String),
}

impl WitnessClient {
    /// A witness as it is configured.
    ///
    /// # Errors
    /// Its key or URL is none.
    pub(in crate::workers) fn new(config: &WitnessConfig) -> Result<Self, StepError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(1)
            .build()?;
        let url = Url::parse(&format!("{}/", config.url.trim_end_matches('/')))?;
        Ok(Self { key: config.key.parse()?, url, client })
    }

    async fn post(&self, path: &str, header: Option<String>, body: Vec<u8>) -> Result<Answer, StepError> {
        let mut request = self.client.post(self.url.join(path)?).body(body);
        if let Some(note) = header {
            request = request.header("haulout-checkpoint", note);
        }
        let mut reply = request.send().await.map_err(reqwest::Error::without_url)?;
        let (status, mut body) = (reply.status().as_u16(), Vec::new());
        while let Some(piece) = reply.chunk().await.map_err(reqwest::Error::without_url)? {
            body.extend_from_slice(&piece);
            if body.len() > ANSWER_BYTES_MAX {
                return Err("its answer is too long".into());
            }
        }
        Ok(Answer { status, body: String::from_utf8(body)? })
    }
}

/// The worker.
pub(in crate::workers) struct Witnesses {
    pub(in crate::workers) metadata: MetadataStore,
    pub(in crate::workers) witnesses: Vec<WitnessClient>,
    pub(in crate::workers) idle: Duration,
}

impl Witnesses {
    /// Asks one witness if it is time; whether it is to be asked once more at once.
    async fn ask(&self, witness: &WitnessClient, latest: &LogCheckpoint) -> Result<bool, StepError> {
        let name = witness.key.name.to_string();
        let (progress, now) = self.metadata.witness_progress(&name).await?;
        if progress.size >= latest.size || now < progress.again_at {
            return Ok(false);
        }
        let asked = self.talk(witness, latest, progress.size).await;
        let asked = asked.unwrap_or_else(|error| Asked::Problem(error.to_string()));
        let (after, again) = match asked {
            Asked::Cosigned(size) => {
                tracing::info!(witness = name, size, epoch = latest.epoch, "a witness has cosigned the ledger");
                metrics::counter!("haulout_ledger_cosignatures_total").increment(1);
                (WitnessProgress { size, ..WitnessProgress::default() }, false)
            }
            Asked::More(size) => (WitnessProgress { size, ..WitnessProgress::default() }, true),
            Asked::Problem(problem) => {
                let failures = progress.failures.saturating_add(1);
                let seconds = (1_i64 << failures.min(12)).min(AGAIN_SECONDS_MAX);
                if problem != progress.problem {
                    tracing::warn!(witness = name, problem, "a witness does not cosign the ledger and is asked again");
                }
                metrics::counter!("haulout_ledger_witness_failures_total").increment(1);
                let again_at = now.plus_seconds(seconds);
                (WitnessProgress { size: progress.size, failures, again_at, problem }, false)
            }
        };
        self.metadata.note_witness(&name, after).await?;
        Ok(again)
    }

    /// A bounded number of requests, until it cosigns or is to be asked later.
    async fn talk(&self, witness: &WitnessClient, latest: &LogCheckpoint, known: u64) -> Result<Asked, StepError> {
        let mut old = known;
        for _ in 0..REQUESTS_PER_STEP {
            let request = checkpoint_request(&self.metadata, latest, old).await?;
            let answer = witness.post("add-checkpoint", None, request.into_bytes()).await?;
            match answer.status {
                200 if add_cosignature(&self.metadata, latest.size, &witness.key, &answer.body).await? => {
                    return Ok(Asked::Cosigned(latest.size));
                }
                200 => return Ok(Asked::Problem("it answered with no good cosignature".to_owned())),
                409 => match size_in(&answer.body) {
                    Some(size) if size <= latest.size && size != old => old = size,
                    Some(size) if size > latest.size => {
                        return Ok(Asked::Problem(format!("it has cosigned a tree of {size} leaves")));
                    }
                    _ => return Ok(Asked::Problem("it answered with the size that it was asked for".to_owned())),
                },
                412 => {
                    if let Some(problem) = self.give_section(witness, latest, &answer.body).await? {
                        return Ok(Asked::Problem(problem));
                    }
                }
                status => return Ok(Asked::Problem(reason(status, &answer.body))),
            }
        }
        Ok(Asked::More(known))
    }

    /// Gives a witness the next epoch to recompute; what is wrong, if anything is.
    async fn give_section(
        &self,
        witness: &WitnessClient,
        latest: &LogCheckpoint,
        answer: &str,
    ) -> Result<Option<String>, StepError> {
        let Some(old) = size_in(answer).filter(|old| *old < latest.size) else {
            return Ok(Some("it has recomputed another tree than is published".to_owned()));
        };
        let Some(section) = section_after(&self.metadata, old).await? else { return Ok(None) };
        let header = Some(STANDARD.encode(&section.note));
        let answer = witness.post(&format!("add-section?old={old}"), header, section.body).await?;
        match answer.status {
            // Whoever else gave it one meanwhile: it says where it is when it is asked for a cosignature.
            200 | 409 => Ok(None),
            422 => match keep_refusal(&self.metadata, &witness.key, &answer.body).await? {
                Some(reason) => {
                    tracing::error!(witness = %witness.key.name, size = section.size, reason, "a witness refuses the ledger");
                    metrics::counter!("haulout_ledger_refusals_total").increment(1);
                    Ok(Some(format!("it refuses: {reason}")))
                }
                None => Ok(Some("it refuses and does not sign why".to_owned())),
            },
            status => Ok(Some(reason(status, &answer.body))),
        }
    }
}

fn size_in(body: &str) -> Option<u64> {
    body.strip_suffix('\n').unwrap_or(body).parse().ok()
}

fn reason(status: u16, body: &str) -> String {
    let line: String = body.lines().next().unwrap_or_default().chars().take(200).collect();
    format!("it answered {status}: {line}")
}

#[async_trait]
impl Worker for Witnesses {
    fn name(&self) -> &'static str {
        "witnesses"
    }

    fn idle(&self) -> Duration {
        self.idle
    }

    async fn step(&self) -> Result<bool, StepError> {
        let Some(latest) = self.metadata.log_checkpoint().await? else { return Ok(false) };
        let asked = self.witnesses.iter().map(|witness| self.ask(witness, &latest));
        let mut more = false;
        for asked in futures::future::join_all(asked).await {
            more |= asked?;
        }
        Ok(more)
    }
}
