//! Configurations of which a bucket has several, each with an id: inventories, metrics, storage class analyses, intelligent tiering.

mod analytics;
mod collection;
mod filter;
mod intelligent_tiering;
mod inventory;
mod metrics;

use crate::s3::route::Row;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let groups = [analytics::rows(), intelligent_tiering::rows(), inventory::rows(), metrics::rows()];
    groups.into_iter().flatten().collect()
}
