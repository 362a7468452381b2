//! The heartbeat as it lies on a backend: JSON that an operator can read, with a code that only the cluster key makes.
//!
//! The code is over the format, the cluster, the backend and every field: a record cannot be moved to another backend, and
//! none can be made up from two. It names the key that made it, so that records outlive a rotation of the cluster key.

use codec::{ClusterId, ClusterKey};
use serde::{Deserialize, Serialize};

use crate::domain::backend_id::BackendId;
use crate::domain::heartbeat::Heartbeat;

/// The layout that this release writes.
const FORMAT: u32 = 1;

/// What the code is for.
const PURPOSE: &str = "heartbeat";

/// What the code of the journal's number is for.
const JOURNAL_PURPOSE: &str = "journal of a heartbeat";

/// As it is written. Fields that a later release adds are passed over: what must be believed needs a new format.
#[derive(Serialize, Deserialize)]
struct Record {
    format: u32,
    cluster: String,
    backend: String,
    generation: u64,
    counter: u64,
    incarnation: u32,
    nonce: String,
    sequence: u64,
    key: u32,
    code: String,
    /// The last segment of the journal that the database knew then. Releases before the journal wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    journal: Option<RecordedJournal>,
}

/// The journal's number, with a code of its own, for gateways of earlier releases know none.
#[derive(Serialize, Deserialize)]
struct RecordedJournal {
    segment: u64,
    code: String,
}

impl Heartbeat {
    /// The bytes that lie on the backend, authenticated by the key, with the number of the journal's last segment.
    #[must_use]
    pub fn to_record(&self, cluster: ClusterId, backend: &BackendId, key: &ClusterKey, segment: u64) -> Vec<u8> {
        let code = key.authenticate(PURPOSE, &self.message(cluster, backend));
        let journal_code = key.authenticate(JOURNAL_PURPOSE, &self.journal_message(cluster, backend, segment));
        let journal = (segment > 0).then(|| RecordedJournal { segment, code: hex::encode(journal_code) });
        let record = Record {
            format: FORMAT,
            cluster: hex::encode(cluster.0),
            backend: backend.to_string(),
            generation: self.generation,
            counter: self.counter,
            incarnation: self.incarnation,
            nonce: hex::encode(self.nonce),
            sequence: self.sequence,
            key: key.id(),
            code: hex::encode(code),
            journal,
        };
        let mut bytes = serde_json::to_vec_pretty(&record).expect("strings and numbers are always JSON");
        bytes.push(b'\n');
        bytes
    }

    /// The reverse of [`Self::to_record`].
    ///
    /// # Errors
    /// Why it is not an authentic heartbeat of this backend.
    pub fn from_record(
        bytes: &[u8],
        cluster: ClusterId,
        backend: &BackendId,
        key: &ClusterKey,
    ) -> Result<Self, String> {
        let record: Record =
            serde_json::from_slice(bytes).map_err(|error| format!("its heartbeat cannot be read: {error}"))?;
        if record.format != FORMAT {
            return Err(format!("its heartbeat has format {}, this release knows {FORMAT}", record.format));
        }
        if record.cluster != hex::encode(cluster.0) || record.backend != backend.as_str() {
            return Err(format!("its heartbeat is that of {:?} in cluster {}", record.backend, record.cluster));
        }
        let damaged = |error| format!("its heartbeat is damaged: {error}");
        let (mut nonce, mut code) = ([0; 16], [0; 32]);
        hex::decode_to_slice(&record.nonce, &mut nonce).map_err(damaged)?;
        hex::decode_to_slice(&record.code, &mut code).map_err(damaged)?;
        let heartbeat = Self {
            generation: record.generation,
            counter: record.counter,
            incarnation: record.incarnation,
            nonce,
            sequence: record.sequence,
        };
        key.verify(record.key, PURPOSE, &heartbeat.message(cluster, backend), &code).map_err(|error| match error {
            codec::KeyError::OtherKey { wanted, .. } => {
                format!("its heartbeat was made by cluster key {wanted}, which is not in the key file")
            }
            codec::KeyError::Refused => "its heartbeat is not authentic".to_owned(),
        })?;
        if let Some(journal) = &record.journal {
            let mut code = [0; 32];
            hex::decode_to_slice(&journal.code, &mut code).map_err(damaged)?;
            let message = heartbeat.journal_message(cluster, backend, journal.segment);
            key.verify(record.key, JOURNAL_PURPOSE, &message, &code)
                .map_err(|_| "the journal in its heartbeat is not authentic".to_owned())?;
        }
        // Numbers that the database cannot keep were never made by it.
        if [heartbeat.generation, heartbeat.counter, heartbeat.sequence].iter().any(|n| i64::try_from(*n).is_err()) {
            return Err("its heartbeat counts beyond all bounds".to_owned());
        }
        Ok(heartbeat)
    }

