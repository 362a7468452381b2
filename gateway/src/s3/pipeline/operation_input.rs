//! What an operation takes from the headers and the query of its request, read once and before the decision. Conditions
//! of policies ask about these values (`s3/authz/condition_context.rs`) and handlers act on them, so that neither can read a request in
//! another way than the other. What a body says is put in by the handler, which then asks for permission.

use http::request::Parts;

use crate::domain::{DefaultRetention, ObjectAttributes, Ownership, TagSet, Timestamp, VersionLock, WriteCondition};
use crate::events::Field;
use crate::objects::DataKey;
use crate::s3::authz::acl;
use crate::s3::documents::listing_input::ListingInput;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::copy_source::{self, CopySource};
use crate::s3::headers::sse::{self, Encryption};
use crate::s3::headers::{conditions, object_headers, object_lock, object_tags, storage_class};
use crate::s3::pipeline::connection_info::ConnectionInfo;
use crate::s3::pipeline::state::S3Settings;
use crate::s3::uri::Query;

/// A part of a request that some operations take, and others pass over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A new object comes of it at once, and not in parts.
    Creation,
    /// Attributes of an object: system headers, metadata, redirect, storage class.
    Attributes,
    /// `x-amz-tagging`.
    Tags,
    /// `x-amz-acl` and `x-amz-grant-*`.
    Acl,
    /// `x-amz-object-lock-*`.
    Lock,
    /// How a write is to be encrypted.
    Encryption,
    /// The client's key of a part.
    PartKey,
    /// The client's key of what is read.
    ReadKey,
    /// `x-amz-copy-source`.
    CopySource,
    /// `x-amz-metadata-directive` and `x-amz-tagging-directive`.
    Directives,
    /// `If-Match` and `If-None-Match` of a change.
    Condition,
    /// `x-amz-bypass-governance-retention`.
    Bypass,
    /// The parameters of a listing of objects or versions.
    Listing,
    /// Those of a listing of uploads.
    UploadListing,
    /// `x-amz-object-ownership`.
    Ownership,
}

/// What a form brings with a new object.
pub const FORM: &[Input] =
    &[Input::Creation, Input::Attributes, Input::Tags, Input::Acl, Input::Lock, Input::Encryption];
/// What a new object brings.
pub const NEW_OBJECT: &[Input] =
    &[Input::Creation, Input::Attributes, Input::Tags, Input::Acl, Input::Lock, Input::Encryption, Input::Condition];

/// Whether a copy takes something from its source or from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// From its source.
    Copy,
    /// From the request.
    Replace,
}

impl Directive {
    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Copy => "COPY",
            Self::Replace => "REPLACE",
        }
    }

    fn read(head: &Parts, header: &str) -> Result<Option<Self>, S3Error> {
        match head.headers.get(header).map(|value| value.to_str().unwrap_or("?")) {
            None | Some("") => Ok(None),
            Some("COPY") => Ok(Some(Self::Copy)),
            Some("REPLACE") => Ok(Some(Self::Replace)),
            Some(word) => Err(S3Error::argument(format!("Unknown {header}."), header, word)),
        }
    }
}

/// The values. What the operation does not take is as if the request had not said it.
#[derive(Clone, Debug, Default)]
pub struct OperationInput {
    /// A new object comes of it at once.
    pub creates: bool,
    /// The attributes of the object, without tags, owner and access list.
    pub attributes: ObjectAttributes,
    /// The storage class, when one was named; `STANDARD` too.
    pub storage_class: Option<String>,
    /// The tags that will be set.
    pub tags: Option<TagSet>,
    /// The access list.
    pub acl: acl::RequestedAcl,
    /// What is to keep the version.
    pub lock: VersionLock,
    /// How the object is to be encrypted.
    pub encryption: Encryption,
    /// The client's key of a part, or of what is read.
    pub customer_key: Option<DataKey>,
    /// What is to be copied.
    pub copy_source: Option<CopySource>,
    /// Where the attributes of a copy come from, when that was said.
    pub metadata_directive: Option<Directive>,
    /// Where the tags of a copy come from, when that was said.
    pub tagging_directive: Option<Directive>,
    /// The condition of the change.
    pub condition: WriteCondition,
    /// The caller asks to pass over governance; may is another question.
    pub bypass_governance: bool,
    /// What a listing lists.
    pub listing: Option<ListingInput>,
    /// Who is to own the objects of a bucket.
    pub ownership: Option<Ownership>,
    /// Where a bucket is to be, when its creation names a location.
    pub location: Option<String>,
    /// What new versions of a bucket are to get.
    pub default_retention: Option<DefaultRetention>,
    /// The optional columns of an inventory that is being configured.
    pub inventory_fields: Vec<Field>,
    /// What is to become of the tags of a bucket.
    pub tag_changes: Vec<TagChange>,
}

