//! A client that does random things to a few keys, and writes down what it did and saw.
//!
//! Every write has a value of its own: it stands in the metadata and at the start of the content. Keys of even numbers are
//! copied from, so that a copy's ETag shows the value it found; keys of odd numbers are copied to. So are names changed, from even to odd:
//! no key ever holds a value again that it held before.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{Effect, Ending, Operation, Reply, Request, S3, Value};
use http::Method;
use md5::{Digest, Md5};

use super::world::{BUCKETS, Copied, KEYS, RENAMES, World, content};

/// The pause of a client whose request was not carried out.
const PAUSE: Duration = Duration::from_millis(200);
const ETAG_OF_NOBODY: &str = "\"00000000000000000000000000000000\"";

/// One client.
pub struct Client {
    id: u64,
    gateways: Vec<S3>,
    world: Arc<World>,
    state: u64,
}

/// Bucket and key.
#[derive(Clone)]
struct Place {
    bucket: &'static str,
    key: String,
}

/// A write: what it is called, and what it does to which key.
#[derive(Clone, Copy)]
struct Write<'a> {
    name: &'static str,
    place: &'a Place,
    effect: Effect,
}

impl Client {
    pub fn new(id: u64, gateways: Vec<S3>, world: Arc<World>) -> Self {
        Self { id, gateways, world, state: id }
    }

    /// Goes on until the work is done.
    pub async fn work(mut self) -> Result<()> {
        while !self.world.done.load(Ordering::Relaxed) {
            self.step().await?;
        }
        Ok(())
    }

    /// Reads everything of a pass back, through each gateway.
    pub async fn read_back(&mut self, pass: u64) -> Result<()> {
        for gateway in 0..self.gateways.len() {
            for bucket in BUCKETS {
                for number in 0..KEYS {
                    let place = Place { bucket, key: format!("{pass}-{number}") };
                    self.read(gateway, &place, Method::GET).await?;
                    self.read(gateway, &place, Method::HEAD).await?;
                }
                self.list(gateway, bucket, pass).await?;
            }
        }
        Ok(())
    }

    async fn step(&mut self) -> Result<()> {
        let mut serving = self.world.serving.subscribe();
        serving.wait_for(|serving| serving.contains(&true)).await?;
        let serving: Vec<_> = (0..self.gateways.len()).filter(|at| self.world.serving.borrow()[*at]).collect();
        let Some(gateway) = serving.get(self.random(serving.len().max(1))).copied() else { return Ok(()) };
        let pass = self.world.pass.load(Ordering::Relaxed);
        let bucket = BUCKETS[self.random(BUCKETS.len())];
        let number = self.random(KEYS as usize) as u64;
        let place = Place { bucket, key: format!("{pass}-{number}") };
        match self.random(100) {
            0..25 => self.read(gateway, &place, Method::GET).await.map(drop),
            25..35 => self.read(gateway, &place, Method::HEAD).await.map(drop),
            35..52 => self.put(gateway, &place).await,
            52..57 => self.delete(gateway, &place).await,
            57..60 => self.delete_several(gateway, bucket, pass).await,
            60..68 => self.create(gateway, &place).await,
            68..76 => self.replace(gateway, &Place { key: format!("{pass}-{}", number & !1), ..place }).await,
            76..80 => self.take(gateway, bucket, pass, number & !1).await,
            80..88 => {
                self.copy(gateway, &place, &Place { key: format!("{pass}-{}", number | 1), ..place.clone() }).await
            }
            88..96 => self.upload(gateway, &place).await,
            _ => self.list(gateway, bucket, pass).await,
        }
    }

    /// GET or HEAD: the value and its ETag.
    async fn read(&self, gateway: usize, place: &Place, method: Method) -> Result<Option<(Value, String)>> {
        let name = if method == Method::GET { "GET" } else { "HEAD" };
        let whole = method == Method::GET;
        let invoked = self.world.history.now();
        let Ok(reply) = self.gateways[gateway].on(method, place.bucket, &place.key).send().await else {
            return Ok(None);
        };
        let found = match reply.status {
            404 => None,
            200 => Some(self.found(&reply, whole).with_context(|| format!("{name} {}", place.name()))?),
            500.. => {
                tokio::time::sleep(PAUSE).await;
                return Ok(None);
            }
            _ => bail!("{:?}", reply.ok()),
        };
        self.record(name, place, Effect::Read(found.as_ref().map(|(value, _)| *value)), invoked);
        Ok(found)
    }

