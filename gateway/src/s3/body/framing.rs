//! The framing of `aws-chunked` bodies, without I/O: bytes in, events out, the same however the input is cut.
//!
//! ```text
//! SIZE-IN-HEX[;chunk-signature=64-HEX]\r\n BYTES \r\n   ... any number of times
//! 0[;chunk-signature=64-HEX]\r\n [name:value\r\n ...] \r\n
//! ```

use bytes::Bytes;

use crate::objects::BodyError;

/// The longest line before a chunk, in bytes: 16 digits of size and a signature fit.
const LINE_BYTES_MAX: usize = 128;

/// The longest trailer, in bytes.
const TRAILER_BYTES_MAX: usize = 4_096;

/// The next event of the framing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A chunk of this many bytes begins; zero is the last.
    Chunk {
        /// Bytes that follow.
        size: u64,
        /// The signature it claims.
        signature: Option<[u8; 32]>,
    },
    /// Bytes of the chunk.
    Data(Bytes),
    /// All bytes of the chunk have come.
    ChunkEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the line before a chunk.
    Line,
    /// This many bytes of a chunk are still to come.
    Data(u64),
    /// Before the `\r\n` after a chunk's bytes.
    AfterData,
    /// After the line of the last chunk: all that follows is trailer.
    Trailer,
}

/// The state between two pieces of input.
#[derive(Debug)]
pub(super) struct Framing {
    signed: bool,
    state: State,
    /// The line or trailer so far; never more than its bound.
    pending: Vec<u8>,
}

impl Framing {
    /// A body whose chunks must all carry a signature, or must all carry none.
    pub(super) fn new(signed: bool) -> Self {
        Self { signed, state: State::Line, pending: Vec::new() }
    }