/// What is to become of one tag of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChange {
    /// Its key.
    pub key: String,
    /// The value it gets; none when it goes.
    pub value: Option<String>,
}

impl TagChange {
    /// It gets this value.
    #[must_use]
    pub fn set(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: Some(value.to_owned()) }
    }

    /// It goes.
    #[must_use]
    pub fn removed(key: &str) -> Self {
        Self { key: key.to_owned(), value: None }
    }
}

impl OperationInput {
    /// Reads what an operation takes, and what is wrong with it. A value that is wrong is missing, so that the decision can
    /// still be made: a caller that is not allowed the operation learns that and nothing else. The operation is not carried out.
    pub fn read(
        takes: &[Input],
        head: &Parts,
        query: &Query,
        settings: &S3Settings,
        now: Timestamp,
    ) -> (Self, Result<(), S3Error>) {
        let mut input = Self::default();
        let mut valid = Ok(());
        for part in takes {
            valid = valid.and(input.take(*part, head, query, settings, now));
        }
        // The tags of a copy are those of its source unless the request replaces them.
        if takes.contains(&Input::CopySource) && input.tagging_directive != Some(Directive::Replace) {
            input.tags = None;
        }
        (input, valid)
    }

    fn take(
        &mut self,
        part: Input,
        head: &Parts,
        query: &Query,
        settings: &S3Settings,
        now: Timestamp,
    ) -> Result<(), S3Error> {
        let headers = &head.headers;
        match part {
            Input::Creation => self.creates = true,
            Input::Attributes => {
                self.attributes = object_headers::read(headers)?;
                self.storage_class = storage_class::read(headers, &settings.storage_classes)?;
                let class = self.storage_class.clone().filter(|class| class != ObjectAttributes::STANDARD);
                self.attributes.storage_class = class;
            }
            Input::Tags => self.tags = object_tags::of_header(headers)?,
            Input::Acl => self.acl = acl::requested(headers)?,
            Input::Lock => self.lock = object_lock::read(headers, now)?,
            Input::Encryption | Input::PartKey | Input::ReadKey => {
                sse::demand_tls(headers, settings.s3.sse_c_requires_tls && !ConnectionInfo::of(head).encrypted)?;
                match part {
                    Input::Encryption => self.encryption = sse::encryption(headers)?,
                    Input::PartKey => self.customer_key = sse::customer_key(headers)?,
                    _ => self.customer_key = sse::key_to_read(headers)?,
                }
            }
            Input::CopySource => {
                let text = headers.get("x-amz-copy-source").and_then(|value| value.to_str().ok());
                self.copy_source = Some(copy_source::read(text.unwrap_or_default())?);
            }
            Input::Directives => {
                self.metadata_directive = Directive::read(head, "x-amz-metadata-directive")?;
                self.tagging_directive = Directive::read(head, "x-amz-tagging-directive")?;
            }
            Input::Condition => {
                self.condition = conditions::of_write(headers).ok_or(Code::NotImplemented)?;
            }
            Input::Bypass => self.bypass_governance = object_lock::asks_to_bypass(headers),
            Input::Listing => self.listing = Some(ListingInput::read(query)?),
            Input::UploadListing => self.listing = Some(ListingInput::of_uploads(query)),
            Input::Ownership => self.ownership = ownership(head)?,
        }
        Ok(())
    }
}

