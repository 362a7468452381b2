//! `rs-K-M`: systematic Reed-Solomon over GF(2^16), by reed-solomon-simd.

use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use super::{ErasureScheme, ReconstructError, by_index};
use crate::EncodeError;
use crate::stripe::BLOCK_GRAIN;

/// Blocks are encoded in columns of about this size, so that the working set of an encoder stays in the cache.
const ENCODE_COLUMN_BYTES: usize = 16 << 10;
/// Working set that an encoder may have before its columns become smaller.
const ENCODE_SET_BYTES: usize = 512 << 10;
/// A decoding call costs about 130 microseconds before it does anything: large columns, bounded for the sake of memory.
const DECODE_SET_BYTES: usize = 8 << 20;
/// Idle encoders kept for reuse; making one costs as much as encoding some 100 KiB.
const IDLE_ENCODERS_MAX: usize = 32;

static IDLE_ENCODERS: Mutex<Vec<(usize, usize, ReedSolomonEncoder)>> = Mutex::new(Vec::new());

/// Reed-Solomon with k data and m parity blocks.
pub(super) struct ReedSolomon {
    k: usize,
    m: usize,
}

impl ReedSolomon {
    pub(super) fn new(k: usize, m: usize) -> Self {
        Self { k, m }
    }

    /// The wanted parity blocks (0 to m-1) of these data blocks.
    fn parity(&self, data: &[&[u8]], wanted: &[usize]) -> Result<Vec<Vec<u8>>, reed_solomon_simd::Error> {
        let len = data.first().map_or(0, |block| block.len());
        let mut parity: Vec<Vec<u8>> = wanted.iter().map(|_| Vec::with_capacity(len)).collect();
        let mut columns = columns(len, self.encode_column()).peekable();
        let Some(first) = columns.peek() else { return Ok(parity) };
        let mut encoder = self.take_encoder(first.len())?;
        let mut encoder_column = first.len();
        for column in columns {
            if column.len() != encoder_column {
                encoder_column = column.len();
                encoder.reset(self.k, self.m, encoder_column)?;
            }
            for block in data {
                encoder.add_original_shard(&block[column.clone()])?;
            }
            let coded = encoder.encode()?;
            for (index, block) in wanted.iter().zip(&mut parity) {
                block.extend_from_slice(coded.recovery(*index).unwrap_or_default());
            }
        }
        self.give_back(encoder);
        Ok(parity)
    }

    /// The data blocks that are missing, from any k blocks. Slots of present blocks stay empty.
    fn missing_data(&self, blocks: &[Option<&[u8]>], len: usize) -> Result<Vec<Vec<u8>>, reed_solomon_simd::Error> {
        let (data, parity) = blocks.split_at(self.k);
        let missing = data.iter().filter(|block| block.is_none()).count();
        let parity: Vec<_> =
            parity.iter().enumerate().filter_map(|(i, block)| Some((i, (*block)?))).take(missing).collect();
        let mut restored: Vec<Vec<u8>> =
            data.iter().map(|block| if block.is_none() { Vec::with_capacity(len) } else { Vec::new() }).collect();
        let mut decoder: Option<ReedSolomonDecoder> = None;
        for column in columns(len, self.decode_column()) {
            let decoder = match &mut decoder {
                Some(decoder) => {
                    decoder.reset(self.k, self.m, column.len())?;
                    decoder
                }
                none => none.insert(ReedSolomonDecoder::new(self.k, self.m, column.len())?),
            };
            for (index, block) in data.iter().enumerate() {
                if let Some(block) = block {
                    decoder.add_original_shard(index, &block[column.clone()])?;
                }
            }
            for (index, block) in &parity {
                decoder.add_recovery_shard(*index, &block[column.clone()])?;
            }
            for (index, block) in decoder.decode()?.restored_original_iter() {
                restored[index].extend_from_slice(block);
            }
        }
        Ok(restored)
    }

    /// Column size for which the encoder's working set stays small however wide the code is.
    fn encode_column(&self) -> usize {
        (ENCODE_SET_BYTES / self.n()).clamp(1 << 10, ENCODE_COLUMN_BYTES) / BLOCK_GRAIN * BLOCK_GRAIN
    }

    fn decode_column(&self) -> usize {
        DECODE_SET_BYTES / self.n().next_power_of_two() / BLOCK_GRAIN * BLOCK_GRAIN
    }