    /// Takes what it can from the input. `None` when the input is used up.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Event>, BodyError> {
        while !input.is_empty() {
            match self.state {
                State::Line => {
                    if self.line(input)? {
                        let (size, signature) = self.parse_line()?;
                        self.pending.clear();
                        self.state = if size == 0 { State::Trailer } else { State::Data(size) };
                        return Ok(Some(Event::Chunk { size, signature }));
                    }
                }
                State::Data(0) => {
                    self.state = State::AfterData;
                    return Ok(Some(Event::ChunkEnd));
                }
                State::Data(left) => {
                    let taken = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
                    self.state = State::Data(left - taken as u64);
                    return Ok(Some(Event::Data(input.split_to(taken))));
                }
                State::AfterData => {
                    if self.line(input)? {
                        if self.pending != b"\r\n" {
                            return Err(BodyError::BadChunking("a chunk does not end at its stated size"));
                        }
                        self.pending.clear();
                        self.state = State::Line;
                    }
                }
                State::Trailer => {
                    if self.pending.len() + input.len() > TRAILER_BYTES_MAX {
                        return Err(BodyError::BadTrailer("it is too long"));
                    }
                    self.pending.extend_from_slice(&input.split_to(input.len()));
                }
            }
        }
        // The end of a chunk is known without seeing what follows.
        if self.state == State::Data(0) {
            self.state = State::AfterData;
            return Ok(Some(Event::ChunkEnd));
        }
        Ok(None)
    }

    /// The bytes after the last chunk, once the body has ended.
    pub(super) fn finish(self) -> Result<Vec<u8>, BodyError> {
        if self.state == State::Trailer { Ok(self.pending) } else { Err(BodyError::Incomplete) }
    }

    /// Moves bytes up to and with a line feed; whether it was found.
    fn line(&mut self, input: &mut Bytes) -> Result<bool, BodyError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(input.len(), |at| at + 1);
        if self.pending.len() + taken > LINE_BYTES_MAX {
            return Err(BodyError::BadChunking("the line before a chunk is too long"));
        }
        self.pending.extend_from_slice(&input.split_to(taken));
        Ok(end.is_some())
    }

    fn parse_line(&self) -> Result<(u64, Option<[u8; 32]>), BodyError> {
        let bad = BodyError::BadChunking;
        let line = self.pending.strip_suffix(b"\r\n").ok_or(bad("the line before a chunk does not end in CR LF"))?;
        let line = std::str::from_utf8(line).map_err(|_| bad("the line before a chunk is not text"))?;
        let (size, signature) = match line.split_once(";chunk-signature=") {
            Some((size, hexadecimal)) => {
                let mut bytes = [0; 32];
                hex::decode_to_slice(hexadecimal, &mut bytes).map_err(|_| BodyError::BadChunkSignature)?;
                (size, Some(bytes))
            }
            None => (line, None),
        };
        // `from_str_radix` would take a plus sign too.
        let digits = (1..=16).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size =
            u64::from_str_radix(size, 16).ok().filter(|_| digits).ok_or(bad("a chunk's size is not a number"))?;
        match (self.signed, signature) {
            (true, None) => Err(BodyError::BadChunkSignature),
            (false, Some(_)) => Err(bad("a chunk is signed although x-amz-content-sha256 declares chunks unsigned")),
            (_, signature) => Ok((size, signature)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Content, sizes of the chunks, trailer.
    type Decoded = (Vec<u8>, Vec<u64>, Vec<u8>);

    fn run(pieces: &[&[u8]], signed: bool) -> Result<Decoded, BodyError> {
        let mut framing = Framing::new(signed);
        let (mut content, mut sizes, mut open) = (Vec::new(), Vec::new(), false);
        for piece in pieces {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(event) = framing.next(&mut input)? {
                match event {
                    Event::Chunk { size, .. } => {
                        assert!(!open);
                        open = size > 0;
                        sizes.push(size);
                    }
                    Event::Data(bytes) => content.extend_from_slice(&bytes),
                    Event::ChunkEnd => open = false,
                }
            }
            assert!(input.is_empty());
        }
        Ok((content, sizes, framing.finish()?))
    }

    const BODY: &[u8] = b"5\r\nhello\r\n0006\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";

    #[test]
    fn every_cut_of_the_input_gives_the_same() {
        let whole = run(&[BODY], false).expect("decodes");
        assert_eq!(whole.0, b"hello world");
        assert_eq!(whole.1, [5, 6, 0]);
        assert_eq!(whole.2, b"x-amz-checksum-crc32:DUoRhQ==\r\n\r\n");
        for first in 0..=BODY.len() {
            for second in first..=BODY.len() {
                let pieces = [&BODY[..first], &BODY[first..second], &BODY[second..]];
                assert_eq!(run(&pieces, false).expect("decodes"), whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn every_truncation_before_the_last_line_is_noticed() {
        let last = BODY.len() - b"x-amz-checksum-crc32:DUoRhQ==\r\n\r\n".len();
        for end in 0..last {
            assert!(matches!(run(&[&BODY[..end]], false), Err(BodyError::Incomplete)), "{end}");
        }
    }

    #[test]
    fn broken_framing_is_refused() {
        let bodies: [&[u8]; 14] = [
            b"\r\n",
            b"+5\r\nhello\r\n0\r\n\r\n",
            b"-1\r\n",
            b"5 \r\nhello\r\n0\r\n",
            b"5\nhello\r\n0\r\n",
            b"5\r\nhello!\r\n0\r\n",
            b"5\r\nhello\n0\r\n",
            b"5\r\nhell\r\n0\r\n\r\n",
            b"g\r\n",
            b"10000000000000000\r\n",
            b"5;name=value\r\nhello\r\n0\r\n",
            b"5;chunk-signature=00\r\nhello\r\n0\r\n",
            b"\xff\r\n",
            &[b'0'; 200],
        ];
        for body in bodies {
            let refused = run(&[body], false).expect_err("refused");
            assert!(
                matches!(refused, BodyError::BadChunking(_) | BodyError::BadChunkSignature),
                "{body:?} {refused:?}"
            );
        }
        let endless = [b"0\r\n".as_slice(), &[b'\n'; 5_000]].concat();
        assert!(matches!(run(&[&endless], false), Err(BodyError::BadTrailer(_))));
    }

    #[test]
    fn a_signature_is_there_exactly_when_it_must_be() {
        let signed = [b"1;chunk-signature=".as_slice(), &[b'a'; 64], b"\r\nx\r\n"].concat();
        assert!(matches!(run(&[&signed], true), Err(BodyError::Incomplete)));
        assert!(matches!(run(&[&signed], false), Err(BodyError::BadChunking(_))));
        assert!(matches!(run(&[BODY], true), Err(BodyError::BadChunkSignature)));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(pieces: Vec<Vec<u8>>, signed: bool) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let _ = run(&pieces, signed);
        }

        #[test]
        fn what_a_client_frames_is_what_comes_out(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..6), cut in 1usize..50) {
            let mut body = Vec::new();
            for chunk in &chunks {
                body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            let pieces: Vec<&[u8]> = body.chunks(cut).collect();
            prop_assert_eq!(run(&pieces, false).expect("decodes").0, chunks.concat());
        }
    }
}
