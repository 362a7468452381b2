//! `rs-K-M`: systematic Reed-Solomon over GF(2^16), by reed-solomon-simd.

use std::ops::Range;

use bytes::Bytes;
use reed_solomon_simd::rate::{DefaultRateDecoder, RateDecoder};
use reed_solomon_simd::{Error, ReedSolomonEncoder};

use super::decode_engine::DecodeEngine;
use super::erasure_scheme::{ErasureScheme, ReconstructError, by_index};
use super::pool::Pool;
use crate::EncodeError;
use crate::stripe::BLOCK_GRAIN;

/// Blocks are coded in columns, so that the working set of a coder stays in the cache however long the blocks are. Groups of 64 bytes
/// are coded independently, so the result is the same. These are the working sets, and the bounds of a column.
const ENCODE_SET_BYTES: usize = 512 << 10;
const DECODE_SET_BYTES: usize = 1 << 20;
const ENCODE_COLUMN: Range<usize> = 1 << 10..16 << 10;
const DECODE_COLUMN: Range<usize> = 4 << 10..256 << 10;

type Decoder = DefaultRateDecoder<DecodeEngine>;

static ENCODERS: Pool<ReedSolomonEncoder> = Pool::new();
static DECODERS: Pool<Decoder> = Pool::new();

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
    fn parity(&self, data: &[&[u8]], wanted: &[usize]) -> Result<Vec<Vec<u8>>, Error> {
        let len = data.first().map_or(0, |block| block.len());
        let mut parity: Vec<Vec<u8>> = wanted.iter().map(|_| Vec::with_capacity(len)).collect();
        let mut encoder: Option<ReedSolomonEncoder> = ENCODERS.take(self.k, self.m);
        for column in columns(len, column_bytes(ENCODE_SET_BYTES / self.n(), ENCODE_COLUMN)) {
            let encoder = match &mut encoder {
                Some(encoder) => {
                    encoder.reset(self.k, self.m, column.len())?;
                    encoder
                }
                none => none.insert(ReedSolomonEncoder::new(self.k, self.m, column.len())?),
            };
            for block in data {
                encoder.add_original_shard(&block[column.clone()])?;
            }
            let coded = encoder.encode()?;
            for (index, block) in wanted.iter().zip(&mut parity) {
                block.extend_from_slice(coded.recovery(*index).unwrap_or_default());
            }
        }
        if let Some(encoder) = encoder {
            ENCODERS.give_back(self.k, self.m, encoder);
        }
        Ok(parity)
    }

    /// The data blocks that are missing, by index, from any k blocks.
    fn missing_data(&self, blocks: &[Option<&[u8]>], len: usize) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let (data, parity) = blocks.split_at(self.k);
        let missing = data.iter().filter(|block| block.is_none()).count();
        let parity = parity.iter().enumerate().filter_map(|(index, block)| Some((index, (*block)?)));
        let parity: Vec<(usize, &[u8])> = parity.take(missing).collect();
        let mut restored: Vec<Option<Vec<u8>>> =
            data.iter().map(|block| block.is_none().then(|| Vec::with_capacity(len))).collect();
        let mut decoder: Option<Decoder> = DECODERS.take(self.k, self.m);
        for column in columns(len, column_bytes(DECODE_SET_BYTES / self.n().next_power_of_two(), DECODE_COLUMN)) {
            let decoder = match &mut decoder {
                Some(decoder) => {
                    decoder.reset(self.k, self.m, column.len())?;
                    decoder
                }
                none => none.insert(Decoder::new(self.k, self.m, column.len(), DecodeEngine::new(), None)?),
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
                if let Some(restored) = &mut restored[index] {
                    restored.extend_from_slice(block);
                }
            }
        }
        if let Some(decoder) = decoder {
            DECODERS.give_back(self.k, self.m, decoder);
        }
        Ok(restored)
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

        let absent = |index: &usize| blocks[*index].is_none();
        let wanted = || want.iter().map(|index| usize::from(*index));
        let parity_wanted: Vec<usize> = wanted().filter(absent).filter_map(|index| index.checked_sub(self.k)).collect();
        // Parity is made from all the data; nothing is decoded when nothing that is wanted needs it.
        let mut made: Vec<Option<Vec<u8>>> = if wanted().any(|index| absent(&index)) && (0..self.k).any(|i| absent(&i))
        {
            self.missing_data(&blocks, len).map_err(ReconstructError::Coder)?
        } else {
            vec![None; self.k]
        };
        made.resize(self.n(), None);
        if !parity_wanted.is_empty() {
            let data: Vec<&[u8]> =
                (0..self.k).map(|index| blocks[index].or(made[index].as_deref()).unwrap_or_default()).collect();
            let parity = self.parity(&data, &parity_wanted).map_err(ReconstructError::Coder)?;
            parity_wanted.iter().zip(parity).for_each(|(index, block)| made[self.k + index] = Some(block));
        }
        let block = |(place, index): (usize, &u8)| {
            let (index, again) = (usize::from(*index), want[place + 1..].contains(index));
            let made = if again { made[index].clone() } else { made[index].take() };
            (want[place], blocks[index].map(<[u8]>::to_vec).or(made).unwrap_or_default())
        };
        Ok(want.iter().enumerate().map(block).collect())
    }
}

fn column_bytes(wanted: usize, bounds: Range<usize>) -> usize {
    wanted.clamp(bounds.start, bounds.end) / BLOCK_GRAIN * BLOCK_GRAIN
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