    fn take_encoder(&self, column: usize) -> Result<ReedSolomonEncoder, reed_solomon_simd::Error> {
        let idle = {
            // A thread that panicked while holding the lock cannot have left a half-moved encoder.
            let mut pool = IDLE_ENCODERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let place = pool.iter().rposition(|(k, m, _)| (*k, *m) == (self.k, self.m));
            place.map(|place| pool.swap_remove(place).2)
        };
        match idle {
            Some(mut encoder) => {
                encoder.reset(self.k, self.m, column)?;
                Ok(encoder)
            }
            None => ReedSolomonEncoder::new(self.k, self.m, column),
        }
    }

    fn give_back(&self, encoder: ReedSolomonEncoder) {
        let mut pool = IDLE_ENCODERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if pool.len() >= IDLE_ENCODERS_MAX {
            pool.remove(0);
        }
        pool.push((self.k, self.m, encoder));
    }
}

impl ErasureScheme for ReedSolomon {
    fn k(&self) -> usize {
        self.k
    }

    fn m(&self) -> usize {
        self.m
    }

    fn encode(&self, data: &[Bytes]) -> Result<Vec<Bytes>, EncodeError> {
        let len = data.first().map_or(0, Bytes::len);
        if data.len() != self.k || !len.is_multiple_of(BLOCK_GRAIN) || data.iter().any(|block| block.len() != len) {
            return Err(EncodeError::Blocks);
        }
        let data: Vec<&[u8]> = data.iter().map(AsRef::as_ref).collect();
        let all: Vec<usize> = (0..self.m).collect();
        let parity = self.parity(&data, &all).map_err(EncodeError::Coder)?;
        Ok(parity.into_iter().map(Bytes::from).collect())
    }

    fn reconstruct(&self, have: &[(u8, &[u8])], want: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, ReconstructError> {
        let blocks = by_index(self.n(), have, want)?;
        let present = blocks.iter().flatten().count();
        if present < self.k {
            return Err(ReconstructError::NotEnough { have: present, need: self.k });
        }
        let len = have.first().map_or(0, |(_, block)| block.len());
        if !len.is_multiple_of(BLOCK_GRAIN) {
            return Err(ReconstructError::Length(len));
        }

        let absent: Vec<usize> = want.iter().map(|i| usize::from(*i)).filter(|i| blocks[*i].is_none()).collect();
        let absent_parity: Vec<usize> = absent.iter().filter(|i| **i >= self.k).map(|i| i - self.k).collect();
        let data_missing = blocks[..self.k].iter().any(Option::is_none);
        // Parity is made from all data; data that is all there needs no decoding.
        let restored = if data_missing && !absent.is_empty() {
            self.missing_data(&blocks, len).map_err(ReconstructError::Coder)?
        } else {
            vec![Vec::new(); self.k]
        };
        let parity = if absent_parity.is_empty() {
            Vec::new()
        } else {
            let data: Vec<&[u8]> = (0..self.k).map(|i| blocks[i].unwrap_or(&restored[i])).collect();
            self.parity(&data, &absent_parity).map_err(ReconstructError::Coder)?
        };
        Ok(want
            .iter()
            .map(|index| (*index, self.pick(usize::from(*index), &blocks, &restored, &absent_parity, &parity)))
            .collect())
    }
}

impl ReedSolomon {
    /// One wanted block, from wherever it now is.
    fn pick(
        &self,
        index: usize,
        blocks: &[Option<&[u8]>],
        restored: &[Vec<u8>],
        absent_parity: &[usize],
        parity: &[Vec<u8>],
    ) -> Vec<u8> {
        match (blocks[index], index.checked_sub(self.k)) {
            (Some(block), _) => block.to_vec(),
            (None, None) => restored[index].clone(),
            (None, Some(row)) => absent_parity
                .iter()
                .position(|made| *made == row)
                .map(|place| parity[place].clone())
                .unwrap_or_default(),
        }
    }
}

/// Ranges of nearly equal length, at most `most` bytes each and all multiples of the grain, that cover `len`.
fn columns(len: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let column = len.div_ceil(len.div_ceil(most).max(1)).next_multiple_of(BLOCK_GRAIN).max(BLOCK_GRAIN);
    (0..len).step_by(column).map(move |start| start..(start + column).min(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_cover_everything_in_nearly_equal_parts() {
        for len in [0, 64, 128, 16 << 10, (16 << 10) + 64, 262_208, 1 << 20] {
            let parts: Vec<_> = columns(len, 16 << 10).collect();
            assert_eq!(parts.iter().map(Range::len).sum::<usize>(), len);
            assert!(parts.iter().all(|part| part.len() <= 16 << 10 && part.len() % 64 == 0 && !part.is_empty()));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
        assert_eq!(columns(262_208, 16 << 10).count(), 17);
    }
}
