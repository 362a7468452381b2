//! The entry points of the fuzz targets `slivers`, `proofs` and `catalogs` in `tests/fuzz`: what whoever is not trusted stores, and shows, as a sliver.
//!
//! Compiled only for tests and with the feature `fuzzing`.

#![expect(clippy::missing_panics_doc, reason = "panics are what the fuzzer looks for")]

use std::ops::Range;

use codec::{
    Catalog, FOOTER_TAIL_BYTES, FooterTail, HEADER_BYTES, IncomingSliver, PossessionProof, SamplePosition,
    SelfDescribed, SliverError, SliverHeader,
};

/// Reads bytes as a sliver: what it says of itself, and as one that arrives in portions. What arrives and is good says the same of itself.
pub fn slivers(bytes: &[u8]) {
    drop(SliverHeader::parse(bytes));
    drop(FooterTail::parse(bytes));
    let described = self_described(bytes);
    for portion in [1, 97, bytes.len().max(1)] {
        if let Ok(arrived) = arrive(bytes, portion) {
            assert_eq!(Some(&arrived), described.as_ref());
        }
    }
    let Some(described) = described else { return };
    let layout = described.identity.layout;
    assert_eq!(layout.sliver_len(), bytes.len() as u64);
    for number in [0, SamplePosition::count(&layout).saturating_sub(1)] {
        let Some(position) = SamplePosition::nth(&layout, number) else { continue };
        let Some(block) = bytes.get(range(layout.block_range(position.stripe))) else { continue };
        if let Ok(proof) = PossessionProof::new(&described, position, block) {
            assert_eq!(PossessionProof::parse(&proof.to_bytes()).as_ref(), Ok(&proof));
            let is_genuine = described.footer.block_is_genuine(position.stripe, block);
            assert_eq!(proof.verify(&described.identity, &described.root, position).is_ok(), is_genuine);
        }
    }
}

/// Reads bytes as a proof: one proof has one form.
pub fn proofs(bytes: &[u8]) {
    if let Ok(proof) = PossessionProof::parse(bytes) {
        assert_eq!(proof.to_bytes(), bytes);
    }
}

/// Reads bytes as a catalog: one catalog has one form.
pub fn catalogs(bytes: &[u8]) {
    if let Ok(catalog) = Catalog::decode(bytes) {
        assert_eq!(catalog.encode(), bytes);
    }
}

/// As whoever proves a sliver reads it.
fn self_described(bytes: &[u8]) -> Option<SelfDescribed> {
    let header = bytes.get(..HEADER_BYTES)?;
    let tail = bytes.get(bytes.len().checked_sub(FOOTER_TAIL_BYTES)?..)?;
    let footer_len = usize::try_from(FooterTail::parse(tail).ok()?.footer_len()).ok()?;
    let footer = bytes.get(bytes.len().checked_sub(footer_len)?..)?;
    SelfDescribed::parse(header, footer, bytes.len() as u64).ok()
}

/// As a storage node takes it.
fn arrive(bytes: &[u8], portion: usize) -> Result<SelfDescribed, SliverError> {
    let mut incoming = IncomingSliver::default();
    for part in bytes.chunks(portion) {
        incoming.push(part)?;
    }
    let most = incoming.settle_bytes();
    incoming.settle(|wanted| {
        assert!(wanted.end - wanted.start <= most, "more is read at once than was said");
        bytes.get(range(wanted)).map(<[u8]>::to_vec).ok_or(SliverError::NotASliver)
    })
}

fn range(wanted: Range<u64>) -> Range<usize> {
    let at = |number| usize::try_from(number).unwrap_or(usize::MAX);
    at(wanted.start)..at(wanted.end)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Every seed and every input that once did harm passes its probe.
    #[test]
    fn the_corpus_does_no_harm() {
        type Probe = fn(&[u8]);
        let probes: [(&str, Probe); 3] =
            [("slivers", super::slivers), ("proofs", super::proofs), ("catalogs", super::catalogs)];
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
        for (name, probe) in probes {
            let mut inputs = 0;
            for file in std::fs::read_dir(corpus.join(name)).unwrap() {
                let seed = std::fs::read(file.unwrap().path()).unwrap();
                (0..=seed.len()).for_each(|cut| probe(&seed[..cut]));
                inputs += 1;
            }
            assert!(inputs > 0, "{name} is empty");
        }
    }
}
