//! Who is told of a change: drafts of messages that come true when the change is made.

use super::ObjectsError;
use super::state::Inner;
use crate::domain::{Bucket, ETag, ObjectKey};
use crate::events::{Happening, NotificationConfiguration, Origin, record, with_content};
use crate::metadata::{EventDraft, EventWhen};

/// A region for rules whose destination names none.
const REGION: &str = "us-east-1";

/// What may happen to a key.
pub(crate) struct Chance<'a> {
    /// What must come of the change.
    pub(crate) when: EventWhen,
    /// The event it is then, without `s3:`.
    pub(crate) event: &'a str,
    /// Bytes and tag of what is written; of what is there already, the transaction adds them.
    pub(crate) content: Option<(u64, ETag)>,
    /// The storage class the version moves to.
    pub(crate) class: Option<&'a str>,
}

impl<'a> Chance<'a> {
    /// An event about what is there already.
    pub(crate) fn new(when: EventWhen, event: &'a str) -> Self {
        Self { when, event, content: None, class: None }
    }

    /// An event about a version of these bytes.
    pub(crate) fn stored(event: &'a str, size: u64, etag: ETag) -> Self {
        Self { content: Some((size, etag)), ..Self::new(EventWhen::Stored, event) }
    }
}

/// Who asks for what lifecycle rules do, in the words of Amazon's messages.
pub(crate) fn by_lifecycle() -> Origin {
    let service = "s3.amazonaws.com".to_owned();
    Origin { principal: service.clone(), address: service, ..Origin::default() }
}

impl Inner {
    /// The messages to be sent about a key, should one of these chances come true. Nothing is looked at where nothing is
    /// configured.
    ///
    /// # Errors
    /// When the rules in the database cannot be read: the change is refused, because nobody could be told of it.
    pub(crate) fn drafts(
        &self,
        bucket: &Bucket,
        key: &ObjectKey,
        origin: Option<&Origin>,
        chances: &[Chance<'_>],
    ) -> Result<Vec<EventDraft>, ObjectsError> {
        let rules = bucket.settings.get::<NotificationConfiguration>();
        let rules = rules.map_err(|error| ObjectsError::Internal(error.to_string()))?;
        let Some(rules) = rules else { return Ok(Vec::new()) };
        let nobody = Origin::default();
        let owner = bucket.owner.0.to_string();
        let mut drafts = Vec::new();
        for chance in chances {
            for rule in rules.telling(chance.event, key.as_bytes()) {
                let region = rule.arn.split(':').nth(3).filter(|region| !region.is_empty()).unwrap_or(REGION);
                let happening = Happening {
                    event: chance.event,
                    rule: &rule.id,
                    bucket: bucket.name.as_str(),
                    owner: &owner,
                    key,
                    content: chance.content,
                    class: chance.class,
                    region,
                    at: self.mint.now(),
                    origin: origin.unwrap_or(&nobody),
                };
                let (when, target) = (chance.when, rule.target.clone());
                let record = record(&happening).to_string();
                drafts.push(EventDraft { when, target, record, complete: with_content });
            }
        }
        Ok(drafts)
    }
}
