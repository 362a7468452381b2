//! Content in pieces, as it came from the wire: moved, cut and coded without being copied together.

use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    pieces: VecDeque<Bytes>,
    len: usize,
}

impl Frames {
    /// Appends a piece.
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Bytes in all pieces.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Cuts the first `bytes` off, or everything when there is less.
    pub(crate) fn take(&mut self, bytes: usize) -> Self {
        let mut taken = Self::default();
        while taken.len < bytes {
            let Some(piece) = self.pieces.front_mut() else { break };
            let part = piece.split_to(piece.len().min(bytes - taken.len));
            if piece.is_empty() {
                self.pieces.pop_front();
            }
            self.len -= part.len();
            taken.push(part);
        }
        taken
    }

    /// The pieces.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| &piece[..])
    }

    /// The pieces as a list, as coders take them.
    pub(crate) fn slices(&self) -> Vec<&[u8]> {
        self.pieces().collect()
    }
}

impl From<Bytes> for Frames {
    fn from(bytes: Bytes) -> Self {
        let mut frames = Self::default();
        frames.push(bytes);
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cutting_loses_nothing_and_keeps_the_order(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..8), cuts in proptest::collection::vec(0_usize..40, 0..6)) {
            let mut frames = Frames::default();
            pieces.iter().for_each(|piece| frames.push(Bytes::from(piece.clone())));
            let mut joined = Vec::new();
            for cut in cuts {
                let before = frames.len();
                let taken = frames.take(cut);
                prop_assert_eq!(taken.len(), cut.min(before));
                prop_assert_eq!(taken.pieces().map(<[u8]>::len).sum::<usize>(), taken.len());
                taken.pieces().for_each(|piece| joined.extend_from_slice(piece));
            }
            frames.pieces().for_each(|piece| joined.extend_from_slice(piece));
            prop_assert_eq!(joined, pieces.concat());
        }
    }
}
