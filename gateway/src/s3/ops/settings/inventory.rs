//! `PutBucketInventoryConfiguration` and its sisters.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::domain::{Bucket, BucketName, bucket_arn};
use crate::events::{Field, Inventories, Inventory};
use crate::s3::body::Integrity;
use crate::s3::documents::xml::{Element, XmlWriter, only, optional, parse};
use crate::s3::error::{Code, S3Error};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::{Response, empty, xml};
use crate::s3::route::{Row, on_bucket};

const ROOT: &str = "InventoryConfiguration";
/// The largest document, in bytes.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;
/// The most inventories of a bucket.
const INVENTORIES_MAX: usize = 1_000;
/// The longest name, in bytes.
const ID_MAX: usize = 64;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let (put_it, get_it) = ("s3:PutInventoryConfiguration", "s3:GetInventoryConfiguration");
    vec![
        on_bucket("PutBucketInventoryConfiguration", Method::PUT, put_it, put)
            .query("inventory")
            .query("id")
            .decided_by_handler(),
        on_bucket("GetBucketInventoryConfiguration", Method::GET, get_it, get).query("inventory").query("id"),
        on_bucket("DeleteBucketInventoryConfiguration", Method::DELETE, put_it, delete).query("inventory").query("id"),
        on_bucket("ListBucketInventoryConfigurations", Method::GET, get_it, list)
            .query("inventory")
            .accepts(&["continuation-token"]),
    ]
}

