//! Attributes of an object: system headers, user metadata, tags, owner, ACL, encryption, storage class.

use serde::{Deserialize, Serialize};

use crate::domain::encryption::ContentEncryption;
use crate::domain::identity::access_list::AccessList;
use crate::domain::identity::user::UserId;

/// System headers and user metadata, kept verbatim and returned on GET and HEAD.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectAttributes {
    /// `Content-Type`; `binary/octet-stream` is answered when the client gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Encoding` without `aws-chunked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Expires`, verbatim even when it is no date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-website-redirect-location`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website_redirect: Option<String>,
    /// `x-amz-meta-*`: lower-case names without the prefix, in the order they came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<(String, String)>,
    /// Object tags, checked as a `TagSet`, in the order they came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// Who wrote it; none for the owner of the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// Who else may do something with it, where access lists count; none is that of what is private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<AccessList>,
    /// How the content is encrypted below its digests; `None` when only its blobs are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<ContentEncryption>,
    /// The storage class; none for STANDARD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

impl ObjectAttributes {
    /// The class of objects for which none was asked.
    pub const STANDARD: &'static str = "STANDARD";

    /// The storage class.
    #[must_use]
    pub fn class(&self) -> &str {
        self.storage_class.as_deref().unwrap_or(Self::STANDARD)
    }

    /// The most user metadata S3 takes, in bytes of names and values.
    pub const USER_BYTES_MAX: usize = 2_048;

    /// Bytes of user metadata as S3 counts them.
    #[must_use]
    pub fn user_bytes(&self) -> usize {
        self.user.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}
