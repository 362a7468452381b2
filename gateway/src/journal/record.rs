//! Records: segments of the journal, and parts of snapshots. A record is the content of one blob.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::journal::line::JournalLine;

/// The layout that this release writes.
const FORMAT: u32 = 1;

/// A line is no longer than this: what is longer was not written by us, and is not read into memory.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// The hash of a record's text.
pub type RecordHash = [u8; 32];

/// Where the journal ends: the last segment's number and hash; number 0 and zeros before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEnd {
    /// The number.
    pub number: u64,
    /// The hash.
    #[serde(with = "hex::serde")]
    pub hash: RecordHash,
}

impl JournalEnd {
    /// Of a journal without segments.
    pub const BEGINNING: Self = Self { number: 0, hash: [0; 32] };
}

/// The first line of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum RecordHeader {
    /// What was committed since the segment before.
    Segment {
        /// The layout.
        format: u32,
        /// The segment before.
        previous: JournalEnd,
        /// When its first and last change were recorded.
        from_at: i64,
        /// See `from_at`.
        until_at: i64,
        /// Its changes are a part of one transaction, and the next segment holds more of it: alone they are not applied.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        continued: bool,
    },
    /// Some rows of all that there were.
    Snapshot {
        /// The layout.
        format: u32,
        /// Random, the same in all parts.
        #[serde(with = "hex::serde")]
        snapshot: [u8; 16],
        /// From 0.
        part: u32,
        /// There is no part after it.
        is_last: bool,
        /// The last segment whose changes are all in it.
        after: JournalEnd,
        /// When it was taken.
        taken_at: i64,
        /// Changes that no segment held yet and that are in it all the same.
        included: Vec<i64>,
    },
}

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// They cannot be unpacked, or are no JSON.
    #[error("a record of the journal cannot be read: {0}")]
    Unreadable(String),
    /// Another release wrote it.
    #[error("a record of the journal has format {0}, this release knows {FORMAT}: use the release that wrote it")]
    Format(u32),
}

impl From<std::io::Error> for RecordError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<serde_json::Error> for RecordError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl RecordHeader {
    /// The header of the segment after `previous` with these lines. `continued`: their transaction goes on in the next one.
    #[must_use]
    pub fn segment(previous: JournalEnd, lines: &[JournalLine], continued: bool) -> Self {
        let times = || lines.iter().map(|line| line.at);
        let (from_at, until_at) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
        Self::Segment { format: FORMAT, previous, from_at, until_at, continued }
    }

    /// The header of a part of a snapshot.
    #[must_use]
    pub fn snapshot(taken: &SnapshotTaken, part: u32, is_last: bool) -> Self {
        let SnapshotTaken { snapshot, after, taken_at, included } = taken.clone();
        Self::Snapshot { format: FORMAT, snapshot, part, is_last, after, taken_at, included }
    }

    fn format(&self) -> u32 {
        match self {
            Self::Segment { format, .. } | Self::Snapshot { format, .. } => *format,
        }
    }
}

/// What all parts of a snapshot say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotTaken {
    /// Random.
    pub snapshot: [u8; 16],
    /// The last segment whose changes are all in it.
    pub after: JournalEnd,
    /// When it was taken.
    pub taken_at: i64,
    /// Changes that no segment held yet and that are in it all the same.
    pub included: Vec<i64>,
}

/// Writes a record: gzip of lines of JSON, the header first.
pub struct RecordWriter {
    packed: GzEncoder<Vec<u8>>,
    hash: blake3::Hasher,
    unpacked: u64,
}

/// A record that was written.
pub struct WrittenRecord {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The hash of its text.
    pub hash: RecordHash,
}