    /// What a reply shows: metadata, ETag, length and content must be those of one write.
    fn found(&self, reply: &Reply, whole: bool) -> Result<(Value, String)> {
        let value = reply.header("x-amz-meta-value").parse().context("it has no value")?;
        let of_etag = self.world.value_of(&reply.etag())?;
        let expected = content(of_etag);
        ensure!(!whole || reply.body == expected, "the content is not that of its ETag, of value {of_etag}");
        let length: usize = reply.header("content-length").parse()?;
        ensure!(length == expected.len(), "{length} bytes instead of {}", expected.len());
        if value != of_etag {
            self.world.check_copy(value, of_etag)?;
        }
        Ok((value, reply.etag()))
    }

    async fn put(&self, gateway: usize, place: &Place) -> Result<()> {
        let (value, content) = self.world.new_content();
        let request = self.on(gateway, Method::PUT, place).header("x-amz-meta-value", value.to_string()).body(content);
        self.write(gateway, Write { name: "PUT", place, effect: Effect::Write(Some(value)) }, request).await
    }

    async fn delete(&self, gateway: usize, place: &Place) -> Result<()> {
        self.write(
            gateway,
            Write { name: "DELETE", place, effect: Effect::Write(None) },
            self.on(gateway, Method::DELETE, place),
        )
        .await
    }

    /// DeleteObjects: each key is an operation of its own.
    async fn delete_several(&mut self, gateway: usize, bucket: &'static str, pass: u64) -> Result<()> {
        let first = self.random(KEYS as usize) as u64;
        let keys = (0..3).map(|number| format!("{pass}-{}", (first + number) % KEYS));
        let places: Vec<_> = keys.map(|key| Place { bucket, key }).collect();
        let objects: String = places.iter().map(|it| format!("<Object><Key>{}</Key></Object>", it.key)).collect();
        let list = format!("<Delete>{objects}</Delete>");
        let request = self.gateways[gateway].request(Method::POST, format!("/{bucket}")).query("delete", "");
        let digest = STANDARD.encode(Md5::digest(&list));
        let invoked = self.world.history.now();
        let reply = request.header("content-md5", digest).body(list).send().await;
        let deleted = match &reply {
            Ok(reply) if reply.status == 200 && reply.code().is_none() => reply.texts_of("Key"),
            _ => Vec::new(),
        };
        for place in &places {
            let what = Write { name: "DELETE (several)", place, effect: Effect::Write(None) };
            if deleted.contains(&place.key) {
                self.record(what.name, place, what.effect, invoked);
                continue;
            }
            let ended = reply.as_ref().map(Reply::clone).map_err(|error| anyhow::anyhow!("{error:#}"));
            self.not_acknowledged(gateway, what, invoked, ended).await?;
        }
        Ok(())
    }

    /// Removes what it finds if that is still there: deletes it, or gives it the name beside its own.
    async fn take(&mut self, gateway: usize, bucket: &'static str, pass: u64, number: u64) -> Result<()> {
        let place = Place { bucket, key: format!("{pass}-{number}") };
        let Some((value, etag)) = self.read(gateway, &place, Method::GET).await? else { return Ok(()) };
        if bucket != RENAMES || self.random(2) == 0 {
            let request = self.on(gateway, Method::DELETE, &place).header("if-match", etag);
            let what = Write { name: "DELETE (If-Match)", place: &place, effect: Effect::Take(value) };
            return self.write(gateway, what, request).await;
        }
        let target = Place { key: format!("{pass}-{}", number + 1), ..place.clone() };
        let source = Write { name: "RENAME (source)", place: &place, effect: Effect::Take(value) };
        let target = Write { name: "RENAME (target)", place: &target, effect: Effect::Write(Some(value)) };
        let request = self.on(gateway, Method::PUT, target.place).query("renameObject", "");
        let request = request.header("x-amz-rename-source", &source.place.key);
        let invoked = self.world.history.now();
        let reply = request.header("x-amz-rename-source-if-match", etag).send().await;
        match &reply {
            Ok(reply) if reply.status == 200 => {
                self.record(source.name, source.place, source.effect, invoked);
                self.record(target.name, target.place, target.effect, invoked);
            }
            Ok(reply) if reply.status == 412 => {
                self.record(source.name, source.place, Effect::ReadNot(Some(value)), invoked);
            }
            Ok(reply) if reply.status == 404 => {
                self.record(source.name, source.place, Effect::Read(None), invoked);
            }
            _ => {
                let ended = reply.as_ref().map(Reply::clone).map_err(|error| anyhow::anyhow!("{error:#}"));
                self.not_acknowledged(gateway, source, invoked, ended).await?;
                self.not_acknowledged(gateway, target, invoked, reply).await?;
            }
        }
        Ok(())
    }

