//! Whole slivers in one body: a head for each (name, length, root), and its bytes after it.

use bytes::{BufMut as _, Bytes, BytesMut};
use codec::{BlobId, Root};

use super::BATCH_MAX;
use crate::SliverName;

/// Bytes of a head: blob (16), index (1), attempt (4), length (8), root (32). Integers are big-endian.
const HEAD_BYTES: usize = 61;

/// One sliver of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub name: SliverName,
    /// Its root, as the gateway says.
    pub root: Root,
    /// All its bytes.
    pub bytes: Bytes,
}

/// A body that is no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// There is nothing in it.
    #[error("a batch without slivers")]
    Empty,
    /// More slivers than a batch may have.
    #[error("more than {BATCH_MAX} slivers in a batch")]
    TooMany,
    /// It ends within a head or within a sliver.
    #[error("the batch ends in the middle of sliver {0}")]
    Truncated(usize),
    /// Two slivers of one name.
    #[error("sliver {0} of the batch has the name of an earlier one")]
    Repeated(usize),
}

/// Appends the head of a sliver, which its bytes follow.
pub fn write_head(into: &mut BytesMut, name: &SliverName, root: &Root, len: u64) {
    into.reserve(HEAD_BYTES);
    into.put_slice(&name.blob.0);
    into.put_u8(name.index);
    into.put_u32(name.attempt);
    into.put_u64(len);
    into.put_slice(&root.0);
}

/// Takes a body apart, without copying.
///
/// # Errors
/// [`RecordsError`].
pub fn parse_records(mut body: Bytes) -> Result<Vec<Record>, RecordsError> {
    let mut records: Vec<Record> = Vec::new();
    let mut names = std::collections::HashSet::new();
    while !body.is_empty() {
        let number = records.len();
        if number == BATCH_MAX {
            return Err(RecordsError::TooMany);
        }
        let truncated = RecordsError::Truncated(number);
        let (name, len, root) = parse_head(&body).ok_or(truncated)?;
        let end = usize::try_from(len).ok().and_then(|len| len.checked_add(HEAD_BYTES)).ok_or(truncated)?;
        if body.len() < end {
            return Err(truncated);
        }
        if !names.insert(name) {
            return Err(RecordsError::Repeated(number));
        }
        let bytes = body.split_to(end).split_off(HEAD_BYTES);
        records.push(Record { name, root, bytes });
    }
    if records.is_empty() { Err(RecordsError::Empty) } else { Ok(records) }
}

fn parse_head(body: &[u8]) -> Option<(SliverName, u64, Root)> {
    let (blob, rest) = body.split_first_chunk()?;
    let ([index], rest) = rest.split_first_chunk()?;
    let (attempt, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (root, _) = rest.split_first_chunk()?;
    let name = SliverName { blob: BlobId(*blob), index: *index, attempt: u32::from_be_bytes(*attempt) };
    Some((name, u64::from_be_bytes(*len), Root(*root)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(contents: &[&'static [u8]]) -> (Bytes, Vec<Record>) {
        let mut body = BytesMut::new();
        let mut records = Vec::new();
        for (number, content) in contents.iter().enumerate() {
            let name = SliverName { blob: BlobId([1; 16]), index: 2, attempt: number as u32 };
            write_head(&mut body, &name, &Root([3; 32]), content.len() as u64);
            body.put_slice(content);
            records.push(Record { name, root: Root([3; 32]), bytes: Bytes::from_static(content) });
        }
        (body.freeze(), records)
    }

    #[test]
    fn a_batch_reads_back() {
        let (body, records) = batch(&[b"one", b"", b"three"]);
        assert_eq!(parse_records(body), Ok(records));
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        let (body, _) = batch(&[b"one", b"two"]);
        let first = HEAD_BYTES + 3;
        for cut in (1..body.len()).filter(|cut| *cut != first) {
            let expected = Err(RecordsError::Truncated(usize::from(cut > first)));
            assert_eq!(parse_records(body.slice(..cut)), expected, "cut at {cut}");
        }
        assert_eq!(parse_records(Bytes::new()), Err(RecordsError::Empty));
        let twice = [&body[..first], &body[..first]].concat();
        assert_eq!(parse_records(twice.into()), Err(RecordsError::Repeated(1)));
        assert_eq!(parse_records(batch(&[b"".as_slice(); BATCH_MAX + 1]).0), Err(RecordsError::TooMany));
        let mut endless = body.to_vec();
        endless[21..29].fill(0xff);
        assert_eq!(parse_records(endless.into()), Err(RecordsError::Truncated(0)));
    }
}
