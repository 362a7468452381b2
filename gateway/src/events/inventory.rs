//! Inventories: which lists of a bucket are wanted, and the lines and manifests as Amazon writes them.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::{Configurations, Named, Timestamp, bucket_arn};

/// Every inventory of a bucket.
pub type Inventories = Configurations<Inventory>;

impl Named for Inventory {
    const KIND: &'static str = "inventory";

    fn id(&self) -> &str {
        &self.id
    }
}

/// What `PutBucketInventoryConfiguration` sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Its name.
    pub id: String,
    /// It is made; otherwise it is only kept.
    pub enabled: bool,
    /// The account that should own the destination, as it was given.
    pub account: Option<String>,
    /// The bucket the lists go to.
    pub destination: String,
    /// What their keys begin with.
    pub prefix: Option<String>,
    /// Only keys that begin so.
    pub filter: Option<String>,
    /// All versions, not only current ones.
    pub all_versions: bool,
    /// Once a week, not once a day.
    pub weekly: bool,
    /// Columns besides bucket and key.
    pub fields: Vec<Field>,
}

/// An optional column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Amazon's")]
pub enum Field {
    Size,
    LastModifiedDate,
    ETag,
    StorageClass,
    IsMultipartUploaded,
    EncryptionStatus,
    ChecksumAlgorithm,
}

impl Field {
    /// Every column, in Amazon's order.
    pub const ALL: [Self; 7] = [
        Self::Size,
        Self::LastModifiedDate,
        Self::ETag,
        Self::StorageClass,
        Self::IsMultipartUploaded,
        Self::EncryptionStatus,
        Self::ChecksumAlgorithm,
    ];

    /// The name in XML and in manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "Size",
            Self::LastModifiedDate => "LastModifiedDate",
            Self::ETag => "ETag",
            Self::StorageClass => "StorageClass",
            Self::IsMultipartUploaded => "IsMultipartUploaded",
            Self::EncryptionStatus => "EncryptionStatus",
            Self::ChecksumAlgorithm => "ChecksumAlgorithm",
        }
    }
}

/// A version, as a list shows it.
#[derive(Clone, Debug, Default)]
pub struct Listed<'a> {
    /// The key, encoded as in a URL.
    pub key: &'a str,
    /// What clients call the version.
    pub version: &'a str,
    /// It is the current one.
    pub latest: bool,
    /// It is a delete marker.
    pub marker: bool,
    /// Bytes of content.
    pub size: u64,
    /// When it was written.
    pub modified_at: Timestamp,
    /// Its tag, without quotes.
    pub etag: &'a str,
    /// Its storage class.
    pub class: &'a str,
    /// It was uploaded in parts.
    pub parts: bool,
    /// Its additional checksum's algorithm; empty for none.
    pub checksum: &'a str,
}

/// A file of a list.
#[derive(Clone, Debug)]
pub struct ListFile {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// MD5 of them, in hexadecimal digits.
    pub md5: String,
}

impl Inventory {
    /// The columns, as a manifest names them.
    #[must_use]
    pub fn schema(&self) -> String {
        let mut names = vec!["Bucket", "Key"];
        if self.all_versions {
            names.extend(["VersionId", "IsLatest", "IsDeleteMarker"]);
        }
        names.extend(self.fields.iter().map(|field| field.name()));
        names.join(", ")
    }

