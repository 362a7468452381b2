//! Server access logs: what is logged where, and the lines as Amazon writes them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use time::macros::format_description;

use crate::domain::{Setting, Timestamp, UserId};

/// What `PutBucketLogging` sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggingConfiguration {
    /// The bucket that takes the logs.
    pub target: String,
    /// What their keys begin with.
    pub prefix: String,
    /// How their keys go on.
    pub format: LogKeyFormat,
}

impl Setting for LoggingConfiguration {
    const KIND: &'static str = "logging";
}

/// `TargetObjectKeyFormat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogKeyFormat {
    /// Nothing was said, which is the simple form.
    Unsaid,
    /// `SimplePrefix`: the time and a unique word.
    Simple,
    /// `PartitionedPrefix` by the time of the events: account, region, bucket and day come first.
    ByEventTime,
    /// The same by the time of delivery.
    ByDeliveryTime,
}

/// One request, as its line shows it. Nothing that is empty is known.
#[derive(Clone, Debug, Default)]
pub struct AccessLine<'a> {
    /// The canonical id of the bucket's owner.
    pub owner: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// When it came, in microseconds.
    pub at: i64,
    /// From which address.
    pub address: &'a str,
    /// Who sent it.
    pub requester: &'a str,
    /// Its name.
    pub request: &'a str,
    /// `REST.GET.OBJECT` and the like.
    pub operation: &'a str,
    /// The key.
    pub key: &'a str,
    /// Method, path and query, and the version of HTTP.
    pub request_line: &'a str,
    /// The status of the reply.
    pub status: u16,
    /// The error's code.
    pub error: &'a str,
    /// Bytes of the reply's body.
    pub sent: Option<u64>,
    /// Milliseconds from the request to the head of the reply.
    pub took_ms: u64,
    /// `Referer`.
    pub referer: &'a str,
    /// `User-Agent`.
    pub agent: &'a str,
    /// `versionId`.
    pub version: &'a str,
    /// The process that answered.
    pub host_id: &'a str,
    /// `SigV4` or `SigV2`.
    pub signature: &'a str,
    /// `AuthHeader` or `QueryString`.
    pub auth: &'a str,
    /// `Host`.
    pub host: &'a str,
    /// It came over TLS.
    pub encrypted: bool,
}

/// What a key has encoded.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// Query parameters whose values are secrets.
const SECRETS: [&str; 4] = ["x-amz-signature", "signature", "x-amz-security-token", "x-amz-credential"];

impl AccessLine<'_> {
    /// The line, with its end.
    #[must_use]
    pub fn text(&self) -> String {
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        format!(
            "{} {} [{}] {} {} {} {} {} {} {} {} {} - {} {} {} {} {} {} {} - {} {} {} - -\n",
            word(self.owner),
            word(self.bucket),
            log_time(self.at),
            word(self.address),
            word(self.requester),
            word(self.request),
            word(self.operation),
            word(&utf8_percent_encode(self.key, KEY).to_string()),
            quoted(&masked(self.request_line)),
            self.status,
            word(self.error),
            number(self.sent.filter(|sent| *sent > 0)),
            self.took_ms,
            self.took_ms,
            quoted(self.referer),
            quoted(self.agent),
            word(self.version),
            word(self.host_id),
            word(self.signature),
            word(self.auth),
            word(self.host),
            if self.encrypted { "TLS" } else { "-" },
        )
    }
}

impl LoggingConfiguration {
    /// The key of a log that is delivered now; `account` is the owner of the bucket, `unique` tells logs of one second apart.
    #[must_use]
    pub fn key(&self, account: UserId, region: &str, bucket: &str, now: Timestamp, unique: u64) -> String {
        let text = match self.format {
            LogKeyFormat::ByEventTime => now.utc().format(format_description!("[year]-[month]-[day]-00-00-00")),
            _ => now.utc().format(format_description!("[year]-[month]-[day]-[hour]-[minute]-[second]")),
        };
        let text = text.expect("it has a date and a time of day");
        let (name, folder) =
            (format!("{text}-{unique:016X}"), now.utc().date().format(format_description!("[year]/[month]/[day]")));
        let folder = folder.expect("it is a date");
        match self.format {
            LogKeyFormat::Unsaid | LogKeyFormat::Simple => format!("{}{name}", self.prefix),
            LogKeyFormat::ByEventTime | LogKeyFormat::ByDeliveryTime => {
                format!("{}{}/{region}/{bucket}/{folder}/{name}", self.prefix, account.0)
            }
        }
    }
}

/// A field without white space, or a dash.
fn word(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

/// A field in quotes, or a dash in quotes. Quotes and control characters inside are encoded.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("%22"),
            c if c.is_control() => out.push('_'),
            c => out.push(c),
        }
    }
    if text.is_empty() {
        out.push('-');
    }
    out.push('"');
    out
}

/// A request line without the secrets of a presigned URL.
fn masked(line: &str) -> String {
    let Some((path, rest)) = line.split_once('?') else { return line.to_owned() };
    let (query, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
    let shown: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if SECRETS.contains(&name.to_ascii_lowercase().as_str()) => format!("{name}=XXXX"),
            _ => pair.to_owned(),
        })
        .collect();
    let end = if version.is_empty() { String::new() } else { format!(" {version}") };
    format!("{path}?{}{end}", shown.join("&"))
}

/// `06/Feb/2019:00:00:38 +0000`.
fn log_time(at: i64) -> String {
    let format = format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    Timestamp(at).utc().format(format).expect("it has a date and a time of day")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_amazons_fields_and_no_secrets() {
        let line = AccessLine {
            owner: "owner",
            bucket: "photos",
            at: 1_549_411_238_000_000,
            address: "10.0.0.1",
            requester: "ann smith",
            request: "R1",
            operation: "REST.GET.OBJECT",
            key: "a b/é",
            request_line: "GET /photos/a%20b?versionId=3&X-Amz-Signature=abc&X-Amz-Credential=AK%2F HTTP/1.1",
            status: 200,
            sent: Some(7),
            took_ms: 3,
            agent: "curl \"x\"\n",
            signature: "SigV4",
            auth: "QueryString",
            host: "h:9000",
            ..AccessLine::default()
        };
        assert_eq!(
            line.text(),
            "owner photos [06/Feb/2019:00:00:38 +0000] 10.0.0.1 ann_smith R1 REST.GET.OBJECT a%20b/%C3%A9 \
             \"GET /photos/a%20b?versionId=3&X-Amz-Signature=XXXX&X-Amz-Credential=XXXX HTTP/1.1\" 200 - 7 - 3 3 \"-\" \
             \"curl %22x%22_\" - - SigV4 - QueryString h:9000 - - -\n"
        );
    }

    #[test]
    fn keys_follow_their_format() {
        let key = |format| {
            let logging = LoggingConfiguration { target: "t".to_owned(), prefix: "logs/".to_owned(), format };
            logging.key(UserId(1), "eu", "b", Timestamp(1_549_411_238_000_000), 10)
        };
        assert_eq!(key(LogKeyFormat::Unsaid), "logs/2019-02-06-00-00-38-000000000000000A");
        assert_eq!(key(LogKeyFormat::ByDeliveryTime), "logs/1/eu/b/2019/02/06/2019-02-06-00-00-38-000000000000000A");
        assert_eq!(key(LogKeyFormat::ByEventTime), "logs/1/eu/b/2019/02/06/2019-02-06-00-00-00-000000000000000A");
    }
}
