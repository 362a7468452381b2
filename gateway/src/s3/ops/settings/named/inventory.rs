//! `PutBucketInventoryConfiguration` and its sisters.

use std::sync::Arc;

use http::Method;

use crate::domain::{Bucket, bucket_arn};
use crate::events::{Field, Inventory};
use crate::s3::documents::xml::{Element, XmlWriter, only};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::named::collection::{self, NamedConfiguration, bucket_of_arn, id_of};
use crate::s3::pipeline::request::S3Request;
use crate::s3::respond::Response;
use crate::s3::route::{Row, on_bucket};

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    let permissions = ["s3:PutInventoryConfiguration", "s3:GetInventoryConfiguration"];
    let others =
        ["GetBucketInventoryConfiguration", "DeleteBucketInventoryConfiguration", "ListBucketInventoryConfigurations"];
    let mut rows = collection::rows_but_put::<Inventory>(others, permissions);
    let put = on_bucket("PutBucketInventoryConfiguration", Method::PUT, permissions[0], put);
    rows.push(put.query(Inventory::PARAMETER).query("id").decided_by_handler());
    rows
}

async fn put(mut request: S3Request, bucket: Arc<Bucket>) -> Result<Response, S3Error> {
    let inventory = collection::document::<Inventory>(&mut request).await?;
    request.input.inventory_fields.clone_from(&inventory.fields);
    request.authorize(&bucket, None).await?;
    if inventory.id != collection::named(&request) {
        return Err(Code::IdMismatch.into());
    }
    let target = collection::destination(&request, &bucket, &inventory.destination).await?;
    let prefix = inventory.filter.as_deref().unwrap_or_default();
    request.require_delegated_listing(&bucket, prefix, inventory.all_versions).await?;
    let (name, now) = (bucket.name.as_str(), request.state.objects.now());
    let keys = [inventory.file_key(name, 0), inventory.manifest_key(name, now), inventory.checksum_key(name, now)];
    request.require_delegated_writes(&target, &keys).await?;
    collection::keep(&request, &bucket, inventory).await
}

impl NamedConfiguration for Inventory {
    const ROOT: &'static str = "InventoryConfiguration";
    const LIST_ROOT: &'static str = "ListInventoryConfigurationsResult";
    const PARAMETER: &'static str = "inventory";

    fn read(root: &Element) -> Result<Self, S3Error> {
        read(root)
    }

    fn write(&self, writer: &mut XmlWriter) {
        write(self, writer);
    }

    fn destination(&self) -> Option<&str> {
        Some(&self.destination)
    }
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
    let id = id_of(root)?;
    let destination = root.child("Destination").and_then(|outer| outer.child("S3BucketDestination"));
    let destination = destination.ok_or_else(malformed)?;
    only(destination, &["AccountId", "Bucket", "Format", "Prefix", "Encryption"])?;
    match destination.text_of("Format") {
        Some("CSV") => {}
        Some("ORC" | "Parquet") => return Err(Code::NotImplemented.into()),
        _ => return Err(malformed()),
    }
    let bucket = bucket_of_arn(destination.text_of("Bucket").ok_or_else(malformed)?)?;
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
        destination: bucket,
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
