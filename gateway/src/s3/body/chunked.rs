//! A body in `aws-chunked` framing: content out, no byte of a signed chunk before its signature is verified.

use std::collections::VecDeque;

use async_trait::async_trait;
use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};

use crate::domain::{ChecksumAlgorithm, Peer};
use crate::objects::{BodyError, IncomingBody};
use crate::s3::auth::ChunkSigner;
use crate::s3::body::chunk_budget::{ChunkBudget, ChunkMemory};
use crate::s3::body::frames::Frames;
use crate::s3::body::framing::{Event, Framing};
use crate::s3::body::trailer::Trailer;

/// From this many bytes on, a chunk is hashed on a thread that may block; below, handing it over would cost more.
const HASH_OFFLOAD_BYTES: usize = 128 << 10;

/// Pieces below this many bytes are put together, so that a chunk sent byte by byte costs what its bytes cost.
const PIECE_BYTES_MIN: usize = 4 << 10;

/// How the chunks of a body are verified.
#[derive(Debug)]
pub(super) struct Chunked {
    /// Content bytes the head announced.
    pub(super) length: u64,
    /// Verifies signatures; `None` when chunks are not signed.
    pub(super) signer: Option<Box<ChunkSigner>>,
    /// What `x-amz-trailer` announced.
    pub(super) announced: Option<ChecksumAlgorithm>,
    /// The announced checksum must come.
    pub(super) trailer_required: bool,
    /// The largest signed chunk, in bytes.
    pub(super) chunk_bytes_max: usize,
    /// Memory for chunks that are held.
    pub(super) budget: ChunkBudget,
}

/// The decoder.
#[derive(Debug)]
pub(super) struct ChunkedBody {
    frames: Frames,
    input: Bytes,
    framing: Option<Framing>,
    rules: Chunked,
    /// Content bytes that later chunks may still bring.
    left: u64,
    /// The signature of the chunk that is arriving, and its bytes so far.
    signature: Option<[u8; 32]>,
    held: Vec<Bytes>,
    small_pieces: BytesMut,
    /// Verified bytes on their way out.
    ready: VecDeque<Bytes>,
    /// The memory of the chunk that is arriving, and how many bytes of it have come.
    memory: Option<ChunkMemory>,
    received: u64,
    /// It has not come to its end.
    arriving: bool,
    checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
}

impl ChunkedBody {
    /// Decodes these frames by these rules.
    pub(super) fn new(frames: Frames, rules: Chunked) -> Self {
        Self {
            frames,
            input: Bytes::new(),
            framing: Some(Framing::new(rules.signer.is_some())),
            left: rules.length,
            rules,
            signature: None,
            held: Vec::new(),
            small_pieces: BytesMut::new(),
            ready: VecDeque::new(),
            memory: None,
            received: 0,
            arriving: false,
            checksum: None,
        }
    }

    async fn begin(&mut self, size: u64, signature: Option<[u8; 32]>) -> Result<(), BodyError> {
        let more = BodyError::BadChunking("the body is longer than x-amz-decoded-content-length");
        self.left = self.left.checked_sub(size).ok_or(more)?;
        self.signature = signature;
        if self.rules.signer.is_none() {
            return Ok(());
        }
        if size == 0 {
            return self.verify(&nothing());
        }
        if size > self.rules.chunk_bytes_max as u64 {
            return Err(BodyError::BadChunking("a signed chunk is too large"));
        }
        self.memory = Some(self.rules.budget.take(size).await?);
        (self.received, self.arriving) = (0, true);
        Ok(())
    }

    /// The next frame; [`BodyError::TooSlow`] when the chunk's memory is needed by others before it comes.
    async fn next_frame(&mut self) -> Result<Option<Bytes>, BodyError> {
        let Some(memory) = &self.memory else { return self.frames.next().await };
        tokio::select! {
            biased;
            frame = self.frames.next() => frame,
            () = memory.wanted_back(self.received) => Err(BodyError::TooSlow),
        }
    }

