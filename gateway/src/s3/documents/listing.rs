//! What the listings of objects have in common: their parameters, and how entries are written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::domain::UserId;
use crate::metadata::{ListEntry, ListPage, ListQuery, ListedObject};
use crate::s3::authz::access::Owner;
use crate::s3::authz::owners::Owners;
use crate::s3::documents::encoding::{url, xml_time};
use crate::s3::documents::listing_input::{ENTRIES_MAX, ListingInput};
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::S3Error;
use crate::s3::headers::checksums;
use crate::s3::pipeline::request::S3Request;

/// How names are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As they are.
    Plain,
    /// `encoding-type=url`.
    Url,
}

impl Names {
    /// What the request asks for.
    ///
    /// # Errors
    /// `InvalidArgument` for any encoding but `url`.
    pub fn read(request: &S3Request) -> Result<Self, S3Error> {
        match request.query().get("encoding-type") {
            None => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(word) => Err(S3Error::argument("Invalid Encoding Method specified in Request", "encoding-type", word)),
        }
    }

    /// Writes an element that holds a name.
    pub fn write(self, writer: &mut XmlWriter, element: &str, name: &str) {
        match self {
            Self::Plain => writer.text(element, name),
            Self::Url => writer.plain(element, url(name)),
        };
    }

    /// Writes the prefix of a version 1 listing. Amazon's SDK for Python does not decode it, others do: text that decodes
    /// to itself is written as it is, so that both read the same.
    pub fn write_prefix_v1(self, writer: &mut XmlWriter, prefix: &str) {
        let decodes_to_itself = prefix.chars().all(|c| c != '%' && c != '+' && (c >= ' ' || "\t\r\n".contains(c)));
        let names = if decodes_to_itself { Self::Plain } else { self };
        names.write(writer, "Prefix", prefix);
    }

    /// Writes `EncodingType`, when one was requested.
    pub fn write_type(self, writer: &mut XmlWriter) {
        if self == Self::Url {
            writer.plain("EncodingType", "url");
        }
    }
}

/// The parameters of a listing.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The query of the database.
    pub query: ListQuery,
    /// How names are shown.
    pub names: Names,
}

impl Listing {
    /// The parameters that all listings share; `after` is where this one begins.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown encoding.
    pub fn read(request: &S3Request, after: Vec<u8>) -> Result<Self, S3Error> {
        let ListingInput { prefix, delimiter, max_keys } = request.input.listing.clone().unwrap_or_default();
        let (prefix, delimiter, limit) = (prefix.into_bytes(), delimiter.into_bytes(), max_keys.unwrap_or(ENTRIES_MAX));
        let query = ListQuery { prefix, delimiter, after, limit, owners: false };
        Ok(Self { query, names: Names::read(request)? })
    }

    /// The prefix as text.
    #[must_use]
    pub fn prefix(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.query.prefix)
    }

    /// Writes what the parameters were, but for the prefix.
    pub fn write_head(&self, writer: &mut XmlWriter, bucket: &str) {
        writer.text("Name", bucket);
        writer.plain("MaxKeys", self.query.limit);
        if !self.query.delimiter.is_empty() {
            self.names.write(writer, "Delimiter", &String::from_utf8_lossy(&self.query.delimiter));
        }
        self.names.write_type(writer);
    }

    /// Writes the entries: objects, then common prefixes.
    pub fn write_entries(&self, writer: &mut XmlWriter, page: &ListPage, page_owners: Option<&Owners>) {
        writer.plain("IsTruncated", page.truncated);
        let owners = page_owners.map(OwnerElements::of);
        for entry in &page.entries {
            if let ListEntry::Object(object) = entry {
                writer.open("Contents");
                let owner = owners.as_ref().map(|owners| owners.get(object.owner));
                self.write_object(writer, object, owner.unwrap_or_default());
                writer.close("Contents");
            }
        }
        self.write_prefixes(writer, page);
    }

    /// Writes what a listing shows of an object, inside its element.
    pub fn write_object(&self, writer: &mut XmlWriter, object: &ListedObject, owner: &str) {
        self.names.write(writer, "Key", object.key.as_str());
        writer.plain("LastModified", xml_time(object.modified_at)).etag(object.etag);
        if let Some((algorithm, covers)) = object.checksum {
            writer.plain("ChecksumAlgorithm", algorithm.name()).plain("ChecksumType", checksums::kind(covers));
        }
        let class = object.class.as_deref().unwrap_or(crate::domain::ObjectAttributes::STANDARD);
        writer.plain("Size", object.size).text("StorageClass", class).raw(owner);
    }

    /// Writes the common prefixes of a page.
    pub fn write_prefixes(&self, writer: &mut XmlWriter, page: &ListPage) {
        for entry in &page.entries {
            if let ListEntry::Prefix(prefix) = entry {
                writer.open("CommonPrefixes");
                self.names.write(writer, "Prefix", &String::from_utf8_lossy(prefix));
                writer.close("CommonPrefixes");
            }
        }
    }
}

