//! The entry point of the fuzz target `heartbeats` in `tests/fuzz`: what a backend shows as its heartbeat.
//!
//! Compiled only for tests and with the feature `fuzzing`.

use codec::{ClusterId, ClusterKey};

use crate::domain::{BackendId, Heartbeat};

/// Reads bytes as the heartbeat of a backend. What the cluster's key has made is read as it was written.
///
/// # Panics
/// If it is read otherwise.
pub fn heartbeats(bytes: &[u8]) {
    let (cluster, key) = (ClusterId([1; 16]), ClusterKey::new(1, [9; 32]));
    let backend: BackendId = "b1".parse().expect("a name");
    let segment = Heartbeat::recorded_segment(bytes);
    if let Ok(heartbeat) = Heartbeat::from_record(bytes, cluster, &backend, &key) {
        let written = heartbeat.to_record(cluster, &backend, &key, segment);
        assert_eq!(Heartbeat::from_record(&written, cluster, &backend, &key), Ok(heartbeat));
        assert_eq!(Heartbeat::recorded_segment(&written), segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Every seed and every input that once did harm passes.
    #[test]
    fn the_corpus_does_no_harm() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/heartbeats");
        let mut inputs = 0;
        for file in std::fs::read_dir(corpus).unwrap() {
            let seed = std::fs::read(file.unwrap().path()).unwrap();
            (0..=seed.len()).for_each(|cut| heartbeats(&seed[..cut]));
            inputs += 1;
        }
        assert!(inputs > 0);
    }
}
