//! `PutBucketMetricsConfiguration` and its sisters: which requests a client wants counted. They are stored and shown. What a
//! gateway counts, it counts for its operator and by bucket, whatever is configured here.

use serde::{Deserialize, Serialize};

use crate::domain::Named;
use crate::s3::documents::xml::{Element, XmlWriter, only};
use crate::s3::error::S3Error;
use crate::s3::ops::settings::named::collection::{self, NamedConfiguration, id_of};
use crate::s3::ops::settings::named::filter::Filter;
use crate::s3::route::Row;

/// What `PutBucketMetricsConfiguration` sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Metrics {
    id: String,
    filter: Option<Filter>,
}

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    collection::rows::<Metrics>(
        [
            "PutBucketMetricsConfiguration",
            "GetBucketMetricsConfiguration",
            "DeleteBucketMetricsConfiguration",
            "ListBucketMetricsConfigurations",
        ],
        ["s3:PutMetricsConfiguration", "s3:GetMetricsConfiguration"],
    )
}

impl Named for Metrics {
    const KIND: &'static str = "metrics";

    fn id(&self) -> &str {
        &self.id
    }
}

impl NamedConfiguration for Metrics {
    const ROOT: &'static str = "MetricsConfiguration";
    const LIST_ROOT: &'static str = "ListMetricsConfigurationsResult";
    const PARAMETER: &'static str = "metrics";

    fn read(root: &Element) -> Result<Self, S3Error> {
        only(root, &["Id", "Filter"])?;
        Ok(Self { id: id_of(root)?, filter: Filter::read(root)? })
    }

    fn write(&self, writer: &mut XmlWriter) {
        writer.text("Id", &self.id);
        Filter::write(self.filter.as_ref(), writer);
    }
}
