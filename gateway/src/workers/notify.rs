//! Delivers messages about changes to webhooks, at least once, in order for each key.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::domain::UserId;
use crate::events::finished;
use crate::metadata::{ClaimedEvents, Event, MetadataStore};
use crate::workers::webhook::Webhook;
use crate::workers::worker::{StepError, Worker};

/// Messages claimed at a time.
const CLAIM_MAX: usize = 64;

/// Posts under way at once.
const POSTS_AHEAD: usize = 16;

/// How long claimed messages are left to this gateway, in seconds: longer than all of a claim's posts may take.
const LEASE_SECONDS: i64 = 300;

/// The first pause before a message is sent again, in seconds; it doubles up to the last.
const RETRY_SECONDS: (i64, i64) = (1, 300);

/// A message that could not be delivered for so long is dropped, in seconds, as Amazon drops it after a day.
const AGE_MAX_SECONDS: i64 = 86_400;

/// Messages to unknown targets that are dropped in one step.
const DROPPED_MAX: usize = 1_000;

/// Sends what waits for one target. Each has a worker of its own: one that answers slowly or never holds up no other.
pub(super) struct Notify {
    metadata: MetadataStore,
    target: Webhook,
}

impl Notify {
    pub(super) fn new(metadata: MetadataStore, target: Webhook) -> Self {
        Self { metadata, target }
    }

    /// Sends one message.
    async fn send(&self, event: &Event) -> Result<(), String> {
        let message = match serde_json::from_str(&event.record) {
            Ok(record) if !event.whole => finished(record, event.seq, event.version.as_deref()),
            _ => event.record.clone(),
        };
        self.target.post(message).await
    }

    /// Whether the account of the message's bucket may not use its target, unless it is the operator's: not at any time before this configuration is another.
    fn is_refused(&self, event: &Event) -> bool {
        !event.is_alert && !self.target.config().allows(event.account)
    }

    async fn deliver(&self, event: Event) -> Result<(), StepError> {
        if self.is_refused(&event) {
            metrics::counter!("haulout_events_dropped_total", "target" => event.target.clone()).increment(1);
            let account = event.account.map(UserId::account_number);
            tracing::warn!(target = event.target, account, "notification dropped: its account may not use this target");
            self.metadata.forget_events(vec![event.seq]).await?;
            return Ok(());
        }
        match self.send(&event).await {
            Ok(()) => {
                metrics::counter!("haulout_events_delivered_total", "target" => event.target.clone()).increment(1);
                self.metadata.forget_events(vec![event.seq]).await?;
            }
            Err(reason) if event.age_seconds > AGE_MAX_SECONDS => {
                metrics::counter!("haulout_events_dropped_total", "target" => event.target.clone()).increment(1);
                tracing::error!(
                    target = event.target,
                    seq = event.seq,
                    reason,
                    "notification dropped after its maximum age"
                );
                self.metadata.forget_events(vec![event.seq]).await?;
            }
            Err(reason) => {
                metrics::counter!("haulout_events_failed_total", "target" => event.target.clone()).increment(1);
                tracing::warn!(
                    target = event.target,
                    seq = event.seq,
                    reason,
                    "notification delivery failed and will be retried"
                );
                let again = (RETRY_SECONDS.0 << event.attempts.min(16)).min(RETRY_SECONDS.1);
                self.metadata.delay_event(event.seq, again).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Worker for Notify {
    fn name(&self) -> &'static str {
        "notify"
    }

    fn idle(&self) -> Duration {
        Duration::from_millis(500)
    }

    async fn step(&self) -> Result<bool, StepError> {
        let name = &self.target.config().name;
        let claim = self.metadata.claim_events(name, CLAIM_MAX, LEASE_SECONDS, AGE_MAX_SECONDS);
        let ClaimedEvents { events, given_up } = claim.await?;
        if given_up > 0 {
            metrics::counter!("haulout_events_dropped_total", "target" => name.clone()).increment(given_up);
            tracing::error!(
                target = name,
                dropped = given_up,
                "notifications dropped after their maximum age: an earlier one of their key still waited"
            );
        }
        let claimed = events.len();
        let mut sent = futures::stream::iter(events).map(|event| self.deliver(event)).buffer_unordered(POSTS_AHEAD);
        while let Some(outcome) = sent.next().await {
            outcome?;
        }
        Ok(claimed > 0)
    }
}

/// Counts the messages that wait, and drops those that grew too old to targets that the configuration does not name.
pub(super) struct WaitingEvents {
    metadata: MetadataStore,
    targets: Vec<String>,
    /// When they are read again.
    again_at: Mutex<Option<Instant>>,
}

impl WaitingEvents {
    pub(super) fn new(metadata: MetadataStore, targets: Vec<String>) -> Self {
        Self { metadata, targets, again_at: Mutex::new(None) }
    }

    async fn drop_old(&self) -> Result<(), StepError> {
        let old = self.metadata.old_events_to_others(&self.targets, AGE_MAX_SECONDS, DROPPED_MAX).await?;
        if !old.is_empty() {
            metrics::counter!("haulout_events_dropped_total", "target" => "unknown").increment(old.len() as u64);
            tracing::error!(dropped = old.len(), "notifications to unknown targets dropped after their maximum age");
            self.metadata.forget_events(old).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Worker for WaitingEvents {
    fn name(&self) -> &'static str {
        "waiting-events"
    }

    fn idle(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// So seldom that it takes a hundredth of the time at most: all messages are read.
    async fn step(&self) -> Result<bool, StepError> {
        let begun = Instant::now();
        let again_at = || self.again_at.lock().unwrap_or_else(PoisonError::into_inner);
        if again_at().is_some_and(|at| begun < at) {
            return Ok(false);
        }
        let (waiting, oldest) = self.metadata.waiting_events().await?;
        metrics::gauge!("haulout_events_waiting").set(f64::from(u32::try_from(waiting).unwrap_or(u32::MAX)));
        let oldest = u32::try_from(oldest).unwrap_or_default();
        metrics::gauge!("haulout_events_oldest_seconds").set(f64::from(oldest));
        if i64::from(oldest) > AGE_MAX_SECONDS {
            self.drop_old().await?;
        }
        *again_at() = Some(Instant::now() + begun.elapsed() * 100);
        Ok(false)
    }
}