    /// One line.
    #[must_use]
    pub fn line(&self, bucket: &str, listed: &Listed<'_>) -> String {
        let mut columns = vec![bucket.to_owned(), listed.key.to_owned()];
        if self.all_versions {
            let version = if listed.version == "null" { String::new() } else { listed.version.to_owned() };
            columns.extend([version, listed.latest.to_string(), listed.marker.to_string()]);
        }
        columns.extend(self.fields.iter().map(|field| match field {
            _ if listed.marker && *field != Field::LastModifiedDate => String::new(),
            Field::Size => listed.size.to_string(),
            Field::LastModifiedDate => listed.modified_at.whole_seconds().iso(),
            Field::ETag => listed.etag.to_owned(),
            Field::StorageClass => listed.class.to_owned(),
            Field::IsMultipartUploaded => listed.parts.to_string(),
            Field::EncryptionStatus => "SSE-S3".to_owned(),
            Field::ChecksumAlgorithm => listed.checksum.to_owned(),
        }));
        let quoted: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.replace('"', "\"\""))).collect();
        quoted.join(",") + "\n"
    }

    /// Where a list of a bucket goes: what all of its keys begin with.
    fn key_prefix(&self, bucket: &str) -> String {
        let prefix = self.prefix.as_deref().unwrap_or_default().trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{prefix}{slash}{bucket}/{}", self.id)
    }

    /// The folder of the manifest of a list that was begun now.
    fn folder(&self, bucket: &str, now: Timestamp) -> String {
        let text = now.whole_seconds().iso();
        format!(
            "{}/{}-{}Z",
            self.key_prefix(bucket),
            text.get(..13).unwrap_or_default(),
            text.get(14..16).unwrap_or_default()
        )
    }

    /// The key of a file of a list; `unique` tells it from others.
    #[must_use]
    pub fn file_key(&self, bucket: &str, unique: u128) -> String {
        format!("{}/data/{unique:032x}.csv.gz", self.key_prefix(bucket))
    }

    /// The key of the manifest of a list that was begun now.
    #[must_use]
    pub fn manifest_key(&self, bucket: &str, now: Timestamp) -> String {
        format!("{}/manifest.json", self.folder(bucket, now))
    }

    /// The key of the manifest's digest.
    #[must_use]
    pub fn checksum_key(&self, bucket: &str, now: Timestamp) -> String {
        format!("{}/manifest.checksum", self.folder(bucket, now))
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self, bucket: &str, now: Timestamp, files: &[ListFile]) -> String {
        let file = |file: &ListFile| json!({ "key": file.key, "size": file.size, "MD5checksum": file.md5 });
        let manifest = json!({
            "sourceBucket": bucket,
            "destinationBucket": bucket_arn(&self.destination),
            "version": "2016-11-30",
            "creationTimestamp": (now.0 / 1_000).to_string(),
            "fileFormat": "CSV",
            "fileSchema": self.schema(),
            "files": files.iter().map(file).collect::<Vec<_>>(),
        });
        manifest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_amazons_shape() {
        let inventory = Inventory {
            id: "daily".to_owned(),
            enabled: true,
            account: None,
            destination: "lists".to_owned(),
            prefix: Some("out/".to_owned()),
            filter: None,
            all_versions: true,
            weekly: false,
            fields: vec![Field::Size, Field::ETag],
        };
        let now = Timestamp(1_445_412_480_000_000);
        assert_eq!(inventory.schema(), "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag");
        assert_eq!(inventory.manifest_key("photos", now), "out/photos/daily/2015-10-21T07-28Z/manifest.json");
        assert_eq!(inventory.checksum_key("photos", now), "out/photos/daily/2015-10-21T07-28Z/manifest.checksum");
        assert_eq!(inventory.file_key("photos", 127), format!("out/photos/daily/data/{}7f.csv.gz", "0".repeat(30)));
        let listed = Listed { key: "a%20b", version: "null", latest: true, size: 7, etag: "e", ..Listed::default() };
        assert_eq!(inventory.line("photos", &listed), "\"photos\",\"a%20b\",\"\",\"true\",\"false\",\"7\",\"e\"\n");
        let marker = Listed { key: "k", version: "v", marker: true, ..Listed::default() };
        assert_eq!(inventory.line("photos", &marker), "\"photos\",\"k\",\"v\",\"false\",\"true\",\"\",\"\"\n");
        let file = ListFile { key: "f".to_owned(), size: 3, md5: "m".to_owned() };
        let manifest: serde_json::Value = serde_json::from_str(&inventory.manifest("photos", now, &[file])).unwrap();
        assert_eq!(manifest["files"][0]["MD5checksum"], "m");
        assert_eq!(manifest["destinationBucket"], "arn:aws:s3:::lists");
    }
}