    fn hold(&mut self, bytes: Bytes) {
        self.received += bytes.len() as u64;
        if bytes.len() < PIECE_BYTES_MIN {
            self.small_pieces.extend_from_slice(&bytes);
            return;
        }
        self.sweep();
        self.held.push(bytes);
    }

    fn sweep(&mut self) {
        if !self.small_pieces.is_empty() {
            self.held.push(self.small_pieces.split().freeze());
        }
    }

    /// The chunk is complete: releases it if its signature is right.
    async fn end(&mut self) -> Result<(), BodyError> {
        if self.rules.signer.is_none() {
            return Ok(());
        }
        self.arriving = false;
        self.sweep();
        let held = std::mem::take(&mut self.held);
        let bytes: usize = held.iter().map(Bytes::len).sum();
        let (held, sha256) = if bytes < HASH_OFFLOAD_BYTES {
            let sha256 = sha256(&held);
            (held, sha256)
        } else {
            let hashed = tokio::task::spawn_blocking(move || {
                let sha256 = sha256(&held);
                (held, sha256)
            });
            // Only a runtime that is shutting down does not finish it.
            hashed.await.map_err(|_| BodyError::Incomplete)?
        };
        self.verify(&sha256)?;
        self.ready.extend(held);
        Ok(())
    }

    fn verify(&mut self, sha256: &[u8; 32]) -> Result<(), BodyError> {
        let right = match (&mut self.rules.signer, &self.signature) {
            (Some(signer), Some(signature)) => signer.verify_chunk(sha256, signature),
            _ => false,
        };
        if right { Ok(()) } else { Err(BodyError::BadChunkSignature) }
    }

    fn finish(&mut self, framing: Framing) -> Result<(), BodyError> {
        let bytes = framing.finish()?;
        if self.left > 0 {
            return Err(BodyError::Incomplete);
        }
        let trailer = Trailer::parse(&bytes, self.rules.announced)?;
        if self.rules.trailer_required && trailer.checksum.is_none() {
            return Err(BodyError::BadTrailer("the checksum that x-amz-trailer announced is missing"));
        }
        let right = match (&mut self.rules.signer, trailer.signature) {
            (None, None) => true,
            (None, Some(_)) => {
                return Err(BodyError::BadTrailer("it is signed although x-amz-content-sha256 declares it unsigned"));
            }
            // Nothing came, so there is nothing to sign.
            (Some(_), None) => trailer.checksum.is_none(),
            (Some(signer), Some(signature)) => signer.verify_trailer(&trailer.canonical, &signature),
        };
        if !right {
            return Err(BodyError::BadChunkSignature);
        }
        self.checksum = trailer.checksum;
        Ok(())
    }
}

#[async_trait]
impl IncomingBody for ChunkedBody {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some(bytes));
            }
            if !self.arriving {
                self.memory = None; // all of the chunk was handed on, however long that took
            }
            let Some(framing) = &mut self.framing else { return Ok(None) };
            match framing.next(&mut self.input)? {
                Some(Event::Chunk { size, signature }) => self.begin(size, signature).await?,
                Some(Event::Data(bytes)) if self.rules.signer.is_none() => return Ok(Some(bytes)),
                Some(Event::Data(bytes)) => self.hold(bytes),
                Some(Event::ChunkEnd) => self.end().await?,
                None => match self.next_frame().await? {
                    Some(bytes) => self.input = bytes,
                    None => {
                        let framing = self.framing.take().ok_or(BodyError::Incomplete)?;
                        self.finish(framing)?;
                    }
                },
            }
        }
    }

    fn trailing_checksum(&mut self) -> Option<(ChecksumAlgorithm, Vec<u8>)> {
        self.checksum.take()
    }

    fn peer(&self) -> Option<Peer> {
        self.frames.peer()
    }
}

fn sha256(pieces: &[Bytes]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for piece in pieces {
        context.update(piece);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

fn nothing() -> [u8; 32] {
    sha256(&[])
}
