//! The file in a form: its bytes as an incoming body, within the lengths its policy allows.

use async_trait::async_trait;
use bytes::Bytes;

use super::multipart::{Event, Multipart};
use crate::domain::ChecksumAlgorithm;
use crate::objects::{BodyError, IncomingBody};
use crate::s3::body::Frames;

/// The content of the part named `file`.
#[derive(Debug)]
pub(super) struct FileBody {
    frames: Frames,
    form: Multipart,
    /// The fewest bytes it may have.
    min: u64,
    /// The most bytes that may still come.
    room: u64,
    seen: u64,
    done: bool,
}

impl FileBody {
    /// The rest of a form whose file has just begun.
    pub(super) fn new(frames: Frames, form: Multipart, min: u64, max: u64) -> Self {
        Self { frames, form, min, room: max, seen: 0, done: false }
    }
}

#[async_trait]
impl IncomingBody for FileBody {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        while !self.done {
            // What is malformed from here on is a form that breaks off in its file.
            match self.form.next().map_err(|_| BodyError::Incomplete)? {
                Some(Event::Data(bytes)) => {
                    self.room = self.room.checked_sub(bytes.len() as u64).ok_or(BodyError::TooLarge)?;
                    self.seen += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                Some(_) => self.done = true,
                None => {
                    let bytes = self.frames.next().await?.ok_or(BodyError::Incomplete)?;
                    self.form.push(&bytes);
                }
            }
        }
        // Fields after the file are ignored, as Amazon does; but the request has to end.
        let mut rest = REST_BYTES_MAX;
        while let Some(bytes) = self.frames.next().await? {
            rest = rest.checked_sub(bytes.len()).ok_or(BodyError::TooLarge)?;
        }
        if self.seen < self.min { Err(BodyError::TooSmall) } else { Ok(None) }
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        None
    }
}

/// The most that may follow the file, in bytes.
const REST_BYTES_MAX: usize = 64 << 10;
