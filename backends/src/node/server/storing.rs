//! A sliver that is streamed: proven while it comes, published once it is, and otherwise gone.

use bytes::{Bytes, BytesMut};
use codec::{IncomingSliver, Root, SliverHeader};
use http_body::Frame;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::authorize::Caller;
use super::node::Node;
use super::usage::Reservation;
use crate::directory::DirectoryWriter;
use crate::node::protocol::{Failure, FailureCode, Receipt, SealReply, TRAILER_BYTES, Trailer};
use crate::{SliverName, SliverWriter as _};

/// Bytes that are written in one step.
const STEP_BYTES: usize = 512 << 10;

/// Smaller pieces are put together before they are written.
const PIECE_BYTES_MIN: usize = 4 << 10;

/// Stores the sliver that is streamed.
///
/// # Errors
/// What is wrong with it, or with the store. Nothing of it is kept then.
pub(super) async fn store(
    node: &Node,
    caller: &Caller,
    name: SliverName,
    epoch: u64,
    body: Incoming,
) -> Result<SealReply, Failure> {
    caller.tenant.used(&caller.store).await?;
    refuse_stored(caller, &name).await?;
    let writer = caller.store.create_writer(&name).await?;
    let reservation = caller.tenant.usage.reserve(0)?;
    let arrival = Arrival {
        node,
        caller,
        name,
        writer,
        reservation,
        sliver: IncomingSliver::default(),
        step: Vec::new(),
        small: BytesMut::new(),
        step_bytes: 0,
    };
    let (root, len) = arrival.receive(body).await?;
    let (cluster, authorization) = (caller.tenant.cluster(), caller.authorization);
    let nonce = (authorization.session, authorization.counter);
    let receipt = Receipt { cluster, node: node.key.public(), name, root, len, epoch, nonce };
    Ok(SealReply { receipt: receipt.sign(&node.key) })
}

/// A name that was used is never used again, also while its sliver is in the trash: it would be replaced there.
pub(super) async fn refuse_stored(caller: &Caller, name: &SliverName) -> Result<(), Failure> {
    if caller.store.was_stored(name).await? {
        return Err(Failure::new(FailureCode::AlreadyExists, "a sliver of that name was stored already"));
    }
    Ok(())
}

/// The header says which sliver it is; the name and the cluster must be those that were asked for.
pub(super) fn check_header(header: &SliverHeader, caller: &Caller, name: &SliverName) -> Result<(), Failure> {
    let differs = match header {
        header if header.cluster != caller.tenant.cluster() => "cluster",
        header if header.blob != name.blob => "blob",
        header if header.index != name.index => "index",
        _ => return Ok(()),
    };
    Err(Failure::new(FailureCode::NotTheSliver, format!("another sliver: its {differs} differs")))
}

/// A sliver is longer than the node's operator allows.
pub(super) fn too_long(node: &Node) -> Failure {
    Failure::new(FailureCode::TooLarge, format!("a sliver of more than {} bytes", node.settings.sliver_bytes_max))
}

/// What a proof of a sliver fails with.
pub(super) fn not_the_sliver(error: codec::SliverError) -> Failure {
    Failure::new(FailureCode::NotTheSliver, error.to_string())
}

/// A sliver on its way in.
struct Arrival<'a> {
    node: &'a Node,
    caller: &'a Caller,
    name: SliverName,
    writer: DirectoryWriter,
    reservation: Reservation,
    sliver: IncomingSliver,
    /// Pieces for the next write, and how many bytes they are.
    step: Vec<Bytes>,
    /// The last of them, while they are small.
    small: BytesMut,
    step_bytes: usize,
}