/// The elements of owners, each written once for a whole page.
pub struct OwnerElements {
    owner: String,
    others: BTreeMap<UserId, String>,
}

impl OwnerElements {
    /// Writes them.
    #[must_use]
    pub fn of(owners: &Owners) -> Self {
        let element = |owner: &Owner| {
            let mut writer = XmlWriter::fragment();
            write_owner(&mut writer, "Owner", owner);
            writer.finish()
        };
        let (owner, others) = owners.all();
        Self { owner: element(owner), others: others.map(|(id, owner)| (id, element(owner))).collect() }
    }

    /// The element for an entry that names this user, or nobody.
    #[must_use]
    pub fn get(&self, named: Option<UserId>) -> &str {
        named.and_then(|id| self.others.get(&id)).unwrap_or(&self.owner)
    }
}

/// Writes an owner or initiator.
pub fn write_owner(writer: &mut XmlWriter, element: &str, owner: &Owner) {
    writer.open(element).text("ID", &owner.id.0).maybe("DisplayName", owner.name.as_deref()).close(element);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CanonicalId, ChecksumAlgorithm, ChecksumKind, ETag, ObjectKey, Timestamp};

    fn page() -> ListPage {
        let object = |key: &str| {
            ListEntry::Object(ListedObject {
                key: ObjectKey::new(key.to_owned()).unwrap(),
                size: 7,
                etag: ETag { md5: [0xab; 16], parts: Some(2) },
                modified_at: Timestamp(1_445_412_480_500_000),
                checksum: Some((ChecksumAlgorithm::Crc32, ChecksumKind::Composite)),
                class: None,
                owner: key.starts_with('z').then_some(UserId(7)),
            })
        };
        let entries = vec![object("a&b c"), ListEntry::Prefix(b"d e/".to_vec()), object("z\u{1}")];
        ListPage { entries, truncated: true }
    }

    fn written(names: Names, owner: Option<&Owners>) -> String {
        let listing = Listing { query: ListQuery::default(), names };
        let mut writer = XmlWriter::fragment();
        listing.write_entries(&mut writer, &page(), owner);
        writer.finish()
    }

    const TAIL: &str = "<LastModified>2015-10-21T07:28:00.000Z</LastModified>\
                        <ETag>&quot;abababababababababababababababab-2&quot;</ETag>\
                        <ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType>\
                        <Size>7</Size><StorageClass>STANDARD</StorageClass>";

    #[test]
    fn objects_come_first_and_prefixes_after_them() {
        let expected = format!(
            "<IsTruncated>true</IsTruncated><Contents><Key>a&amp;b c</Key>{TAIL}</Contents>\
             <Contents><Key>z&#1;</Key>{TAIL}</Contents><CommonPrefixes><Prefix>d e/</Prefix></CommonPrefixes>"
        );
        assert_eq!(written(Names::Plain, None), expected);
    }

    #[test]
    fn encoded_names_need_no_escaping_and_owners_are_repeated() {
        let owner = Owner { id: CanonicalId("ff".to_owned()), name: Some("<me>".to_owned()) };
        let owner_xml = "<Owner><ID>ff</ID><DisplayName>&lt;me&gt;</DisplayName></Owner>";
        let other = Owner { id: CanonicalId("ee".to_owned()), name: None };
        let others = "<Owner><ID>ee</ID></Owner>";
        let owners = Owners::known(owner.clone(), BTreeMap::from([(UserId(7), other)]));
        let expected = format!(
            "<IsTruncated>true</IsTruncated><Contents><Key>a%26b%20c</Key>{TAIL}{owner_xml}</Contents>\
             <Contents><Key>z%01</Key>{TAIL}{others}</Contents><CommonPrefixes><Prefix>d%20e/</Prefix></CommonPrefixes>"
        );
        assert_eq!(written(Names::Url, Some(&owners)), expected);
        let gone = expected.replace(others, owner_xml);
        assert_eq!(
            written(Names::Url, Some(&Owners::known(owner, BTreeMap::new()))),
            gone,
            "who is gone leaves it to the owner"
        );
    }

    #[test]
    fn the_prefix_of_version_1_reads_the_same_decoded_or_not() {
        for (prefix, expected) in
            [("a b/", "a b/"), ("a%2F", "a%252F"), ("a+b", "a%2Bb"), ("\n", "&#10;"), ("\u{1}", "%01")]
        {
            let mut writer = XmlWriter::fragment();
            Names::Url.write_prefix_v1(&mut writer, prefix);
            assert_eq!(writer.finish(), format!("<Prefix>{expected}</Prefix>"));
        }
    }
}