    async fn create(&self, gateway: usize, place: &Place) -> Result<()> {
        let (value, content) = self.world.new_content();
        let request = self.on(gateway, Method::PUT, place).header("x-amz-meta-value", value.to_string());
        let request = request.header("if-none-match", "*").body(content);
        self.write(
            gateway,
            Write { name: "PUT (If-None-Match)", place, effect: Effect::Swap { from: None, to: value } },
            request,
        )
        .await
    }

    /// Replaces what it finds, and now and then what is not there.
    async fn replace(&mut self, gateway: usize, place: &Place) -> Result<()> {
        let found = self.read(gateway, place, Method::GET).await?;
        let (from, etag) = found.unwrap_or_else(|| (Value::MAX, ETAG_OF_NOBODY.into()));
        let (value, content) = self.world.new_content();
        let request = self.on(gateway, Method::PUT, place).header("x-amz-meta-value", value.to_string());
        let request = request.header("if-match", etag).body(content);
        self.write(
            gateway,
            Write { name: "PUT (If-Match)", place, effect: Effect::Swap { from: Some(from), to: value } },
            request,
        )
        .await
    }

    async fn upload(&mut self, gateway: usize, place: &Place) -> Result<()> {
        let (value, content) = self.world.new_content();
        let (s3, Place { bucket, key }) = (&self.gateways[gateway], place);
        let etag_of_parts = Md5::digest(Md5::digest(&content));
        self.world.remember(format!("\"{}-1\"", hex::encode(etag_of_parts)), value);
        let create =
            s3.on(Method::POST, bucket, key).query("uploads", "").header("x-amz-meta-value", value.to_string());
        // Whatever goes wrong before the upload is completed has no effect on the key.
        let Ok(Ok(upload)) = create.send().await.map(|reply| reply.text_of("UploadId")) else { return Ok(()) };
        let Ok(etag) = s3.put_part(bucket, key, &upload, 1, content.into()).await else { return Ok(()) };
        let is_aborted = value.is_multiple_of(7);
        if is_aborted {
            // Nor has one that is given up, whether or not that is acknowledged.
            let _ = s3.on(Method::DELETE, bucket, key).query("uploadId", upload).send().await;
            return Ok(());
        }
        let list = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        );
        let request = s3.on(Method::POST, bucket, key).query("uploadId", upload).body(list);
        if value.is_multiple_of(2) {
            return self
                .write(
                    gateway,
                    Write { name: "CompleteMultipartUpload", place, effect: Effect::Write(Some(value)) },
                    request,
                )
                .await;
        }
        let effect = Effect::Swap { from: None, to: value };
        let request = request.header("if-none-match", "*");
        self.write(gateway, Write { name: "CompleteMultipartUpload (If-None-Match)", place, effect }, request).await
    }

    async fn copy(&self, gateway: usize, near: &Place, target: &Place) -> Result<()> {
        let number: u64 = target.key.rsplit('-').next().unwrap_or_default().parse()?;
        let pass = target.key.split('-').next().unwrap_or_default();
        let source = Place { bucket: near.bucket, key: format!("{pass}-{}", number - 1) };
        let value = self.world.history.new_value();
        let invoked = self.world.history.now();
        let copied = Copied { client: self.id, source: source.name(), invoked, content: None };
        self.world.copy_began(value, copied);
        let request = self.on(gateway, Method::PUT, target).header("x-amz-copy-source", source.name());
        let request =
            request.header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-value", value.to_string());
        let reply = request.send().await;
        match &reply {
            Ok(reply) if reply.status == 200 && reply.code().is_none() => {
                let content = self.world.value_of(&reply.text_of("ETag")?)?;
                self.record("COPY (target)", target, Effect::Write(Some(value)), invoked);
                self.world.check_copy(value, content)?;
            }
            Ok(reply) if reply.status == 404 => self.record("COPY (source)", &source, Effect::Read(None), invoked),
            _ => {
                let what = Write { name: "COPY (target)", place: target, effect: Effect::Write(Some(value)) };
                self.not_acknowledged(gateway, what, invoked, reply).await?;
            }
        }
        Ok(())
    }

    /// The pages of a listing, each with three keys, or one with all.
    async fn list(&self, gateway: usize, bucket: &'static str, pass: u64) -> Result<()> {
        let (s3, invoked) = (&self.gateways[gateway], self.world.history.now());
        let (mut listed, mut token) = (Vec::new(), None);
        loop {
            let request = s3.request(Method::GET, format!("/{bucket}")).query("list-type", "2");
            let request = request.query("prefix", format!("{pass}-"));
            let request = if self.id.is_multiple_of(2) { request.query("max-keys", "3") } else { request };
            let request = match &token {
                Some(token) => request.query("continuation-token", token),
                None => request,
            };
            let Ok(reply) = request.send().await else { return Ok(()) };
            if reply.status >= 500 {
                return Ok(());
            }
            let reply = reply.ok()?;
            listed.extend(reply.texts_of("Key").into_iter().zip(reply.texts_of("ETag")));
            token = reply.text_of("NextContinuationToken").ok();
            if token.is_none() {
                break;
            }
        }
        ensure!(listed.is_sorted_by(|(one, _), (other, _)| one < other), "keys out of order: {listed:?}");
        let listed: HashMap<_, _> = listed.into_iter().collect();
        for number in 0..KEYS {
            let place = Place { bucket, key: format!("{pass}-{number}") };
            let effect = match listed.get(&place.key) {
                None => Effect::Read(None),
                // A copy has the ETag of its source.
                Some(_) if number % 2 == 1 => Effect::ReadOther(None),
                Some(etag) => Effect::Read(Some(self.world.value_of(etag)?)),
            };
            self.record("LIST", &place, effect, invoked);
        }
        Ok(())
    }

    /// Sends a write and records what became of it.
    async fn write(&self, sent_to: usize, what: Write<'_>, request: Request<'_>) -> Result<()> {
        let Write { name, place, effect } = what;
        let invoked = self.world.history.now();
        let reply = request.send().await;
        match (&reply, effect) {
            (Ok(reply), _) if (200..300).contains(&reply.status) && reply.code().is_none() => {
                self.record(name, place, effect, invoked);
                self.remember_version(place, reply, effect);
            }
            // Which is a read: the condition did not hold.
            (Ok(reply), Effect::Swap { from, .. }) if reply.status == 412 => {
                self.record(name, place, Effect::ReadOther(from), invoked);
            }
            (Ok(reply), Effect::Take(value)) if reply.status == 412 => {
                self.record(name, place, Effect::ReadNot(Some(value)), invoked);
            }
            (Ok(reply), Effect::Swap { from: Some(_), .. } | Effect::Take(_)) if reply.status == 404 => {
                self.record(name, place, Effect::Read(None), invoked);
            }
            _ => self.not_acknowledged(sent_to, what, invoked, reply).await?,
        }
        Ok(())
    }

    /// Records a write that was refused, or of which nobody knows how it ended.
    async fn not_acknowledged(
        &self,
        sent_to: usize,
        what: Write<'_>,
        invoked: Duration,
        reply: Result<Reply>,
    ) -> Result<()> {
        let Write { name, place, effect } = what;
        let is_refused = reply.as_ref().is_ok_and(|reply| reply.status >= 500);
        let ending = match reply {
            Ok(reply) if reply.status == 409 => Ending::Refused(self.world.history.now()),
            Ok(reply) if reply.status >= 500 || reply.status == 200 => Ending::Unknown,
            Ok(reply) => bail!("{name} {}: {:?}", place.name(), reply),
            Err(error) if was_never_sent(&error) => return Ok(()),
            Err(_) => Ending::Unknown,
        };
        let operation = Operation { client: self.id, name, key: place.name(), effect, invoked, ending };
        match ending {
            Ending::Unknown => self.world.not_known(sent_to, operation),
            _ => self.world.history.add(operation),
        }
        if is_refused {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn record(&self, name: &'static str, place: &Place, effect: Effect, invoked: Duration) {
        let ending = Ending::Done(self.world.history.now());
        self.world.history.add(Operation { client: self.id, name, key: place.name(), effect, invoked, ending });
        self.world.answered.fetch_add(1, Ordering::Relaxed);
    }

    fn remember_version(&self, place: &Place, reply: &Reply, effect: Effect) {
        let id = reply.header("x-amz-version-id");
        let (Effect::Write(Some(value)) | Effect::Swap { to: value, .. }) = effect else { return };
        if !id.is_empty() {
            self.world.versions.lock().unwrap().push((place.key.clone(), id.to_owned(), value));
        }
    }

    fn on(&self, gateway: usize, method: Method, place: &Place) -> Request<'_> {
        self.gateways[gateway].on(method, place.bucket, &place.key)
    }

    /// A number below `end`, of a sequence of its own.
    fn random(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 33) as usize % end
    }
}

impl Place {
    fn name(&self) -> String {
        format!("{}/{}", self.bucket, self.key)
    }
}

fn was_never_sent(error: &anyhow::Error) -> bool {
    let refused = |cause: &io::Error| cause.kind() == io::ErrorKind::ConnectionRefused;
    error.chain().filter_map(|cause| cause.downcast_ref()).any(refused)
}
