//! The servers of a URL, and which of them takes writes.
//!
//! `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?target_session_attrs=read-write`, as libpq reads it: one of them is the primary,
//! the others are standbys that may take its place. A primary that was cut off while a standby took its place takes writes, too, when it is
//! back, until somebody stops it: of several, the one that was promoted last counts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection as _, Executor, PgConnection, Row};

use crate::metadata::engine::postgres::link::Link;
use crate::metadata::error::{MetadataError, Result};

/// How long one server is waited for: a machine that is gone refuses nothing.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a gateway that starts waits for one that takes writes.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);
/// How much longer than the first one that takes writes the others are waited for.
const OTHERS_WITHIN: Duration = Duration::from_millis(200);
/// How much longer than a standby the others are waited for: it may take their place meanwhile, and is asked again.
const STANDBY_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The servers of a URL, in its order.
#[derive(Clone, Debug)]
pub(super) struct Servers(Vec<PgConnectOptions>);

/// A server that takes writes, until it is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Primary {
    /// HOST:PORT.
    name: String,
    /// When it was started, as it says; only read where there are several.
    started: Option<String>,
    /// The number of its history, which each promotion raises; only read where there are several, and not known by every engine.
    timeline: Option<u32>,
}

impl Primary {
    /// Whether a standby was promoted since: this one was cut off, and what it would commit is lost.
    pub(super) fn was_replaced_before(&self, other: &Self) -> bool {
        self.timeline.zip(other.timeline).is_some_and(|(own, other)| own < other)
    }
}

impl fmt::Display for Primary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// A connection to the server that takes writes.
pub(super) struct Opened {
    pub(super) primary: Primary,
    pub(super) connection: PgConnection,
    /// What it was opened with.
    pub(super) options: PgConnectOptions,
    pub(super) link: Link,
}

