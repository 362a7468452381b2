//! The operations: one file for each group, each of which exports its rows of the route table.

pub(crate) mod access;
pub(crate) mod buckets;
mod defaults;
pub(crate) mod multipart;
pub(crate) mod objects;
mod preflight;
pub(crate) mod settings;
mod unsupported;

pub use objects::read::read_object;
pub use preflight::{answer as preflight, without_bucket as preflight_without_bucket};

use crate::s3::route::Row;

/// The rows of all groups.
#[must_use]
pub fn rows() -> Vec<Row> {
    let groups = [
        settings::named::rows(),
        settings::lifecycle::rows(),
        buckets::list_buckets::rows(),
        buckets::bucket::rows(),
        buckets::location::rows(),
        settings::logging::rows(),
        settings::notification::rows(),
        objects::read::rows(),
        objects::restore::rows(),
        objects::attributes::rows(),
        objects::write::rows(),
        objects::copy::rows(),
        objects::delete::rows(),
        buckets::list_objects::rows(),
        buckets::list_versions::rows(),
        multipart::uploads::rows(),
        multipart::parts::rows(),
        multipart::complete::rows(),
        multipart::list_uploads::rows(),
        settings::cors::rows(),
        settings::tagging::rows(),
        settings::website::rows(),
        settings::encryption::rows(),
        settings::accelerate::rows(),
        settings::abac::rows(),
        settings::resource_tags::rows(),
        settings::request_payment::rows(),
        access::acl::rows(),
        access::policy::rows(),
        access::public_access::rows(),
        access::ownership::rows(),
        settings::versioning::rows(),
        settings::object_lock::rows(),
        objects::retention::rows(),
        objects::rename::rows(),
        objects::tagging::rows(),
        defaults::rows(),
        objects::post::rows(),
        preflight::rows(),
        unsupported::rows(),
    ];
    groups.into_iter().flatten().collect()
}
