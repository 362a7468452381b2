//! Which samples an epoch asks of a provider. Pure: whoever knows the epoch's secret and the provider's nonce draws the same.
//!
//! A draw is a number of a blob, uniform over all numbers that were given when the epoch began. It names a sliver of the provider, or
//! nothing, where the blob is gone or has no sliver there; then the next draw counts. So each sliver is as likely as any other, a provider
//! is asked in proportion to what it holds when draws are counted, and what a sample costs does not depend on how much is stored.

use codec::{BlobLayout, SamplePosition};

/// Separates this use of the hash from every other.
const CONTEXT: &str = "haulout 2026-11-29 audit draws v1";

/// The draws of one provider in one epoch.
#[derive(Clone, Copy, Debug)]
pub struct Draws {
    seed: [u8; 32],
    serials: u64,
}

/// One draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Which, counted from 0.
    pub number: u64,
    /// The number of the blob.
    pub serial: u64,
    /// Goes into the challenge, so that an answer cannot be prepared or repeated.
    pub nonce: [u8; 32],
    within: u64,
    disguise: u8,
}

impl Draws {
    /// The draws that these decide: the epoch's secret and number, the provider's nonce (zeros where it gave none), its name, and the
    /// highest number of a blob when the epoch began.
    #[must_use]
    pub fn new(secret: &[u8; 32], epoch: u64, nonce: &[u8; 32], backend: &str, serials: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(secret).update(&epoch.to_be_bytes()).update(nonce).update(backend.as_bytes());
        Self { seed: *hasher.finalize().as_bytes(), serials }
    }

    /// The draw of a number; none when there is no blob.
    #[must_use]
    pub fn draw(&self, number: u64) -> Option<Draw> {
        if self.serials == 0 {
            return None;
        }
        let mut bytes = [0; 64];
        blake3::Hasher::new_keyed(&self.seed).update(&number.to_be_bytes()).finalize_xof().fill(&mut bytes);
        let (numbers, nonce) = bytes.split_at(32);
        let nonce = nonce.try_into().expect("64 bytes are 32 and 32");
        let word = |at: usize| u64::from_be_bytes(numbers[at..at + 8].try_into().expect("eight bytes of 32"));
        let serial = scaled(word(0), self.serials) + 1;
        Some(Draw { number, serial, nonce, within: word(8), disguise: numbers[16] })
    }
}

impl Draw {
    /// Where in a sliver of this layout; none for a blob without payload.
    #[must_use]
    pub fn position(&self, layout: &BlobLayout) -> Option<SamplePosition> {
        let count = SamplePosition::count(layout);
        (count > 0).then(|| SamplePosition::nth(layout, scaled(self.within, count))).flatten()
    }

    /// Whether this one is asked as an ordinary read, where so many percent are.
    #[must_use]
    pub fn is_disguised(&self, percent: u8) -> bool {
        u32::from(self.disguise) * 100 < u32::from(percent) * 256
    }
}

/// A uniform number below `bound` from a uniform one of 64 bits; the error is below `bound` in 2^64.
fn scaled(uniform: u64, bound: u64) -> u64 {
    let product = u128::from(uniform) * u128::from(bound);
    u64::try_from(product >> 64).expect("less than the bound")
}

/// The chance, from 0 to 1, that so many uniform samples meet at least one sliver that is lost, where a fraction of them is.
#[must_use]
pub fn detection_probability(lost_fraction: f64, samples: u64) -> f64 {
    let kept = (1.0 - lost_fraction).clamp(0.0, 1.0);
    1.0 - kept.powf(samples as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::{Scheme, StripeShape};

    fn draws(secret: u8, epoch: u64, nonce: u8, backend: &str) -> Draws {
        Draws::new(&[secret; 32], epoch, &[nonce; 32], backend, 1_000)
    }

    #[test]
    fn everything_that_decides_changes_the_draws_and_nothing_else_does() {
        let first = |draws: Draws| draws.draw(0).unwrap();
        let one = first(draws(1, 1, 1, "b1"));
        assert_eq!(one, first(draws(1, 1, 1, "b1")));
        for other in [draws(2, 1, 1, "b1"), draws(1, 2, 1, "b1"), draws(1, 1, 2, "b1"), draws(1, 1, 1, "b2")] {
            assert_ne!(one.nonce, first(other).nonce);
        }
        assert_ne!(one, draws(1, 1, 1, "b1").draw(1).unwrap());
        assert_eq!(Draws::new(&[1; 32], 1, &[1; 32], "b1", 0).draw(0), None, "there is nothing to ask for");
    }

    #[test]
    fn every_serial_is_as_likely_as_any_other() {
        let draws = draws(1, 1, 1, "b1");
        let mut counts = vec![0_u32; 1_001];
        for number in 0..100_000 {
            counts[usize::try_from(draws.draw(number).unwrap().serial).unwrap()] += 1;
        }
        assert_eq!(counts[0], 0, "numbers begin at 1");
        // A hundred each; eight standard deviations of ten.
        assert!(counts[1..].iter().all(|count| (20..180).contains(count)), "{counts:?}");
    }

    #[test]
    fn positions_lie_in_the_sliver_and_the_share_of_reads_is_what_is_asked_for() {
        let shape = StripeShape::quilt(Scheme::reed_solomon(4, 2).unwrap());
        let layout = BlobLayout { shape, content_len: 3_000_000, catalog_len: 100 };
        let draws = draws(1, 1, 1, "b1");
        let all: Vec<Draw> = (0..10_000).map(|number| draws.draw(number).unwrap()).collect();
        let stripes: std::collections::BTreeSet<u32> =
            all.iter().map(|draw| draw.position(&layout).unwrap().stripe).collect();
        assert_eq!(stripes.len() as u64, u64::from(layout.stripes()));
        let empty = BlobLayout { shape, content_len: 0, catalog_len: 0 };
        assert_eq!(all[0].position(&empty), None);
        for (percent, expected) in [(0, 0..=0), (25, 2_300..=2_700), (100, 10_000..=10_000)] {
            let disguised = all.iter().filter(|draw| draw.is_disguised(percent)).count();
            assert!(expected.contains(&disguised), "{percent}: {disguised}");
        }
    }

    /// Providers that lost a fraction of their slivers are audited with the real draws; as many are found out as the formula says.
    #[test]
    fn the_chance_of_detection_is_what_the_formula_says() {
        const PROVIDERS: u64 = 2_000;
        const SLIVERS: u64 = 10_000;
        for (lost, samples) in [(0.01, 96), (0.001, 96), (0.05, 20)] {
            let is_lost = |serial: u64| serial as f64 <= lost * SLIVERS as f64;
            let found = (0..PROVIDERS).filter(|provider| {
                let draws = Draws::new(&[7; 32], *provider, &[0; 32], "b1", SLIVERS);
                (0..samples).any(|number| draws.draw(number).is_some_and(|draw| is_lost(draw.serial)))
            });
            let (found, expected) = (found.count() as f64 / PROVIDERS as f64, detection_probability(lost, samples));
            // Five standard deviations of a proportion over 2,000.
            let bound = 5.0 * (expected * (1.0 - expected) / PROVIDERS as f64).sqrt();
            assert!((found - expected).abs() <= bound, "{lost} {samples}: {found} and {expected}");
        }
        assert_eq!((detection_probability(0.0, 1_000), detection_probability(1.0, 1)), (0.0, 1.0));
    }
}