impl Servers {
    /// Reads a URL. It may hold a password, so errors do not repeat it.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let unreadable = || MetadataError::Unavailable("the postgres:// URL cannot be read".to_owned());
        let each = split(url)?.into_iter().map(|url| {
            let options = PgConnectOptions::from_str(&url).map_err(|_| unreadable())?;
            Ok(options.application_name("haulout").disable_statement_logging())
        });
        each.collect::<Result<_>>().map(Self)
    }

    /// Whether there is more than one.
    pub(super) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Connects to the one that takes writes, which may only be about to.
    pub(super) async fn open(&self) -> Result<Opened> {
        let deadline = tokio::time::Instant::now() + OPEN_WITHIN;
        loop {
            match self.find().await {
                Ok(opened) => return Ok(opened),
                Err(error) if !self.are_several() || tokio::time::Instant::now() >= deadline => return Err(error),
                Err(error) => tracing::warn!(%error, "no database server takes writes yet; retrying"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks all of them at once: which one takes writes, of several the one that was promoted last.
    pub(super) async fn find(&self) -> Result<Opened> {
        let mut asked: FuturesUnordered<_> = self.0.iter().map(|server| self.ask(server)).collect();
        let (mut found, mut reasons) = (None::<Opened>, Vec::new());
        // Each of them gives up by itself.
        let mut until = tokio::time::Instant::now() + 2 * ANSWER_WITHIN;
        while let Ok(Some(answer)) = tokio::time::timeout_at(until, asked.next()).await {
            let patience = if answer.is_ok() { OTHERS_WITHIN } else { STANDBY_AGAIN_AFTER };
            until = until.min(tokio::time::Instant::now() + patience);
            match answer {
                Ok(opened) if found.as_ref().is_none_or(|found| found.primary.was_replaced_before(&opened.primary)) => {
                    found = Some(opened);
                }
                Ok(_) => {}
                Err(error) => reasons.push(error),
            }
        }
        match found {
            Some(found) => Ok(found),
            None if self.0.len() == 1 && reasons.len() == 1 => Err(reasons.remove(0)),
            None => {
                let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
                let reasons = if reasons.is_empty() { "no answer".to_owned() } else { reasons.join("; ") };
                Err(MetadataError::Unavailable(format!("none of the servers takes writes: {reasons}")))
            }
        }
    }

    async fn ask(&self, server: &PgConnectOptions) -> Result<Opened> {
        let asked = async {
            let (mut connection, link) = Link::connect(server).await?;
            if !takes_writes(&mut connection).await? {
                let _ = connection.close().await;
                return Err(MetadataError::Unavailable(format!("{} takes no writes: a standby", name(server))));
            }
            let (started, timeline) = if self.are_several() {
                (started(&mut connection).await?, timeline(&mut connection).await?)
            } else {
                (None, None)
            };
            let primary = Primary { name: name(server), started, timeline };
            Ok(Opened { primary, connection, options: link.options(server.clone()), link })
        };
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(opened) => opened,
            Err(_) => Err(MetadataError::Unavailable(format!("{} does not answer", name(server)))),
        }
    }
}

/// Whether the server is not a standby, nor set to take no writes.
pub(super) async fn takes_writes(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let text = "SELECT current_setting('transaction_read_only', TRUE)";
    let row = connection.fetch_one(sqlx::raw_sql(text)).await?;
    Ok(row.try_get::<Option<String>, _>(0)?.as_deref() != Some("on"))
}

/// Tells one life of a server from the next: what waits for a reply from the one before waits in vain.
async fn started(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let row = connection.fetch_one(sqlx::raw_sql("SELECT pg_postmaster_start_time()::TEXT")).await?;
    row.try_get(0)
}

/// The first eight of the digits that name the file it writes its log to. None where there is no such file: engines that only speak
/// PostgreSQL have one primary by other means.
async fn timeline(connection: &mut PgConnection) -> Result<Option<u32>, sqlx::Error> {
    let text = "SELECT SUBSTR(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)";
    match connection.fetch_one(sqlx::raw_sql(text)).await {
        Ok(row) => Ok(u32::from_str_radix(row.try_get(0)?, 16).ok()),
        Err(sqlx::Error::Database(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn name(server: &PgConnectOptions) -> String {
    format!("{}:{}", server.get_host(), server.get_port())
}

/// A URL for each host of a URL, without what only libpq knows.
fn split(url: &str) -> Result<Vec<String>> {
    let (rest, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = rest.split_once("://").unwrap_or(("postgres", rest));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let mut parameters = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("target_session_attrs", "any" | "read-write" | "primary")) => {}
            Some(("target_session_attrs", _)) => {
                let reason = "target_session_attrs must be read-write: a gateway writes";
                return Err(MetadataError::Unavailable(reason.to_owned()));
            }
            _ => parameters.push(parameter),
        }
    }
    let query = if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) };
    Ok(hosts.split(',').map(|host| format!("{scheme}://{user}{host}/{database}{query}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(url: &str) -> Vec<(String, u16, String, Option<String>)> {
        let of = |options: &PgConnectOptions| {
            let database = options.get_database().map(str::to_owned);
            (options.get_host().to_owned(), options.get_port(), options.get_username().to_owned(), database)
        };
        Servers::parse(url).unwrap().0.iter().map(of).collect()
    }

    #[test]
    fn each_host_has_the_same_database_user_and_parameters() {
        let one = |host: &str, port| (host.to_owned(), port, "anna".to_owned(), Some("haulout".to_owned()));
        let url = "postgres://anna:secret@one:5433/haulout?sslmode=disable";
        assert_eq!(servers(url), [one("one", 5433)]);
        let url =
            "postgres://anna:se@cret@one,two:5433,[::1]:5434/haulout?target_session_attrs=read-write&sslmode=disable";
        assert_eq!(servers(url), [one("one", 5432), one("two", 5433), one("[::1]", 5434)]);
        assert_eq!(
            split("postgres://one,two?target_session_attrs=primary").unwrap(),
            ["postgres://one/", "postgres://two/"]
        );
        assert_eq!(split("postgresql://u@/db?host=/run/pg&a=b").unwrap(), ["postgresql://u@/db?host=/run/pg&a=b"]);
    }

    #[test]
    fn a_primary_that_was_cut_off_is_told_from_the_one_that_took_its_place() {
        let primary = |timeline| Primary { name: "db1:5432".to_owned(), started: None, timeline };
        assert!(primary(Some(9)).was_replaced_before(&primary(Some(10))));
        for (own, other) in [(Some(9), Some(9)), (Some(10), Some(9)), (None, Some(9)), (Some(9), None)] {
            assert!(!primary(own).was_replaced_before(&primary(other)), "{own:?} {other:?}");
        }
    }

    #[test]
    fn a_url_for_standbys_is_refused() {
        for attributes in ["standby", "read-only", "prefer-standby", ""] {
            let url = format!("postgres://one/haulout?target_session_attrs={attributes}");
            assert!(
                matches!(Servers::parse(&url), Err(MetadataError::Unavailable(text)) if text.contains("read-write"))
            );
        }
        assert!(matches!(Servers::parse("postgres://one:port/db"), Err(MetadataError::Unavailable(_))));
    }
}
