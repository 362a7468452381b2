//! What a node signs, written after `backends/NODE.md` alone: this shares no code with what it is held against.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value;

/// The beginning of a PKCS #8 file with the seed of an Ed25519 key (RFC 8410).
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const TRAILER_BYTES: usize = 104;

/// The key of a node, read from its data folder: who has that is the node.
pub struct NodeKey {
    pair: Ed25519KeyPair,
    /// PKCS #8.
    pub der: Vec<u8>,
}

/// Who asks, as its header of authorization says.
pub struct Asking {
    cluster: String,
    session: String,
    counter: String,
}

/// A sliver that a gateway sent.
pub struct Sent {
    /// Its name, as in paths.
    pub name: String,
    root: String,
    len: u64,
}

impl NodeKey {
    pub fn read(data: &Path) -> Result<Self> {
        let text = fs::read_to_string(data.join("node.key"))?;
        let digits = text.trim_end().strip_prefix("haulout-node-key/1 ").context("this is no key of a node")?;
        let seed = hex::decode(digits)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)?;
        Ok(Self { pair, der: [&PKCS8_HEAD[..], &seed].concat() })
    }

    fn sign(&self, kind: &str, fields: &[&str]) -> [u8; 64] {
        let text = format!("haulout-node/1 {kind}\n{}", fields.join("\n"));
        self.pair.sign(text.as_bytes()).as_ref().try_into().expect("a signature of Ed25519 has 64 bytes")
    }

    fn public(&self) -> String {
        hex::encode(self.pair.public_key())
    }

    /// A receipt for a sliver, whether or not it is there. `root` stands in the place of its own.
    pub fn receipt(&self, asking: &Asking, sent: &Sent, root: Option<&str>) -> Result<Value> {
        let [blob, index, attempt] = parts(&sent.name)?;
        let nonce = format!("{}:{}", asking.session, asking.counter);
        let (key, len, root) = (self.public(), sent.len.to_string(), root.unwrap_or(&sent.root));
        let fields = [&asking.cluster, &key, &blob, &index, &attempt, root, &len, "0", &nonce];
        Ok(serde_json::json!({ "signature": hex::encode(self.sign("receipt", &fields)) }))
    }

    /// Proof and signature, as an answer to the challenge in `question`.
    pub fn answer(&self, asking: &Asking, name: &str, question: &[u8], proof: &[u8]) -> Result<Vec<u8>> {
        let question: Value = serde_json::from_slice(question)?;
        let [blob, index, attempt] = parts(name)?;
        let number = |field: &str| question[field].to_string();
        let (stripe, sample, epoch) = (number("stripe"), number("sample"), number("epoch"));
        let nonce = question["nonce"].as_str().context("a challenge has a nonce")?;
        let hash = blake3::hash(proof).to_hex();
        let fields =
            [&asking.cluster, &self.public(), &blob, &index, &attempt, &stripe, &sample, &epoch, nonce, hash.as_str()];
        Ok([proof, &self.sign("answer", &fields)].concat())
    }
}

impl Asking {
    pub fn parse(authorization: &str) -> Result<Self> {
        let fields: Vec<_> = authorization.split(' ').collect();
        let ["haulout-node/1", cluster, session, counter, ..] = fields[..] else { bail!("{authorization}") };
        Ok(Self { cluster: cluster.into(), session: session.into(), counter: counter.into() })
    }
}

/// The sliver of a streamed body, which ends with the trailer.
pub fn streamed(name: &str, body: &[u8]) -> Result<Sent> {
    let at = body.len().checked_sub(TRAILER_BYTES).context("it has no trailer")?;
    let trailer = &body[at..];
    let len = u64::from_be_bytes(trailer[32..40].try_into()?);
    Ok(Sent { name: name.into(), root: hex::encode(&trailer[..32]), len })
}

/// The slivers of a batch.
pub fn batch(mut body: &[u8]) -> Result<Vec<Sent>> {
    let mut slivers = Vec::new();
    while let Some((head, rest)) = body.split_at_checked(16 + 1 + 4 + 8 + 32) {
        let attempt = u32::from_be_bytes(head[17..21].try_into()?);
        let len = u64::from_be_bytes(head[21..29].try_into()?);
        let name = format!("{}.{:02x}.{attempt:08x}", hex::encode(&head[..16]), head[16]);
        slivers.push(Sent { name, root: hex::encode(&head[29..]), len });
        body = rest.get(usize::try_from(len)?..).context("a batch ends early")?;
    }
    Ok(slivers)
}

/// Blob, and in decimal index and attempt.
fn parts(name: &str) -> Result<[String; 3]> {
    let parts: Vec<_> = name.split('.').collect();
    let [blob, index, attempt] = parts[..] else { bail!("{name} is no sliver") };
    let decimal = |digits| u32::from_str_radix(digits, 16).map(|number| number.to_string());
    Ok([blob.into(), decimal(index)?, decimal(attempt)?])
}