async fn put(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let named = id(&request);
    let body = request.small_body(Integrity::Optional, DOCUMENT_BYTES_MAX).await?;
    let root = parse(&body, ROOT).map_err(|_| S3Error::from(Code::MalformedXML))?;
    let inventory = read(&root)?;
    request.input.inventory_fields.clone_from(&inventory.fields);
    request.authorize(&bucket, None).await?;
    if inventory.id != named {
        return Err(Code::IdMismatch.into());
    }
    let missing = || S3Error::new(Code::InvalidS3DestinationBucket).field("Bucket", inventory.destination.as_str());
    let name: BucketName = inventory.destination.parse().map_err(|_| missing())?;
    let target = request.state.metadata.bucket(&name).await?.ok_or_else(missing)?;
    if target.owner != bucket.owner {
        return Err(missing());
    }
    let prefix = inventory.filter.as_deref().unwrap_or_default();
    request.require_delegated_listing(&bucket, prefix, inventory.all_versions).await?;
    let (name, now) = (bucket.name.as_str(), request.state.objects.now());
    let keys = [inventory.file_key(name, 0), inventory.manifest_key(name, now), inventory.checksum_key(name, now)];
    request.require_delegated_writes(&target, &keys).await?;
    let mut all = stored(&bucket)?.all;
    all.retain(|other| other.id != inventory.id);
    all.push(inventory);
    all.sort_by(|one, other| one.id.cmp(&other.id));
    if all.len() > INVENTORIES_MAX {
        return Err(S3Error::with(Code::InvalidRequest, "Too many inventory configurations"));
    }
    store(&request, &bucket, all).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn get(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let named = id(&request);
    let found = stored(&bucket)?.all.into_iter().find(|inventory| inventory.id == named);
    let inventory = found.ok_or(Code::NoSuchConfiguration)?;
    let mut writer = XmlWriter::document(ROOT, 0);
    write(&inventory, &mut writer);
    Ok(xml(writer.end(ROOT)))
}

async fn delete(request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let named = id(&request);
    let mut all = stored(&bucket)?.all;
    let before = all.len();
    all.retain(|inventory| inventory.id != named);
    if all.len() == before {
        return Err(Code::NoSuchConfiguration.into());
    }
    store(&request, &bucket, all).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn list(_call: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let mut writer = XmlWriter::document("ListInventoryConfigurationsResult", 0);
    for inventory in &stored(&bucket)?.all {
        writer.open(ROOT);
        write(inventory, &mut writer);
        writer.close(ROOT);
    }
    writer.plain("IsTruncated", false);
    Ok(xml(writer.end("ListInventoryConfigurationsResult")))
}

fn id(request: &S3Request) -> String {
    request.query().get("id").unwrap_or_default().to_owned()
}

fn stored(bucket: &Bucket) -> Result<Inventories, S3Error> {
    Ok(bucket.settings.get::<Inventories>()?.map(|all| (*all).clone()).unwrap_or_default())
}

async fn store(request: &S3Request, bucket: &Bucket, all: Vec<Inventory>) -> Result<(), S3Error> {
    let there = match all.is_empty() {
        true => request.state.metadata.clear_setting::<Inventories>(bucket).await?,
        false => request.state.metadata.set_setting(bucket, &Inventories { all }).await?,
    };
    if there { Ok(()) } else { Err(S3Error::new(Code::NoSuchBucket).field("BucketName", bucket.name.as_str())) }
}

/// Fields of Amazon's inventories that these have not.
const UNSUPPORTED_FIELDS: [&str; 5] = [
    "ReplicationStatus",
    "BucketKeyStatus",
    "IntelligentTieringAccessTier",
    "ObjectAccessControlList",
    "LifecycleExpirationDate",
];

fn read(root: &Element) -> Result<Inventory, S3Error> {
    let malformed = || S3Error::from(Code::MalformedXML);
    only(root, &["Destination", "IsEnabled", "Filter", "Id", "IncludedObjectVersions", "OptionalFields", "Schedule"])?;
    let id = optional(root, "Id")?.filter(|id| !id.is_empty() && id.len() <= ID_MAX).ok_or_else(malformed)?;
    let destination = root.child("Destination").and_then(|outer| outer.child("S3BucketDestination"));
    let destination = destination.ok_or_else(malformed)?;
    only(destination, &["AccountId", "Bucket", "Format", "Prefix", "Encryption"])?;
    match destination.text_of("Format") {
        Some("CSV") => {}
        Some("ORC" | "Parquet") => return Err(Code::NotImplemented.into()),
        _ => return Err(malformed()),
    }
    let arn = destination.text_of("Bucket").ok_or_else(malformed)?;
    let no_arn = || S3Error::with(Code::InvalidS3DestinationBucket, "Invalid bucket ARN.");
    let bucket = arn.strip_prefix("arn:aws:s3:::").ok_or_else(no_arn)?;
    let mut fields = Vec::new();
    for element in root.all("OptionalFields").flat_map(|fields| &fields.children) {
        let field = Field::ALL.into_iter().find(|field| field.name() == element.text);
        let known_to_amazon = UNSUPPORTED_FIELDS.contains(&element.text.as_str());
        fields.push(field.ok_or_else(|| if known_to_amazon { Code::NotImplemented.into() } else { malformed() })?);
    }
    let one_of = |text: Option<&str>, no: &str, yes: &str| match text {
        Some(word) if word == no => Ok(false),
        Some(word) if word == yes => Ok(true),
        _ => Err(malformed()),
    };
    Ok(Inventory {
        id,
        enabled: one_of(root.text_of("IsEnabled"), "false", "true")?,
        account: destination.text_of("AccountId").map(str::to_owned),
        destination: bucket.to_owned(),
        prefix: destination.text_of("Prefix").map(str::to_owned),
        filter: root.child("Filter").and_then(|filter| filter.text_of("Prefix")).map(str::to_owned),
        all_versions: one_of(root.text_of("IncludedObjectVersions"), "Current", "All")?,
        weekly: one_of(root.child("Schedule").and_then(|one| one.text_of("Frequency")), "Daily", "Weekly")?,
        fields,
    })
}

fn write(inventory: &Inventory, writer: &mut XmlWriter) {
    writer.open("Destination").open("S3BucketDestination").maybe("AccountId", inventory.account.as_deref());
    writer.text("Bucket", &bucket_arn(&inventory.destination)).text("Format", "CSV");
    writer.maybe("Prefix", inventory.prefix.as_deref()).close("S3BucketDestination").close("Destination");
    writer.plain("IsEnabled", inventory.enabled);
    if let Some(prefix) = &inventory.filter {
        writer.open("Filter").text("Prefix", prefix).close("Filter");
    }
    writer.text("Id", &inventory.id);
    writer.text("IncludedObjectVersions", if inventory.all_versions { "All" } else { "Current" });
    if !inventory.fields.is_empty() {
        writer.open("OptionalFields");
        inventory.fields.iter().for_each(|field| {
            writer.text("Field", field.name());
        });
        writer.close("OptionalFields");
    }
    let frequency = if inventory.weekly { "Weekly" } else { "Daily" };
    writer.open("Schedule").text("Frequency", frequency).close("Schedule");
}
