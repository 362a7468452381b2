//! The operations that are neither streamed in nor batched.

use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Response, StatusCode};

use super::authorize::Caller;
use super::body::{ReplyBody, content, json, keep, streamed};

use super::files::record_log::Deletion;
use super::node::Node;
use crate::directory::DirectoryStore;
use crate::marker::MARKER_BYTES_MAX;
use crate::node::protocol::{
    Failure, FailureCode, FormatRequest, LengthReply, ListedSliver, PageReply, PulseReply, SpaceReply, SweepReply,
};
use crate::{SliverName, SliverStore as _, StoreError};

/// A reply to a request.
pub(super) type Reply = Result<Response<ReplyBody>, Failure>;

/// Bytes of a range that are read in one step, and so the memory it takes.
const STEP_BYTES: u64 = 1 << 20;

/// Below this part of the quota a store counts as short of space, at most [`SHORT_BYTES`].
const SHORT_PART: u64 = 20;
const SHORT_BYTES: u64 = 64 << 20;

pub(super) async fn read(node: &Node, caller: &Caller, name: SliverName, range: Range<u64>) -> Reply {
    let len = range.end.saturating_sub(range.start);
    caller.tenant.charge(len, node.settings.day_bytes_max)?;
    // For each step until it was sent: the reply holds no more than one.
    let held = caller.tenant.share.hold(&node.held_bytes, len.min(STEP_BYTES)).await?;
    if len <= STEP_BYTES {
        let read = caller.store.read(&name, range).await?.freeze();
        return Ok(content(read).map(|body| keep(body, held)));
    }
    // What can be refused is refused before the head of the reply.
    if caller.store.len(&name).await? < range.end {
        return Err(StoreError::damaged(format!("it ends before byte {}", range.end)).into());
    }
    let first = caller.store.read(&name, range.start..range.start + STEP_BYTES).await?.freeze();
    let rest = range.start + STEP_BYTES..range.end;
    let steps = futures::stream::iter([Ok(first)]).chain(steps(caller.store.clone(), name, rest));
    Ok(streamed(len, steps.boxed()).map(|body| keep(body, held)))
}

/// A range, in steps.
fn steps(
    store: DirectoryStore,
    name: SliverName,
    range: Range<u64>,
) -> impl futures::Stream<Item = Result<Bytes, StoreError>> {
    futures::stream::try_unfold((store, range), move |(store, range): (DirectoryStore, Range<u64>)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let end = range.end.min(range.start + STEP_BYTES);
        let read = store.read(&name, range.start..end).await?.freeze();
        Ok(Some((read, (store, end..range.end))))
    })
}

pub(super) async fn length(caller: &Caller, name: SliverName) -> Reply {
    Ok(json(StatusCode::OK, &LengthReply { len: caller.store.len(&name).await? }))
}

/// Records the deletion, then moves the sliver to the trash. One that is absent is not recorded: else whoever may delete could push what
/// is recorded out of the log with names that never were.
pub(super) async fn delete(caller: &Caller, name: SliverName) -> Reply {
    caller.tenant.used(&caller.store).await?;
    if caller.store.len(&name).await == Err(StoreError::NotFound) {
        return Ok(json(StatusCode::OK, &serde_json::json!({})));
    }
    let (gateway, text, signature) = (caller.gateway, caller.text.clone(), caller.authorization.signature);
    caller.tenant.deletions.append(&[Deletion { gateway, text, signature }]).await?;
    let trash = async {
        if let Some(bytes) = caller.store.retain(&name).await? {
            caller.tenant.usage.trashed(bytes);
        }
        Ok(())
    };
    caller.tenant.change(trash).await?;
    Ok(json(StatusCode::OK, &serde_json::json!({})))
}

pub(super) async fn list(caller: &Caller, after: Option<SliverName>, limit: u32) -> Reply {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = caller.store.page(after, limit).await?;
    let listed = page.iter().map(|entry| ListedSliver { name: entry.name.to_string(), len: entry.len });
    Ok(json(StatusCode::OK, &PageReply { slivers: listed.collect(), more: page.len() == limit }))
}

/// Empties old trash. What the node's operator keeps is kept, whatever is asked for.
pub(super) async fn sweep(node: &Node, caller: &Caller, seconds: u64) -> Reply {
    caller.tenant.used(&caller.store).await?;
    let trash_seconds = seconds.max(node.settings.trash_min_seconds);
    let sweep = async {
        let swept = caller.store.sweep_counted(trash_seconds).await?;
        caller.tenant.usage.swept(swept.trash_bytes);
        Ok(swept)
    };
    let swept = caller.tenant.change(sweep).await?;
    Ok(json(StatusCode::OK, &SweepReply { removed: swept.files, trash_seconds }))
}

pub(super) async fn space(node: &Node, caller: &Caller) -> Reply {
    let seen = caller.store.probe().await?;
    let used = caller.tenant.used(&caller.store).await?;
    let free_bytes = seen.free_bytes.unwrap_or(u64::MAX).min(used.free);
    let is_short = seen.is_short || used.free < SHORT_BYTES.min(used.quota / SHORT_PART);
    let reply = SpaceReply {
        free_bytes,
        is_short,
        live_bytes: used.live,
        trash_bytes: used.trash,
        quota_bytes: used.quota,
        day_bytes_left: caller.tenant.day_bytes_left(node.settings.day_bytes_max),
    };
    Ok(json(StatusCode::OK, &reply))
}

pub(super) async fn pulse(caller: &Caller) -> Reply {
    let pulse = caller.store.pulse().await?;
    let reply = PulseReply { generation: pulse.generation, heartbeat: pulse.heartbeat.map(hex::encode) };
    Ok(json(StatusCode::OK, &reply))
}

pub(super) async fn beat(caller: &Caller, heartbeat: Bytes) -> Reply {
    if heartbeat.len() as u64 > MARKER_BYTES_MAX {
        return Err(Failure::new(FailureCode::TooLarge, "a heartbeat of more than 64 KiB"));
    }
    caller.store.beat(heartbeat).await?;
    Ok(json(StatusCode::OK, &serde_json::json!({})))
}

/// Formats the cluster's store, or gives it another generation.
pub(super) async fn format(node: &Node, caller: &Caller, body: &[u8]) -> Reply {
    let malformed = |error: serde_json::Error| Failure::new(FailureCode::Malformed, error.to_string());
    let request: FormatRequest = serde_json::from_slice(body).map_err(malformed)?;
    node.check_data()?;
    match request.generation {
        None => caller.store.format().await?,
        Some(generation) => {
            caller.store.accept(generation).await?;
            // An accepted replacement may have other content.
            caller.tenant.usage.forget();
        }
    }
    Ok(json(StatusCode::OK, &serde_json::json!({})))
}