impl RecordWriter {
    /// Begins a record.
    ///
    /// # Errors
    /// Never: memory takes everything.
    pub fn new(header: &RecordHeader) -> Result<Self, RecordError> {
        let packed = GzEncoder::new(Vec::new(), Compression::fast());
        let mut writer = Self { packed, hash: blake3::Hasher::new(), unpacked: 0 };
        writer.push(header)?;
        Ok(writer)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// Never: memory takes everything.
    pub fn line(&mut self, line: &JournalLine) -> Result<(), RecordError> {
        self.push(line)
    }

    /// Bytes of text so far.
    #[must_use]
    pub fn unpacked(&self) -> u64 {
        self.unpacked
    }

    fn push<T: Serialize>(&mut self, value: &T) -> Result<(), RecordError> {
        let mut text = serde_json::to_vec(value)?;
        text.push(b'\n');
        self.hash.update(&text);
        self.unpacked += text.len() as u64;
        Ok(self.packed.write_all(&text)?)
    }

    /// The bytes.
    ///
    /// # Errors
    /// Never: memory takes everything.
    pub fn finish(self) -> Result<WrittenRecord, RecordError> {
        Ok(WrittenRecord { bytes: self.packed.finish()?, hash: self.hash.finalize().into() })
    }
}

/// A segment with all its lines. `continued`: their transaction goes on in the next one.
///
/// # Errors
/// Never: memory takes everything.
pub fn write_segment(
    previous: JournalEnd,
    lines: &[JournalLine],
    continued: bool,
) -> Result<WrittenRecord, RecordError> {
    let mut writer = RecordWriter::new(&RecordHeader::segment(previous, lines, continued))?;
    lines.iter().try_for_each(|line| writer.line(line))?;
    writer.finish()
}

/// The header of a record alone.
///
/// # Errors
/// The bytes are no record, or of another release.
pub fn read_header(bytes: &[u8]) -> Result<RecordHeader, RecordError> {
    header_of(&mut BufReader::new(GzDecoder::new(bytes)), &mut blake3::Hasher::new())
}

/// Reads a record and hands each of its lines on; answers its header and hash. A line is held in memory one at a time.
///
/// # Errors
/// The bytes are no record, or `each` refuses a line.
pub fn read_record<E: From<RecordError>>(
    bytes: &[u8],
    mut each: impl FnMut(JournalLine) -> Result<(), E>,
) -> Result<(RecordHeader, RecordHash), E> {
    let (mut reader, mut hash) = (BufReader::new(GzDecoder::new(bytes)), blake3::Hasher::new());
    let header = header_of(&mut reader, &mut hash)?;
    while let Some(line) = next_line(&mut reader, &mut hash)? {
        each(serde_json::from_slice(&line).map_err(RecordError::from)?)?;
    }
    Ok((header, hash.finalize().into()))
}

type Unpacking<'a> = BufReader<GzDecoder<&'a [u8]>>;

fn header_of(reader: &mut Unpacking<'_>, hash: &mut blake3::Hasher) -> Result<RecordHeader, RecordError> {
    let first = next_line(reader, hash)?.ok_or_else(|| RecordError::Unreadable("it is empty".to_owned()))?;
    let header: RecordHeader = serde_json::from_slice(&first)?;
    if header.format() == FORMAT { Ok(header) } else { Err(RecordError::Format(header.format())) }
}

fn next_line(reader: &mut Unpacking<'_>, hash: &mut blake3::Hasher) -> Result<Option<Vec<u8>>, RecordError> {
    let mut line = Vec::new();
    reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    hash.update(&line);
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(RecordError::Unreadable("a line has no end".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: i64) -> JournalLine {
        JournalLine::new(id, 1_000 + id, "bucket", "[{\"id\":1}]", "[{\"id\":2,\n \"name\":\"a\\nb\"}]").unwrap()
    }

    #[test]
    fn a_segment_is_read_as_it_was_written() {
        let previous = JournalEnd { number: 6, hash: [7; 32] };
        let written = write_segment(previous, &[line(1), line(2)], false).unwrap();
        let mut lines = Vec::new();
        let each = |line| {
            lines.push(line);
            Ok::<_, RecordError>(())
        };
        let (header, hash) = read_record(&written.bytes, each).unwrap();
        assert_eq!(hash, written.hash);
        assert_eq!(header, read_header(&written.bytes).unwrap());
        let RecordHeader::Segment { previous: seen, from_at, until_at, .. } = header else { panic!("a segment") };
        assert_eq!((seen, from_at, until_at), (previous, 1_001, 1_002));
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].written.get(), "[{\"id\":2,  \"name\":\"a\\nb\"}]");
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let written = write_segment(JournalEnd::BEGINNING, &[line(1)], false).unwrap();
        let each = |_| Ok::<_, RecordError>(());
        for cut in [0, 1, 10, written.bytes.len() / 2, written.bytes.len() - 1] {
            assert!(read_record(&written.bytes[..cut], each).is_err(), "cut at {cut}");
        }
        let packed = |text: &[u8]| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(text).unwrap();
            packed.finish().unwrap()
        };
        for text in [&b""[..], b"{}\n", b"{\"kind\":\"segment\"}\n", b"no json\n"] {
            assert!(read_record(&packed(text), each).is_err());
        }
        let later = serde_json::to_string(&RecordHeader::segment(JournalEnd::BEGINNING, &[], false)).unwrap();
        let later = later.replace("\"format\":1", "\"format\":2") + "\n";
        assert!(matches!(read_header(&packed(later.as_bytes())), Err(RecordError::Format(2))));
    }
}
