//! The file in a form: its bytes as an incoming body, within the lengths its policy allows.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::{ChecksumAlgorithm, Peer};
use crate::objects::{BodyError, IncomingBody};
use crate::s3::body::Frames;
use crate::s3::form::multipart::{Event, Multipart};

/// The content of the part named `file`.
#[derive(Debug)]
pub(super) struct FileBody {
    frames: Frames,
    form: Multipart,
    /// The fewest bytes it may have.
    min: u64,
    /// The most bytes that may still come.
    remaining: u64,
    seen: u64,
    done: bool,
}

impl FileBody {
    /// The rest of a form whose file has just begun.
    pub(super) fn new(frames: Frames, form: Multipart, min: u64, max: u64) -> Self {
        Self { frames, form, min, remaining: max, seen: 0, done: false }
    }
}

impl FileBody {
    /// The next event of the form. What is malformed from here on is a form that breaks off in its file.
    async fn event(&mut self) -> Result<Event, BodyError> {
        loop {
            if let Some(event) = self.form.next().map_err(|_| BodyError::Incomplete)? {
                return Ok(event);
            }
            match self.frames.next().await? {
                Some(bytes) => self.form.push(&bytes),
                None if self.form.end() => {}
                None => return Err(BodyError::Incomplete),
            }
        }
    }

    /// Reads what follows the file. Amazon ignores fields there, but they have to be fields, up to the end of the form: what
    /// is none shows that a line of the file was taken for a delimiter.
    async fn end(&mut self) -> Result<(), BodyError> {
        let mut rest = REST_BYTES_MAX;
        loop {
            let bytes = match self.event().await? {
                Event::Finished => break,
                Event::Data(bytes) => bytes.len(),
                Event::Part(_) => PART_BYTES,
                Event::End => 0,
            };
            rest = rest.checked_sub(bytes).ok_or(BodyError::TooLarge)?;
        }
        while let Some(bytes) = self.frames.next().await? {
            rest = rest.checked_sub(bytes.len()).ok_or(BodyError::TooLarge)?;
        }
        Ok(())
    }
}

#[async_trait]
impl IncomingBody for FileBody {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        if self.done {
            return Ok(None);
        }
        if let Event::Data(bytes) = self.event().await? {
            self.remaining = self.remaining.checked_sub(bytes.len() as u64).ok_or(BodyError::TooLarge)?;
            self.seen += bytes.len() as u64;
            return Ok(Some(bytes));
        }
        self.end().await?;
        if self.seen < self.min {
            return Err(BodyError::TooSmall);
        }
        self.done = true;
        Ok(None)
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        None
    }

    fn peer(&self) -> Option<Peer> {
        self.frames.peer()
    }
}

/// The most that may follow the file, in bytes.
const REST_BYTES_MAX: usize = 64 << 10;

/// What the head of a part after the file counts for, in bytes.
const PART_BYTES: usize = 1 << 10;
