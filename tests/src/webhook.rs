//! A webhook for notifications.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Settings, wait_until};

/// What the gateway must send in `Authorization`.
const AUTHORIZATION: &str = "Token of the test";

/// A webhook that records what it receives, and refuses the first few.
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(refusals: usize) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let (kept, left) = (received.clone(), Arc::new(Mutex::new(refusals)));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, left) = (kept.clone(), left.clone());
                tokio::spawn(async move {
                    let _ = serve(&mut stream, &kept, &left).await;
                });
            }
        });
        Ok(Self { address, received })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every message that it took, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Value> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for so many messages.
    ///
    /// # Errors
    /// They did not come in time.
    pub async fn wait_for(&self, events: usize) -> Result<Vec<Value>> {
        let came = async || Ok(Some(self.received()).filter(|received| received.len() >= events));
        let waited = wait_until(&format!("{events} messages came"), came).await;
        waited.with_context(|| format!("{:?}", self.received()))
    }
}

/// One connection: requests with a length, one after the other.
async fn serve(stream: &mut tokio::net::TcpStream, received: &Mutex<Vec<Value>>, left: &Mutex<usize>) -> Result<()> {
    let mut buffer = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            let mut piece = [0; 4_096];
            let read = stream.read(&mut piece).await?;
            ensure!(read > 0, "closed");
            buffer.extend_from_slice(&piece[..read]);
        };
        let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let end = head + 4 + length.context("a length")?;
        while buffer.len() < end {
            let mut piece = [0; 4_096];
            let read = stream.read(&mut piece).await?;
            ensure!(read > 0, "closed");
            buffer.extend_from_slice(&piece[..read]);
        }
        let refused = {
            let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
            let refused = *left > 0;
            *left = left.saturating_sub(1);
            refused
        };
        let known = text.contains(&format!("authorization: {AUTHORIZATION}").to_lowercase());
        if !refused && known {
            let message = serde_json::from_slice(&buffer[head + 4..end])?;
            received.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
        buffer.drain(..end);
        let status = if refused || !known { "503 Service Unavailable" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
    }
}

/// A gateway with a target `hook` at an address.
#[must_use]
pub fn with_webhook(settings: Settings, address: SocketAddr, allow_private: bool) -> Settings {
    let url = format!("url = \"http://{address}/hook\"");
    let settings = settings.set("[notification_target]", "name = \"hook\"").set("[notification_target]", &url);
    settings
        .set("[notification_target]", &format!("authorization = \"{AUTHORIZATION}\""))
        .set("[notification_target]", "accounts = [\"*\"]")
        .set("[notification_target]", &format!("allow_private = {allow_private}"))
}
