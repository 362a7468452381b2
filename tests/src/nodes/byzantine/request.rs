//! What a gateway asks for.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::texts::{Asking, Sent, batch, streamed};

/// A request.
pub struct Asked {
    pub what: What,
    /// Nobody, for who opens a session.
    pub by: Option<Asking>,
    pub body: Bytes,
}

/// What a request is about, as far as anybody lies about it.
pub enum What {
    /// Keep this sliver.
    Store(Sent),
    /// Keep these.
    StoreBatch(Vec<Sent>),
    /// Bytes of a sliver.
    Read {
        name: String,
        from: usize,
        to: usize,
    },
    /// How long a sliver is.
    Length {
        name: String,
    },
    /// Prove that it is there.
    Prove {
        name: String,
    },
    /// How much space there is.
    Space,
    /// A session, or a heartbeat.
    Life,
    Other,
}

impl Asked {
    pub fn read(head: &Parts, body: Bytes) -> Result<Self> {
        let authorization = head.headers.get(AUTHORIZATION).map(|value| value.to_str()).transpose()?;
        Ok(Self { what: What::read(head, &body)?, by: authorization.map(Asking::parse).transpose()?, body })
    }
}

impl What {
    fn read(head: &Parts, body: &[u8]) -> Result<Self> {
        let path: Vec<_> = head.uri.path().split('/').skip(1).collect();
        let query = head.uri.query().unwrap_or_default();
        let number = |name: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            Ok::<usize, anyhow::Error>(value.context("a number is missing")?.parse()?)
        };
        Ok(match (&head.method, &path[..]) {
            (&Method::PUT, ["v1", "slivers", name]) => Self::Store(streamed(name, body)?),
            (&Method::POST, ["v1", "slivers"]) => Self::StoreBatch(batch(body)?),
            (&Method::POST, ["v1", "slivers", name, "proof"]) => Self::Prove { name: (*name).into() },
            (&Method::GET, ["v1", "slivers", name, "length"]) => Self::Length { name: (*name).into() },
            (&Method::GET, ["v1", "slivers", name]) => {
                Self::Read { name: (*name).into(), from: number("from")?, to: number("to")? }
            }
            (&Method::GET, ["v1", "space"]) => Self::Space,
            (_, ["v1", "sessions" | "pulse" | "heartbeat"]) => Self::Life,
            _ => Self::Other,
        })
    }
}