fn ownership(head: &Parts) -> Result<Option<Ownership>, S3Error> {
    const NAME: &str = "x-amz-object-ownership";
    let Some(word) = head.headers.get(NAME).map(|value| value.to_str().unwrap_or("?")) else { return Ok(None) };
    let refused = || {
        let message = format!("Invalid {NAME} header: {}", word.chars().take(80).collect::<String>());
        S3Error::with(Code::InvalidArgument, message).field("ArgumentName", NAME)
    };
    Ownership::parse(word).map(Some).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::domain::RetentionMode;

    const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

    fn read(takes: &[Input], headers: &[(&str, &str)], query: &str) -> Result<OperationInput, Code> {
        let request = headers.iter().fold(Request::builder().uri("/b/k"), |r, (name, value)| r.header(*name, *value));
        let head = request.body(()).expect("a request").into_parts().0;
        let settings = S3Settings { storage_classes: vec!["STANDARD_IA".to_owned()], ..S3Settings::default() };
        let query = Query::parse(query).expect("a query");
        let (input, valid) = OperationInput::read(takes, &head, &query, &settings, NOW);
        valid.map(|()| input).map_err(|error| error.code)
    }

    const EVERYTHING: &[(&str, &str)] = &[
        ("x-amz-acl", "public-read"),
        ("x-amz-tagging", "a=1"),
        ("x-amz-storage-class", "STANDARD"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "key"),
        ("x-amz-copy-source", "/photos/a%20b?versionId=null"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-website-redirect-location", "/there"),
        ("x-amz-bypass-governance-retention", "True"),
        ("x-amz-object-ownership", "ObjectWriter"),
        ("if-none-match", "*"),
    ];

    #[test]
    fn a_new_object_takes_what_will_be_done_with_it() {
        let input = read(NEW_OBJECT, EVERYTHING, "").expect("an input");
        assert_eq!(input.acl, acl::RequestedAcl::Canned(acl::Canned::PublicRead));
        assert_eq!(input.tags.map(TagSet::into_pairs), Some(vec![("a".to_owned(), "1".to_owned())]));
        assert_eq!((input.storage_class.as_deref(), input.attributes.storage_class), (Some("STANDARD"), None));
        assert_eq!(input.lock.retention.map(|kept| kept.mode), Some(RetentionMode::Compliance));
        assert!(matches!(input.encryption, Encryption::Kms { key: Some(key), .. } if key == "key"));
        assert_eq!(input.attributes.website_redirect.as_deref(), Some("/there"));
        assert_eq!(input.condition, WriteCondition::Absent);
        assert!(input.creates && input.copy_source.is_none() && !input.bypass_governance && input.ownership.is_none());
    }

    #[test]
    fn what_an_operation_does_not_take_was_not_said() {
        let input = read(&[], EVERYTHING, "prefix=a&max-keys=1").expect("an input");
        assert_eq!(format!("{input:?}"), format!("{:?}", OperationInput::default()));
    }

    #[test]
    fn a_copy_takes_tags_only_when_it_replaces_them() {
        let takes = [Input::Directives, Input::CopySource, Input::Tags];
        let copy = [("x-amz-copy-source", "photos/a"), ("x-amz-tagging", "a=1")];
        assert_eq!(read(&takes, &copy, "").expect("an input").tags, None);
        let replace = [copy[0], copy[1], ("x-amz-tagging-directive", "REPLACE")];
        assert!(read(&takes, &replace, "").expect("an input").tags.is_some());
        let unknown = [copy[0], ("x-amz-tagging-directive", "MERGE")];
        assert_eq!(read(&takes, &unknown, "").err(), Some(Code::InvalidArgument));
        assert_eq!(read(&takes, &[], "").err(), Some(Code::InvalidArgument), "a copy of nothing");
    }

    #[test]
    fn a_listing_takes_the_page_that_will_be_sent() {
        let listing = |query: &str| read(&[Input::Listing], &[], query).map(|input| input.listing.expect("a listing"));
        assert_eq!(listing("").expect("all").max_keys, Some(1_000));
        assert_eq!(listing("max-keys=%2B7&prefix=a/").expect("seven").max_keys, Some(7));
        assert_eq!(listing("max-keys=5000").expect("no more").max_keys, Some(1_000));
        assert_eq!(listing("max-keys=-1").err(), Some(Code::InvalidArgument));
        let uploads = read(&[Input::UploadListing], &[], "prefix=a&max-keys=1").expect("an input").listing;
        assert_eq!(uploads.map(|listing| (listing.prefix, listing.max_keys)), Some(("a".to_owned(), None)));
    }

    #[test]
    fn a_wrong_value_is_refused_where_it_is_taken() {
        for (header, value, code) in [
            ("x-amz-acl", "public-ready", Code::InvalidArgument),
            ("x-amz-storage-class", "GLACIER", Code::InvalidStorageClass),
            ("x-amz-object-lock-mode", "COMPLIANCE", Code::InvalidArgument),
            ("x-amz-server-side-encryption", "rot13", Code::InvalidArgument),
            ("x-amz-tagging", "a=%zz", Code::InvalidArgument),
        ] {
            assert_eq!(read(NEW_OBJECT, &[(header, value)], "").err(), Some(code), "{header}");
            assert!(read(&[Input::Condition], &[(header, value)], "").is_ok(), "{header}");
        }
        let request = Request::builder().header("x-amz-acl", "public-ready").header("x-amz-tagging", "a=1");
        let head = request.body(()).expect("a request").into_parts().0;
        let settings = S3Settings::default();
        let (input, valid) = OperationInput::read(NEW_OBJECT, &head, &Query::default(), &settings, NOW);
        assert!(valid.is_err() && input.acl == acl::RequestedAcl::Nothing && input.tags.is_some(), "the rest is read");
        let both = [("if-match", "*"), ("if-none-match", "*")];
        assert_eq!(read(&[Input::Condition], &both, "").err(), Some(Code::NotImplemented));
    }
}
