//! A decoding engine without the fixed cost.
//!
//! The crate's decoder evaluates its error locator by a Walsh-Hadamard transform over all 65 536 points of the field, in each call:
//! more than a hundred microseconds before the first byte. Our codes have at most 255 blocks, so only a few hundred points matter, and
//! summing their logarithms directly takes a few microseconds. The result is the same, so the blocks are too.

use reed_solomon_simd::engine::{DefaultEngine, Engine, GF_MODULUS, GF_ORDER, GfElement, ShardsRefMut, tables};

/// Points that codes with at most 255 blocks use: each kind of block gets at most 256, rounded up to a power of two.
const POINTS: usize = 512;

/// The default engine with another way to the error locator.
pub(super) struct DecodeEngine(DefaultEngine);

impl DecodeEngine {
    pub(super) fn new() -> Self {
        Self(DefaultEngine::new())
    }
}

impl Engine for DecodeEngine {
    fn fft(&self, data: &mut ShardsRefMut<'_>, pos: usize, size: usize, truncated_size: usize, skew_delta: usize) {
        self.0.fft(data, pos, size, truncated_size, skew_delta);
    }

    fn ifft(&self, data: &mut ShardsRefMut<'_>, pos: usize, size: usize, truncated_size: usize, skew_delta: usize) {
        self.0.ifft(data, pos, size, truncated_size, skew_delta);
    }

    fn mul(&self, x: &mut [[u8; 64]], log_m: GfElement) {
        self.0.mul(x, log_m);
    }

    /// In: 1 at each erased point, 0 at the others. Out, at each point: the sum of the logarithms of its differences from the erased
    /// points, modulo 65 535.
    fn eval_poly(erasures: &mut [GfElement; GF_ORDER], truncated_size: usize) {
        // Beyond our points either nothing is erased or, in codes with more parity than data, everything.
        let erased_beyond: usize = erasures[POINTS..].iter().map(|erased| usize::from(*erased)).sum();
        let all_beyond = erased_beyond == GF_ORDER - POINTS;
        if erased_beyond != 0 && !all_beyond {
            return DefaultEngine::eval_poly(erasures, truncated_size);
        }
        // The logarithms of all differences from a point sum to zero. So where nearly everything is erased, the sum over what is
        // erased is the negated sum over what is not.
        let counted: Vec<usize> = (0..POINTS).filter(|point| (erasures[*point] == 1) != all_beyond).collect();
        let log = &tables::get_exp_log().log;
        let modulus = u32::from(GF_MODULUS);
        for point in 0..truncated_size.min(POINTS) {
            let others = counted.iter().filter(|other| **other != point);
            let sum = others.map(|other| u32::from(log[point ^ other])).sum::<u32>() % modulus;
            let sum = if all_beyond { (modulus - sum) % modulus } else { sum };
            // Below the modulus, which is the largest value of the type.
            erasures[point] = GfElement::try_from(sum).unwrap_or(GF_MODULUS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 and the modulus are the same power.
    fn reduced(values: &[GfElement]) -> Vec<GfElement> {
        values.iter().map(|value| value % GF_MODULUS).collect()
    }

    #[test]
    fn the_short_way_gives_what_the_long_way_gives() {
        let patterns: [&[usize]; 5] = [&[0], &[3, 4, 5], &[0, 1, 2, 3, 4, 5, 6, 7], &[17, 255, 256, 300, 510], &[]];
        for erased in patterns {
            for beyond in [0, 1] {
                let mut short = [0; GF_ORDER];
                short[400..].fill(beyond);
                erased.iter().for_each(|point| short[*point] = 1);
                let mut long = short;
                let truncated_size = if beyond == 0 { POINTS } else { GF_ORDER };
                DecodeEngine::eval_poly(&mut short, truncated_size);
                DefaultEngine::eval_poly(&mut long, truncated_size);
                assert_eq!(reduced(&short[..400]), reduced(&long[..400]), "{erased:?}, {beyond} beyond");
            }
        }
    }

    #[test]
    fn wider_codes_than_ours_go_the_long_way() {
        let mut short = [0; GF_ORDER];
        short[3] = 1;
        short[5000] = 1;
        let mut long = short;
        DecodeEngine::eval_poly(&mut short, 6000);
        DefaultEngine::eval_poly(&mut long, 6000);
        assert_eq!(short[..6000], long[..6000]);
    }
}