impl Arrival<'_> {
    /// Receives all of it and publishes it; gives its root and length.
    async fn receive(mut self, body: Incoming) -> Result<(Root, u64), Failure> {
        match self.receive_and_prove(body).await {
            Ok((root, len)) => {
                let (writer, reservation) = (Box::new(self.writer), self.reservation);
                let publish = async {
                    writer.seal().await?;
                    reservation.keep(len);
                    Ok((root, len))
                };
                Ok(self.caller.tenant.change(publish).await?)
            }
            Err(failure) => {
                Box::new(self.writer).abort().await;
                Err(failure)
            }
        }
    }

    async fn receive_and_prove(&mut self, mut body: Incoming) -> Result<(Root, u64), Failure> {
        let mut end = Bytes::new();
        while let Some(frame) = self.next(&mut body).await? {
            let Ok(data) = frame.into_data() else { continue };
            // The last bytes may be the trailer: they are kept back until more come.
            let (first, second, kept) = without_end(end, data);
            end = kept;
            self.take(first).await?;
            self.take(second).await?;
        }
        let end = <&[u8; TRAILER_BYTES]>::try_from(&end[..]);
        let end = end.map_err(|_| Failure::new(FailureCode::Malformed, "the body ends before its trailer"))?;
        self.flush().await?;
        let proven = self.prove(&Trailer::from_bytes(end)).await?;
        // The name may have been used while the bytes came.
        refuse_stored(self.caller, &self.name).await?;
        Ok(proven)
    }

    /// The next frame of the body. It must come while the connection may stand still.
    async fn next(&self, body: &mut Incoming) -> Result<Option<Frame<Bytes>>, Failure> {
        let slow = |_| Failure::new(FailureCode::TimedOut, "the body comes too slowly");
        let broken = |error| Failure::new(FailureCode::Malformed, format!("the body breaks off: {error}"));
        let next = tokio::time::timeout(self.node.settings.idle, body.frame()).await.map_err(slow)?;
        next.transpose().map_err(broken)
    }

    /// The next bytes of the sliver.
    async fn take(&mut self, bytes: Bytes) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        let settings = &self.node.settings;
        self.caller.tenant.charge(bytes.len() as u64, settings.day_bytes_max)?;
        self.reservation.grow(bytes.len() as u64)?;
        if let Some(header) = self.sliver.push(&bytes).map_err(not_the_sliver)? {
            check_header(header, self.caller, &self.name)?;
        }
        if self.sliver.seen() > settings.sliver_bytes_max {
            return Err(too_long(self.node));
        }
        self.step_bytes += bytes.len();
        self.gather(bytes);
        if self.step_bytes >= STEP_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Small pieces are copied together: each would keep the buffer alive that it was received in.
    fn gather(&mut self, bytes: Bytes) {
        if bytes.len() < PIECE_BYTES_MIN {
            self.small.extend_from_slice(&bytes);
            return;
        }
        self.end_small();
        self.step.push(bytes);
    }

    fn end_small(&mut self) {
        if !self.small.is_empty() {
            self.step.push(std::mem::take(&mut self.small).freeze());
        }
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        self.end_small();
        let step = std::mem::take(&mut self.step);
        self.step_bytes = 0;
        if step.is_empty() { Ok(()) } else { Ok(self.writer.write_parts(step).await?) }
    }

    async fn prove(&mut self, trailer: &Trailer) -> Result<(Root, u64), Failure> {
        let text = trailer.text((&self.caller.authorization, self.node.key.public(), &self.name));
        if !self.caller.gateway.verifies(&text, &trailer.signature) {
            return Err(Failure::new(FailureCode::BadSignature, "the signature of the trailer does not fit"));
        }
        let len = self.sliver.seen();
        if trailer.len != len {
            return Err(Failure::new(
                FailureCode::NotTheSliver,
                format!("{len} bytes came, {} were sent", trailer.len),
            ));
        }
        let sliver = std::mem::take(&mut self.sliver);
        let _held = self.caller.tenant.share.hold(&self.node.held_bytes, sliver.settle_bytes()).await?;
        let settled =
            self.writer.look_back(move |read| sliver.settle(|range| read(range).map_err(Unproven::Store))).await?;
        let described = settled.map_err(Failure::from)?;
        if described.root != trailer.root {
            return Err(not_the_sliver(codec::SliverError::Root));
        }
        Ok((described.root, len))
    }
}

/// Why a sliver could not be proven.
enum Unproven {
    Sliver(codec::SliverError),
    Store(crate::StoreError),
}

impl From<codec::SliverError> for Unproven {
    fn from(error: codec::SliverError) -> Self {
        Self::Sliver(error)
    }
}

impl From<Unproven> for Failure {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Sliver(error) => not_the_sliver(error),
            Unproven::Store(error) => error.into(),
        }
    }
}

/// Joins what was kept back with what came: bytes that surely belong to the sliver, in two pieces, and the last
/// [`TRAILER_BYTES`], or fewer.
fn without_end(kept: Bytes, mut data: Bytes) -> (Bytes, Bytes, Bytes) {
    if data.len() >= TRAILER_BYTES {
        let end = data.split_off(data.len() - TRAILER_BYTES);
        return (kept, data, end);
    }
    let mut joined = BytesMut::from(kept);
    joined.extend_from_slice(&data);
    let mut joined = joined.freeze();
    let end = joined.split_off(joined.len().saturating_sub(TRAILER_BYTES));
    (joined, Bytes::new(), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_back_whatever_the_portions() {
        let whole: Vec<u8> = (0..1000_u32).map(|at| at as u8).collect();
        for portion in [1, 2, 103, 104, 105, 500, 1000] {
            let (mut passed, mut kept) = (Vec::new(), Bytes::new());
            for part in whole.chunks(portion) {
                let (first, second, end) = without_end(kept, Bytes::copy_from_slice(part));
                passed.extend_from_slice(&first);
                passed.extend_from_slice(&second);
                kept = end;
            }
            assert_eq!((passed.len(), kept.len()), (1000 - TRAILER_BYTES, TRAILER_BYTES), "{portion}");
            assert_eq!([&passed[..], &kept[..]].concat(), whole);
        }
    }
}
