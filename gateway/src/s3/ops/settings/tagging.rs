//! `PutBucketTagging`, `GetBucketTagging`, `DeleteBucketTagging`.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::domain::{Setting, TagSet};
use crate::s3::documents::tags;
use crate::s3::documents::xml::{Element, XmlWriter};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration::{self, Configuration};
use crate::s3::route::Row;

/// The tags of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketTags(pub(super) Vec<(String, String)>);

impl From<TagSet> for BucketTags {
    fn from(tags: TagSet) -> Self {
        Self(tags.into_pairs())
    }
}

impl Setting for BucketTags {
    const KIND: &'static str = "tagging";
}

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    configuration::rows::<BucketTags>(
        ["PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging"],
        ["s3:PutBucketTagging", "s3:GetBucketTagging", "s3:PutBucketTagging"],
    )
}

impl Configuration for BucketTags {
    const ROOT: &'static str = tags::ROOT;
    const PARAMETER: &'static str = "tagging";
    const MISSING: Code = Code::NoSuchTagSet;
    // Amazon answers so, and fog and boto 2 take nothing else for success.
    const DONE: StatusCode = StatusCode::NO_CONTENT;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn read(root: &Element) -> Result<Self, S3Error> {
        Ok(tags::read(root, TagSet::BUCKET_MAX)?.into())
    }

    fn write(&self, writer: &mut XmlWriter) {
        tags::write(&self.0, writer);
    }
}
