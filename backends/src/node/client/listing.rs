//! A node's list, a page after the other.

use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::exchange::Exchange;
use crate::node::protocol::{Call, PAGE_MAX, PageReply};
use crate::{SliverEntry, SliverName, StoreError};

/// All slivers. Each page must go on where the last one ended, so that no node can keep a reader for ever.
pub(super) fn stream(exchange: &Exchange) -> BoxStream<'_, Result<SliverEntry, StoreError>> {
    let pages = stream::try_unfold(Some(None), move |next: Option<Option<SliverName>>| async move {
        let Some(after) = next else { return Ok::<_, StoreError>(None) };
        let reply: PageReply = exchange.ask(&Call::List { after, limit: PAGE_MAX }).await?;
        let entries = ascending(&reply, after)?;
        let last = entries.last().map(|entry| entry.name);
        let next = last.filter(|_| reply.more).map(Some);
        Ok(Some((stream::iter(entries.into_iter().map(Ok)), next)))
    });
    pages.try_flatten().boxed()
}

fn ascending(reply: &PageReply, after: Option<SliverName>) -> Result<Vec<SliverEntry>, StoreError> {
    let wrong = || StoreError::unavailable("the node's list is not in order, or names what is no sliver");
    if reply.slivers.len() > PAGE_MAX as usize {
        return Err(wrong());
    }
    let mut last = after.map(|after| (after.folder(), after));
    let mut entries = Vec::with_capacity(reply.slivers.len());
    for listed in &reply.slivers {
        let name: SliverName = listed.name.parse().map_err(|_| wrong())?;
        let place = Some((name.folder(), name));
        if place <= last {
            return Err(wrong());
        }
        last = place;
        entries.push(SliverEntry { name, len: listed.len });
    }
    Ok(entries)
}