    /// The journal's last segment that a record names; 0 where it names none. Believe it only of a record that [`Self::from_record`] has read.
    #[must_use]
    pub fn recorded_segment(bytes: &[u8]) -> u64 {
        let record = serde_json::from_slice::<Record>(bytes).ok();
        record.and_then(|record| record.journal).map_or(0, |journal| journal.segment)
    }

    fn journal_message(&self, cluster: ClusterId, backend: &BackendId, segment: u64) -> Vec<u8> {
        let mut bytes = segment.to_be_bytes().to_vec();
        bytes.extend(self.message(cluster, backend));
        bytes
    }

    /// What the code is over: no two heartbeats give the same bytes.
    fn message(&self, cluster: ClusterId, backend: &BackendId) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&cluster.0);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.counter.to_be_bytes());
        bytes.extend_from_slice(&self.incarnation.to_be_bytes());
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        // Everything before it has a length of its own, so the name needs none.
        bytes.extend_from_slice(backend.as_str().as_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: ClusterId = ClusterId([7; 16]);

    fn heartbeat() -> Heartbeat {
        Heartbeat { generation: 2, counter: 9, incarnation: 4, nonce: [5; 16], sequence: 77 }
    }

    fn backend(name: &str) -> BackendId {
        name.parse().unwrap()
    }

    #[test]
    fn a_record_is_good_for_its_backend_and_cluster_only() {
        let key = ClusterKey::new(1, [1; 32]);
        let record = heartbeat().to_record(CLUSTER, &backend("b1"), &key, 0);
        let read = |cluster, name, key: &ClusterKey| Heartbeat::from_record(&record, cluster, &backend(name), key);
        assert_eq!(read(CLUSTER, "b1", &key), Ok(heartbeat()));
        assert!(read(CLUSTER, "b2", &key).is_err());
        assert!(read(ClusterId([8; 16]), "b1", &key).is_err());
        assert!(read(CLUSTER, "b1", &ClusterKey::new(1, [2; 32])).unwrap_err().contains("not authentic"));
        let later = ClusterKey::new(2, [2; 32]);
        assert!(read(CLUSTER, "b1", &later).unwrap_err().contains("cluster key 1"));
        assert_eq!(read(CLUSTER, "b1", &later.beside(vec![key])), Ok(heartbeat()), "during a rotation");
    }

    #[test]
    fn no_field_can_be_changed() {
        let key = ClusterKey::new(1, [1; 32]);
        let record = String::from_utf8(heartbeat().to_record(CLUSTER, &backend("b1"), &key, 31)).unwrap();
        assert_eq!(Heartbeat::recorded_segment(record.as_bytes()), 31);
        for (from, to) in [
            ("\"format\": 1", "\"format\": 2"),
            ("\"generation\": 2", "\"generation\": 3"),
            ("\"counter\": 9", "\"counter\": 10"),
            ("\"incarnation\": 4", "\"incarnation\": 5"),
            ("\"sequence\": 77", "\"sequence\": 76"),
            ("0505", "0506"),
            ("\"key\": 1", "\"key\": 2"),
            ("\"segment\": 31", "\"segment\": 30"),
        ] {
            let changed = record.replacen(from, to, 1);
            assert_ne!(changed, record, "{from}");
            assert!(Heartbeat::from_record(changed.as_bytes(), CLUSTER, &backend("b1"), &key).is_err(), "{to}");
        }
        for junk in ["", "{}", "<html>", "{\"format\":1}"] {
            assert!(Heartbeat::from_record(junk.as_bytes(), CLUSTER, &backend("b1"), &key).is_err(), "{junk}");
        }
    }
}
