//! Bytes on a socket, for requests that no client would send.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back before the connection was closed, or nothing more came.
pub struct RawReply {
    /// All bytes, as text.
    pub text: String,
    /// Whether the gateway closed the connection.
    pub closed: bool,
}

impl RawReply {
    /// The status of the last reply; interim replies (100) do not count. None when there was no reply.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let statuses =
            self.text.split("HTTP/1.").skip(1).filter_map(|part| part.split(' ').nth(1)?.parse::<u16>().ok());
        statuses.filter(|status| *status != 100).last()
    }
}

/// Sends bytes, and reads what comes until the gateway closes, or is silent for a while.
///
/// # Errors
/// No connection.
pub async fn send_raw(address: SocketAddr, bytes: &[u8]) -> Result<RawReply> {
    exchange(address, bytes, false).await
}

/// Sends bytes, says that no more will come, and reads what comes.
///
/// # Errors
/// No connection.
pub async fn send_raw_and_hang_up(address: SocketAddr, bytes: &[u8]) -> Result<RawReply> {
    exchange(address, bytes, true).await
}

async fn exchange(address: SocketAddr, bytes: &[u8], hang_up: bool) -> Result<RawReply> {
    let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
    let bytes = bytes.to_vec();
    // A gateway that has seen enough may close before it has read everything: that is its right.
    let sending = tokio::spawn(async move {
        let _ = writer.write_all(&bytes).await;
        if hang_up {
            let _ = writer.shutdown().await;
        }
        writer
    });
    let (mut received, mut buffer, mut closed) = (Vec::new(), [0; 8192], false);
    while let Ok(read) = tokio::time::timeout(Duration::from_secs(5), reader.read(&mut buffer)).await {
        match read {
            Ok(0) | Err(_) => {
                closed = true;
                break;
            }
            Ok(count) => received.extend_from_slice(&buffer[..count]),
        }
    }
    drop(sending.await?);
    Ok(RawReply { text: String::from_utf8_lossy(&received).into_owned(), closed })
}
