//! The operations: one file for each group, each of which exports its rows of the route table.

mod accelerate;
mod acl;
mod append;
mod attributes;
mod bucket_tagging;
mod buckets;
mod complete;
mod configuration;
mod copy;
mod cors;
mod defaults;
mod delete;
mod encryption;
mod inventory;
mod lifecycle;
mod list_buckets;
mod list_objects;
mod list_uploads;
mod list_versions;
mod location;
mod logging;
mod notification;
mod object_lock;
mod object_tagging;
mod ownership;
mod parts;
mod policy;
mod post;
mod preflight;
mod public_access;
mod read;
mod rename;
mod request_payment;
mod restore;
mod retention;
mod unsupported;
mod uploads;
mod versioning;
mod website;
mod write;

pub(super) use configuration::{only, optional};
pub use preflight::answer as preflight;
pub use read::read_object;

use super::route::Row;

/// The rows of all groups.
#[must_use]
pub fn rows() -> Vec<Row> {
    let groups = [
        inventory::rows(),
        lifecycle::rows(),
        list_buckets::rows(),
        buckets::rows(),
        location::rows(),
        logging::rows(),
        notification::rows(),
        read::rows(),
        restore::rows(),
        attributes::rows(),
        write::rows(),
        copy::rows(),
        delete::rows(),
        list_objects::rows(),
        list_versions::rows(),
        uploads::rows(),
        parts::rows(),
        complete::rows(),
        list_uploads::rows(),
        cors::rows(),
        bucket_tagging::rows(),
        website::rows(),
        encryption::rows(),
        accelerate::rows(),
        request_payment::rows(),
        acl::rows(),
        policy::rows(),
        public_access::rows(),
        ownership::rows(),
        versioning::rows(),
        object_lock::rows(),
        retention::rows(),
        rename::rows(),
        object_tagging::rows(),
        defaults::rows(),
        post::rows(),
        preflight::rows(),
        unsupported::rows(),
    ];
    groups.into_iter().flatten().collect()
}
