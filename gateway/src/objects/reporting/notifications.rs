//! Event notifications: drafts that are enqueued when their change commits.

use crate::domain::{Bucket, ETag, ObjectKey};
use crate::events::{EventDetails, NotificationConfiguration, Origin, record, with_content};
use crate::metadata::{EventDraft, EventTrigger};
use crate::objects::error::ObjectsError;
use crate::objects::state::Inner;

/// A region for rules whose destination names none.
const REGION: &str = "us-east-1";

/// An event that a change may cause.
pub(crate) struct PotentialEvent<'a> {
    /// Which outcome of the change triggers it.
    pub(crate) when: EventTrigger,
    /// The event it is then, without `s3:`.
    pub(crate) event: &'a str,
    /// Bytes and tag of what is written; of what is there already, the transaction adds them.
    pub(crate) content: Option<(u64, ETag)>,
    /// The storage class the version moves to.
    pub(crate) class: Option<&'a str>,
}

impl<'a> PotentialEvent<'a> {
    /// An event about what is there already.
    pub(crate) fn new(when: EventTrigger, event: &'a str) -> Self {
        Self { when, event, content: None, class: None }
    }

    /// An event about a version of these bytes.
    pub(crate) fn stored(event: &'a str, size: u64, etag: ETag) -> Self {
        Self { content: Some((size, etag)), ..Self::new(EventTrigger::Stored, event) }
    }
}

/// The principal of lifecycle actions, as Amazon's messages name it.
pub(crate) fn by_lifecycle() -> Origin {
    let service = "s3.amazonaws.com".to_owned();
    Origin { principal: service.clone(), address: service, ..Origin::default() }
}

impl Inner {
    /// The notification drafts for a key and the events its change may cause. Nothing is evaluated where nothing is
    /// configured.
    ///
    /// # Errors
    /// When the stored rules cannot be read: the change is refused, because it could not be notified.
    pub(crate) fn drafts(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        origin: Option<&Origin>,
        potential_events: &[PotentialEvent<'_>],
    ) -> Result<Vec<EventDraft>, ObjectsError> {
        let rules = bucket.settings.get::<NotificationConfiguration>();
        let rules = rules.map_err(|error| ObjectsError::Internal(error.to_string()))?;
        let Some(rules) = rules else { return Ok(Vec::new()) };
        let nobody = Origin::default();
        let owner = bucket.owner.0.to_string();
        let mut drafts = Vec::new();
        for potential_event in potential_events {
            for rule in rules.matching(potential_event.event, key.as_bytes()) {
                let region = rule.arn.split(':').nth(3).filter(|region| !region.is_empty()).unwrap_or(REGION);
                let details = EventDetails {
                    event: potential_event.event,
                    rule: &rule.id,
                    bucket: bucket.name.as_str(),
                    owner: &owner,
                    key,
                    content: potential_event.content,
                    class: potential_event.class,
                    region,
                    at: self.id_generator.now(),
                    origin: origin.unwrap_or(&nobody),
                };
                let (when, target) = (potential_event.when, rule.target.clone());
                let record = record(&details).to_string();
                drafts.push(EventDraft { when, target, record, complete: with_content });
            }
        }
        Ok(drafts)
    }
}
