//! Whole slivers, many in one request: proven, written, synced once, then visible.

use std::sync::Arc;

use bytes::Bytes;
use codec::{IncomingSliver, SliverError};

use super::authorize::Caller;
use super::node::Node;
use super::storing::{check_header, not_the_sliver, too_long};
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
    let records: Arc<[Record]> = records.into();
    let slivers = records.iter().map(|record| (record.name, record.bytes.clone())).collect();
    let check = {
        let (caller, records, node_max) = (Arc::clone(caller), Arc::clone(&records), node.settings.sliver_bytes_max);
        let too_long = too_long(node);
        move |number: usize| match records.get(number) {
            Some(record) if record.bytes.len() as u64 > node_max => Err(too_long.clone()),
            Some(record) => prove(&caller, record),
            None => Err(not_the_sliver(SliverError::NotASliver)),
        }
    };
    let publish = async {
        let stored = caller.store.put_all_new(slivers, check).await;
        let kept = records.iter().zip(&stored).filter(|(_, stored)| matches!(stored, Ok(Ok(()))));
        reservation.keep(kept.map(|(record, _)| record.bytes.len() as u64).sum());
        let failures = stored.iter().filter_map(|stored| stored.as_ref().ok()?.as_ref().err());
        failures.for_each(|error| caller.tenant.note(error));
        Ok(stored)
    };
    let stored = caller.tenant.change(publish).await?;
    let answer = |(record, stored): (&Record, Result<Result<(), crate::StoreError>, Failure>)| {
        stored?.map_err(Failure::from).map(|()| receipt(node, caller, record, epoch))
    };
    Ok(BatchReply { slivers: records.iter().zip(stored).map(answer).collect() })
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
