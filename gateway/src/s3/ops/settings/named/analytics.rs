//! `PutBucketAnalyticsConfiguration` and its sisters: which objects a client wants its storage class analysis of. They are
//! stored and shown; nothing is analysed.

use serde::{Deserialize, Serialize};

use crate::domain::{Named, bucket_arn};
use crate::s3::documents::xml::{Element, XmlWriter, only, optional};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::named::collection::{self, NamedConfiguration, bucket_of_arn, id_of};
use crate::s3::ops::settings::named::filter::Filter;
use crate::s3::route::Row;

/// What `PutBucketAnalyticsConfiguration` sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Analytics {
    id: String,
    filter: Option<Filter>,
    export: Option<Export>,
}

/// Where the results would go, as CSV.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Export {
    bucket: String,
    account: Option<String>,
    prefix: Option<String>,
}

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    collection::rows::<Analytics>(
        [
            "PutBucketAnalyticsConfiguration",
            "GetBucketAnalyticsConfiguration",
            "DeleteBucketAnalyticsConfiguration",
            "ListBucketAnalyticsConfigurations",
        ],
        ["s3:PutAnalyticsConfiguration", "s3:GetAnalyticsConfiguration"],
    )
}

impl Named for Analytics {
    const KIND: &'static str = "analytics";

    fn id(&self) -> &str {
        &self.id
    }
}

impl NamedConfiguration for Analytics {
    const ROOT: &'static str = "AnalyticsConfiguration";
    const LIST_ROOT: &'static str = "ListBucketAnalyticsConfigurationResult";
    const PARAMETER: &'static str = "analytics";

    fn read(root: &Element) -> Result<Self, S3Error> {
        only(root, &["Id", "Filter", "StorageClassAnalysis"])?;
        let analysis = root.child("StorageClassAnalysis").ok_or(Code::MalformedXML)?;
        only(analysis, &["DataExport"])?;
        let export = analysis.child("DataExport").map(Export::read).transpose()?;
        Ok(Self { id: id_of(root)?, filter: Filter::read(root)?, export })
    }

    fn write(&self, writer: &mut XmlWriter) {
        writer.text("Id", &self.id);
        Filter::write(self.filter.as_ref(), writer);
        writer.open("StorageClassAnalysis");
        if let Some(export) = &self.export {
            export.write(writer);
        }
        writer.close("StorageClassAnalysis");
    }

    fn destination(&self) -> Option<&str> {
        self.export.as_ref().map(|export| export.bucket.as_str())
    }
}

impl Export {
    fn read(element: &Element) -> Result<Self, S3Error> {
        only(element, &["OutputSchemaVersion", "Destination"])?;
        let destination = element.child("Destination").and_then(|outer| outer.child("S3BucketDestination"));
        let destination = destination.ok_or(Code::MalformedXML)?;
        only(destination, &["Format", "BucketAccountId", "Bucket", "Prefix"])?;
        if element.text_of("OutputSchemaVersion") != Some("V_1") || destination.text_of("Format") != Some("CSV") {
            return Err(Code::MalformedXML.into());
        }
        Ok(Self {
            bucket: bucket_of_arn(&optional(destination, "Bucket")?.ok_or(Code::MalformedXML)?)?,
            account: optional(destination, "BucketAccountId")?,
            prefix: optional(destination, "Prefix")?,
        })
    }

    fn write(&self, writer: &mut XmlWriter) {
        writer.open("DataExport").text("OutputSchemaVersion", "V_1").open("Destination").open("S3BucketDestination");
        writer.text("Format", "CSV").maybe("BucketAccountId", self.account.as_deref());
        writer.text("Bucket", &bucket_arn(&self.bucket)).maybe("Prefix", self.prefix.as_deref());
        writer.close("S3BucketDestination").close("Destination").close("DataExport");
    }
}
