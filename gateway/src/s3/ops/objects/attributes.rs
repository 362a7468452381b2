//! `GetObjectAttributes`.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, header};

use crate::domain::{Bucket, ObjectKey, Version, VersionPart};
use crate::objects::Opener;
use crate::policy::Permission;
use crate::s3::documents::listing_input::ENTRIES_MAX;
use crate::s3::documents::xml::XmlWriter;
use crate::s3::error::{Code, S3Error};
use crate::s3::headers::conditions::http_date;
use crate::s3::headers::{checksums, versions};
use crate::s3::pipeline::operation_input::Input;
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, xml};
use crate::s3::route::{Row, on_object};

const WANTED: &str = "x-amz-object-attributes";

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    vec![
        on_object("GetObjectAttributes", Method::GET, "s3:GetObjectAttributes", get_attributes)
            .query("attributes")
            .version_permission("s3:GetObjectVersionAttributes")
            .takes(&[Input::ReadKey])
            .accepts(&["versionId"]),
    ]
}

async fn get_attributes(request: S3Request, bucket: Arc<Bucket>, key: ObjectKey) -> Result<Response, S3Error> {
    let wanted = Wanted::read(&request.head.headers)?;
    let page = Page::read(&request)?;
    // Tags and checksums say what the content is, so a caller that may not read it does not get them.
    let read = Permission(if request.query().has("versionId") { "s3:GetObjectVersion" } else { "s3:GetObject" });
    request.require(read, &bucket, Some(&key)).await?;
    let version = request.version(&bucket, &key).await?;
    request.confirm(read, &bucket, &version, request.version_id())?;
    let opener = Opener { account: bucket.owner, customer: request.input.customer_key.clone(), peer: request.peer() };
    request.state.objects.resolve_key(version.attributes.encryption.as_ref(), &opener).await?;
    let mut writer = XmlWriter::document("GetObjectAttributesResponse", 0);
    if wanted.etag {
        writer.plain("ETag", version.etag);
    }
    if wanted.checksum && version.checksum.is_some() {
        writer.open("Checksum");
        checksums::write_elements(version.checksum.as_ref(), version.etag.parts, &mut writer);
        writer.close("Checksum");
    }
    if wanted.parts && version.etag.parts.is_some() {
        let parts = request.state.objects.version_parts(&version).await?;
        write_parts(&mut writer, &parts, &page);
    }
    if wanted.class {
        writer.text("StorageClass", version.attributes.class());
    }
    if wanted.size {
        writer.plain("ObjectSize", version.size);
    }
    let mut response = xml(writer.end("GetObjectAttributesResponse"));
    show_date(&version, response.headers_mut());
    versions::show(versions::name_in(&bucket, &version), response.headers_mut());
    Ok(response)
}

fn show_date(version: &Version, headers: &mut HeaderMap) {
    if let Ok(date) = HeaderValue::from_str(&http_date(version.modified_at)) {
        headers.insert(header::LAST_MODIFIED, date);
    }
}

/// The attributes a request asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    etag: bool,
    checksum: bool,
    parts: bool,
    class: bool,
    size: bool,
}

impl Wanted {
    fn read(headers: &HeaderMap) -> Result<Self, S3Error> {
        let mut wanted = Self::default();
        let lists = headers.get_all(WANTED).iter().map(|value| value.to_str().unwrap_or_default());
        for word in lists.flat_map(|list| list.split(',')).map(str::trim).filter(|word| !word.is_empty()) {
            let flag = match word {
                "ETag" => &mut wanted.etag,
                "Checksum" => &mut wanted.checksum,
                "ObjectParts" => &mut wanted.parts,
                "StorageClass" => &mut wanted.class,
                "ObjectSize" => &mut wanted.size,
                _ => return Err(S3Error::argument("Invalid attribute name specified.", WANTED, word)),
            };
            *flag = true;
        }
        if wanted == Self::default() {
            let message = "The x-amz-object-attributes header specifying the attributes to be retrieved is either \
                           missing or empty";
            return Err(S3Error::with(Code::InvalidRequest, message));
        }
        Ok(wanted)
    }
}

/// Which of the parts are wanted.
struct Page {
    after: u16,
    limit: usize,
}

impl Page {
    fn read(request: &S3Request) -> Result<Self, S3Error> {
        let number = |name| match request.header(name) {
            None => Ok(None),
            Some(text) => {
                let refused = |_| S3Error::argument("The value is not a number in range.", name, text);
                text.trim().parse::<u16>().map(Some).map_err(refused)
            }
        };
        let limit = number("x-amz-max-parts")?.map_or(ENTRIES_MAX, usize::from).min(ENTRIES_MAX);
        Ok(Self { after: number("x-amz-part-number-marker")?.unwrap_or(0), limit })
    }
}

fn write_parts(writer: &mut XmlWriter, parts: &[VersionPart], page: &Page) {
    writer.open("ObjectParts").plain("PartsCount", parts.len());
    let rest: Vec<_> = parts.iter().filter(|part| part.number.get() > page.after).collect();
    let shown = &rest[..rest.len().min(page.limit)];
    writer.plain("PartNumberMarker", page.after);
    writer.plain("NextPartNumberMarker", shown.last().map_or(0, |part| part.number.get()));
    writer.plain("MaxParts", page.limit).plain("IsTruncated", shown.len() < rest.len());
    for part in shown {
        writer.open("Part").plain("PartNumber", part.number.get()).plain("Size", part.size);
        checksums::write_element(part.checksum.as_ref(), None, writer);
        writer.close("Part");
    }
    writer.close("ObjectParts");
}
