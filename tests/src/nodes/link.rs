//! The network between a gateway and one node, as a forwarder of TCP connections that can lose bytes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What passes at a time.
const PIECE_BYTES: usize = 16 << 10;

/// What becomes of bytes. Those that do not pass are not lost for ever: TCP sends them again, so they pass once the way is free. Meanwhile
/// there is no reset and no end of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// From the gateway to the node.
    pub there: bool,
    /// From the node to the gateway.
    pub back: bool,
    /// How much later each piece arrives.
    pub delay: Duration,
}

impl Passage {
    /// As it should be.
    pub const FREE: Self = Self { there: true, back: true, delay: Duration::ZERO };
    /// Nothing passes.
    pub const CUT: Self = Self { there: false, back: false, delay: Duration::ZERO };
}

#[derive(Clone, Copy)]
struct State {
    passage: Passage,
    /// Connections of an earlier one are reset.
    generation: u64,
}

/// The way to one node. Connections can be opened whatever passes, because the system opens them; what is said on them waits.
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<State>,
    accepting: JoinHandle<()>,
}

impl Link {
    /// Opens the way to an address.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = watch::Sender::new(State { passage: Passage::FREE, generation: 0 });
        let seen = state.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(forward(near, target, seen.clone()));
            }
        });
        Ok(Self { address, state, accepting })
    }

    /// Where it is entered.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on bytes fare like this.
    pub fn set(&self, passage: Passage) {
        self.state.send_modify(|state| state.passage = passage);
    }

    /// Resets all connections; what was on its way is lost.
    pub fn reset(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection, from its beginning to its end or reset.
async fn forward(near: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let generation = state.borrow().generation;
    let both_ways = async {
        // It is the first packet that opens the way to the node.
        let mut opened = state.clone();
        if opened.wait_for(|state| state.passage.there && state.passage.back).await.is_err() {
            return;
        }
        let Ok(far) = TcpStream::connect(target).await else { return };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
        let there = pump(near_reads, far_writes, state.clone(), |passage| passage.there);
        let back = pump(far_reads, near_writes, state.clone(), |passage| passage.back);
        tokio::join!(there, back);
    };
    let mut reset = state.clone();
    tokio::select! {
        () = both_ways => {}
        // Both sockets are dropped.
        _ = reset.wait_for(|state| state.generation != generation) => {}
    }
    state.mark_unchanged();
}

/// One direction.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    passes: impl Fn(&Passage) -> bool,
) {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let len = from.read(&mut piece).await.unwrap_or(0);
        let Ok(passage) = state.wait_for(|state| passes(&state.passage)).await.map(|state| state.passage) else {
            return;
        };
        if !passage.delay.is_zero() {
            tokio::time::sleep(passage.delay).await;
        }
        if len == 0 || to.write_all(&piece[..len]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    /// Sends back what it gets.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut reads, mut writes) = stream.split();
                    tokio::io::copy(&mut reads, &mut writes).await
                });
            }
        });
        address
    }

    async fn hears(stream: &mut TcpStream) -> Option<u8> {
        tokio::time::timeout(SOON, stream.read_u8()).await.ok().map(Result::unwrap)
    }

    #[tokio::test]
    async fn what_does_not_pass_comes_later_and_a_reset_ends_it() {
        let link = Link::to(echo().await).await.unwrap();
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        stream.write_u8(1).await.unwrap();
        assert_eq!(hears(&mut stream).await, Some(1));
        let one_way = [Passage { there: false, ..Passage::FREE }, Passage { back: false, ..Passage::FREE }];
        for (passage, byte) in one_way.into_iter().chain([Passage::CUT]).zip(2..) {
            link.set(passage);
            stream.write_u8(byte).await.unwrap();
            assert_eq!(hears(&mut stream).await, None, "{passage:?}");
            link.set(Passage::FREE);
            assert_eq!(hears(&mut stream).await, Some(byte), "{passage:?}");
        }
        link.set(Passage::CUT);
        stream.write_u8(9).await.unwrap();
        link.reset();
        assert!(tokio::time::timeout(SOON, stream.read_u8()).await.unwrap().is_err());
        link.set(Passage::FREE);
        let mut stream = TcpStream::connect(link.address()).await.unwrap();
        stream.write_u8(1).await.unwrap();
        assert_eq!(hears(&mut stream).await, Some(1), "another connection passes");
    }
}
