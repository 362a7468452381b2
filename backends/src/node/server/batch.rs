//! Whole slivers, many in one request: proven, written, synced once, then visible.

use std::sync::Arc;

use bytes::Bytes;
use codec::{IncomingSliver, SliverError};

use super::authorize::Caller;
use super::node::Node;
use super::storing::{check_header, not_the_sliver, refuse_stored, too_long};
use crate::node::protocol::{BatchReply, Failure, FailureCode, Receipt, Record, SignedReceipt, parse_records};

/// Stores the slivers of a body; each gets its receipt or its own refusal.
///
/// # Errors
/// The body is no batch, or the store cannot be used at all.
pub(super) async fn store(node: &Node, caller: &Arc<Caller>, epoch: u64, body: Bytes) -> Result<BatchReply, Failure> {
    let malformed =
        |error: crate::node::protocol::RecordsError| Failure::new(FailureCode::Malformed, error.to_string());
    let records = parse_records(body).map_err(malformed)?;
    let total = records.iter().map(|record| record.bytes.len() as u64).sum();
    caller.tenant.charge(total, node.settings.day_bytes_max)?;
    caller.tenant.used(&caller.store).await?;
    let reservation = caller.tenant.usage.reserve(total)?;
    let checked = check(caller, records).await?;
    let mut answers = Vec::with_capacity(checked.len());
    let mut slivers = Vec::new();
    for (record, checked) in &checked {
        let checked = match checked {
            Ok(()) if record.bytes.len() as u64 > node.settings.sliver_bytes_max => Err(too_long(node)),
            Ok(()) => refuse_stored(caller, &record.name).await,
            Err(failure) => Err(failure.clone()),
        };
        if checked.is_ok() {
            slivers.push((record.name, vec![record.bytes.clone()]));
        }
        answers.push(checked);
    }
    let publish = async {
        let stored = caller.store.put_all(slivers.clone()).await;
        let sum = |(_, parts): &(_, Vec<Bytes>)| parts.iter().map(|part| part.len() as u64).sum::<u64>();
        let kept =
            slivers.iter().zip(&stored).filter(|(_, stored)| stored.is_ok()).map(|(sliver, _)| sum(sliver)).sum();
        reservation.keep(kept);
        stored.iter().filter_map(|stored| stored.as_ref().err()).for_each(|error| caller.tenant.note(error));
        Ok(stored)
    };
    let mut stored = caller.tenant.change(publish).await?.into_iter();
    let mut replies = Vec::with_capacity(answers.len());
    for ((record, _), answer) in checked.iter().zip(answers) {
        let missing = || Err(crate::StoreError::unavailable("the sliver was not written"));
        let answer = answer.and_then(|()| stored.next().unwrap_or_else(missing).map_err(Failure::from));
        replies.push(answer.map(|()| receipt(node, caller, record, epoch)));
    }
    Ok(BatchReply { slivers: replies })
}

/// Proves each sliver, on a thread that may compute.
async fn check(caller: &Arc<Caller>, records: Vec<Record>) -> Result<Vec<(Record, Result<(), Failure>)>, Failure> {
    let caller = Arc::clone(caller);
    let work = move || {
        let check = |record: Record| {
            let checked = prove(&caller, &record);
            (record, checked)
        };
        records.into_iter().map(check).collect()
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::new(FailureCode::Unavailable, error.to_string()))
}

fn prove(caller: &Caller, record: &Record) -> Result<(), Failure> {
    let mut sliver = IncomingSliver::default();
    let header = sliver.push(&record.bytes).map_err(not_the_sliver)?;
    check_header(header.ok_or_else(|| not_the_sliver(SliverError::NotASliver))?, caller, &record.name)?;
    let settled = sliver.settle(|range| {
        let place =
            usize::try_from(range.start).unwrap_or(usize::MAX)..usize::try_from(range.end).unwrap_or(usize::MAX);
        record.bytes.get(place).map(<[u8]>::to_vec).ok_or(SliverError::NotASliver)
    });
    if settled.map_err(not_the_sliver)?.root == record.root { Ok(()) } else { Err(not_the_sliver(SliverError::Root)) }
}

fn receipt(node: &Node, caller: &Caller, record: &Record, epoch: u64) -> SignedReceipt {
    let nonce = (caller.authorization.session, caller.authorization.counter);
    let (cluster, name, root) = (caller.tenant.cluster(), record.name, record.root);
    let len = record.bytes.len() as u64;
    Receipt { cluster, node: node.key.public(), name, root, len, epoch, nonce }.sign(&node.key)
}
