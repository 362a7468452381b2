//! Changes are told to webhooks: at least once, in order for each key, never to addresses inside unless that is allowed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use harness::{S3, Settings, TestGateway, on_both, on_sqlite};
use http::Method;
use md5::Digest;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

on_both!(changes_are_told_in_order_and_again_after_a_refusal);
on_sqlite!(no_address_inside_is_told_unless_that_is_allowed, a_target_that_is_away_is_told_after_a_restart);

/// A webhook that keeps what it is told, and refuses the first few.
struct Receiver {
    address: SocketAddr,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    async fn start(refusals: usize) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let told = Arc::new(Mutex::new(Vec::new()));
        let (kept, left) = (told.clone(), Arc::new(Mutex::new(refusals)));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, left) = (kept.clone(), left.clone());
                tokio::spawn(async move {
                    let _ = serve(&mut stream, &kept, &left).await;
                });
            }
        });
        Ok(Self { address, told })
    }

    fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }

    async fn wait_for(&self, events: usize) -> Result<Vec<Value>> {
        for _ in 0..120 {
            if self.told().len() >= events {
                return Ok(self.told());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        bail!("{events} messages were expected: {:?}", self.told());
    }
}

/// One connection: requests with a length, one after the other.
async fn serve(stream: &mut tokio::net::TcpStream, told: &Mutex<Vec<Value>>, left: &Mutex<usize>) -> Result<()> {
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
            let mut left = left.lock().unwrap();
            let refused = *left > 0;
            *left = left.saturating_sub(1);
            refused
        };
        let known = text.contains("authorization: token of the test");
        if !refused && known {
            told.lock().unwrap().push(serde_json::from_slice(&buffer[head + 4..end])?);
        }
        buffer.drain(..end);
        let status = if refused || !known { "503 Service Unavailable" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await?;
    }
}

fn target(settings: Settings, address: SocketAddr, allow_private: bool) -> Settings {
    let url = format!("url = \"http://{address}/hook\"");
    let settings = settings.set("[notification_target]", "name = \"hook\"").set("[notification_target]", &url);
    settings
        .set("[notification_target]", "authorization = \"Token of the test\"")
        .set("[notification_target]", &format!("allow_private = {allow_private}"))
}

async fn configure(s3: &S3, events: &[&str], filter: &str) -> Result<()> {
    let events: String = events.iter().map(|event| format!("<Event>{event}</Event>")).collect();
    let document = format!(
        "<NotificationConfiguration><QueueConfiguration><Id>rule</Id><Queue>arn:haulout:sqs:us-east-1:1:hook</Queue>\
         {events}{filter}</QueueConfiguration></NotificationConfiguration>"
    );
    let digest = base64::engine::general_purpose::STANDARD.encode(md5::Md5::digest(document.as_bytes()));
    let request = s3.on(Method::PUT, "told", "").query("notification", "").header("content-md5", digest);
    request.body(document).send().await?.ok().map(drop)
}

async fn changes_are_told_in_order_and_again_after_a_refusal(gateway: &mut TestGateway) -> Result<()> {
    let receiver = Receiver::start(2).await?;
    gateway.reconfigure(|settings| target(settings, receiver.address, true))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    let filter = "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule></S3Key></Filter>";
    configure(&s3, &["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"], filter).await?;
    let test = &receiver.wait_for(1).await?[0];
    ensure!(test["Event"] == "s3:TestEvent" && test["Bucket"] == "told", "{test}");
    for content in ["one", "two", "three"] {
        s3.put("told", "in/a b", content).await?.ok()?;
    }
    s3.put("told", "out/a", "untold").await?.ok()?;
    s3.delete("told", "in/a b").await?.ok()?;
    let upload = s3.create_upload("told", "in/parts").await?;
    let part = s3.put_part("told", "in/parts", &upload, 1, "part".into()).await?;
    s3.complete("told", "in/parts", &upload, &[(1, part)]).await?.ok()?;
    let told = receiver.wait_for(6).await?;
    let of = |key: &str| -> Vec<&Value> {
        let records = told[1..].iter().filter_map(|message| message["Records"].get(0));
        records.filter(|record| record["s3"]["object"]["key"] == key).collect()
    };
    let names: Vec<_> = of("in/a+b").iter().map(|record| record["eventName"].as_str().unwrap_or_default()).collect();
    let put = "ObjectCreated:Put";
    ensure!(names == [put, put, put, "ObjectRemoved:Delete"], "{names:?}");
    let sizes: Vec<_> = of("in/a+b").iter().map(|record| record["s3"]["object"]["size"].as_u64()).collect();
    ensure!(sizes == [Some(3), Some(3), Some(5), None], "{sizes:?}");
    let order: Vec<_> = of("in/a+b").iter().map(|record| record["s3"]["object"]["sequencer"].to_string()).collect();
    ensure!(order.is_sorted(), "{order:?}");
    ensure!(of("in/parts")[0]["eventName"] == "ObjectCreated:CompleteMultipartUpload");
    ensure!(of("in/parts")[0]["s3"]["configurationId"] == "rule" && of("out/a").is_empty());
    let shown = s3.on(Method::GET, "told", "").query("notification", "").send().await?.ok()?;
    ensure!(String::from_utf8_lossy(&shown.body).contains("<Queue>arn:haulout:sqs:us-east-1:1:hook</Queue>"));
    Ok(())
}

async fn no_address_inside_is_told_unless_that_is_allowed(gateway: &mut TestGateway) -> Result<()> {
    let receiver = Receiver::start(0).await?;
    gateway.reconfigure(|settings| target(settings, receiver.address, false))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    configure(&s3, &["s3:ObjectCreated:*"], "").await?;
    s3.put("told", "key", "content").await?.ok()?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    ensure!(receiver.told().is_empty(), "{:?}", receiver.told());
    ensure!(gateway.log().contains("its address is private"), "it says why");
    ensure!(!gateway.log().contains("Token of the test"), "it keeps the secret");
    Ok(())
}

async fn a_target_that_is_away_is_told_after_a_restart(gateway: &mut TestGateway) -> Result<()> {
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await?;
    let away = nobody.local_addr()?;
    drop(nobody);
    gateway.reconfigure(|settings| target(settings, away, true))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("told").await?;
    configure(&s3, &["s3:ObjectCreated:*"], "").await?;
    s3.put("told", "key", "content").await?.ok()?;
    let receiver = Receiver::start(0).await?;
    gateway.kill();
    gateway.reconfigure(|settings| target(settings, receiver.address, true))?;
    gateway.restart()?;
    let told = receiver.wait_for(2).await?;
    ensure!(told.iter().any(|message| message["Records"][0]["eventName"] == "ObjectCreated:Put"), "{told:?}");
    Ok(())
}
