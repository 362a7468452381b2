//! `PutBucketEncryption`, `GetBucketEncryption`, `DeleteBucketEncryption`: which keys encrypt the objects of a bucket when
//! a write names none.

use crate::domain::{Bucket, DefaultAlgorithm, DefaultEncryption};
use crate::s3::documents::xml::{Element, XmlWriter, only, optional};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration::{self, Configuration};
use crate::s3::pipeline::request::S3Request;
use crate::s3::route::Row;

/// The longest name of a key: that of an ARN, in bytes.
const KEY_ID_BYTES_MAX: usize = 2_048;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    configuration::rows::<DefaultEncryption>(
        ["PutBucketEncryption", "GetBucketEncryption", "DeleteBucketEncryption"],
        ["s3:PutEncryptionConfiguration", "s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"],
    )
}

impl Configuration for DefaultEncryption {
    const ROOT: &'static str = "ServerSideEncryptionConfiguration";
    const PARAMETER: &'static str = "encryption";
    const MISSING: Code = Code::ServerSideEncryptionConfigurationNotFoundError;

    fn read(root: &Element) -> Result<Self, S3Error> {
        only(root, &["Rule"])?;
        let [rule] = root.children.as_slice() else { return Err(Code::MalformedXML.into()) };
        only(rule, &["ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes"])?;
        check_blocked(rule)?;
        let bucket_key = match optional(rule, "BucketKeyEnabled")?.as_deref() {
            None => None,
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => return Err(Code::MalformedXML.into()),
        };
        let default = rule.child("ApplyServerSideEncryptionByDefault").ok_or(Code::MalformedXML)?;
        only(default, &["SSEAlgorithm", "KMSMasterKeyID"])?;
        let key_id = optional(default, "KMSMasterKeyID")?.filter(|id| !id.is_empty());
        let algorithm = match optional(default, "SSEAlgorithm")?.as_deref() {
            Some("AES256") => DefaultAlgorithm::Gateway,
            Some("aws:kms") => DefaultAlgorithm::Kms,
            Some("aws:kms:dsse" | "aws:fsx") => return Err(Code::NotImplemented.into()),
            _ => return Err(Code::MalformedXML.into()),
        };
        if key_id.as_ref().is_some_and(|id| id.len() > KEY_ID_BYTES_MAX) {
            return Err(Code::MalformedXML.into());
        }
        if algorithm == DefaultAlgorithm::Gateway && key_id.is_some() {
            let message =
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
            let error = S3Error::with(Code::InvalidArgument, message);
            return Err(error.field("ArgumentName", "ApplyServerSideEncryptionByDefault"));
        }
        Ok(Self { algorithm, key_id, bucket_key })
    }

    /// The key it names must be one for the bucket's account: else nothing could be written any more.
    fn check(&self, request: &S3Request, bucket: &Bucket) -> Result<(), S3Error> {
        if self.algorithm == DefaultAlgorithm::Kms {
            request.state.objects.check_permitted(self.key_id.as_deref(), bucket.owner)?;
        }
        Ok(())
    }

    fn write(&self, writer: &mut XmlWriter) {
        writer.open("Rule").open("ApplyServerSideEncryptionByDefault").text("SSEAlgorithm", self.algorithm.name());
        writer.maybe("KMSMasterKeyID", self.key_id.as_deref()).close("ApplyServerSideEncryptionByDefault");
        // Amazon shows `false` where nothing was said; Terraform would otherwise see a change on every refresh.
        writer.plain("BucketKeyEnabled", self.bucket_key.unwrap_or(false)).close("Rule");
    }
}

/// Kinds of encryption that nobody may use in the bucket: none is blocked here, and a promise to block one is not made.
fn check_blocked(rule: &Element) -> Result<(), S3Error> {
    let Some(blocked) = rule.child("BlockedEncryptionTypes") else { return Ok(()) };
    only(blocked, &["EncryptionType"])?;
    if blocked.children.iter().all(|kind| kind.text == "NONE") { Ok(()) } else { Err(Code::NotImplemented.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::documents::xml::parse;

    fn read(inside: &str) -> Result<DefaultEncryption, S3Error> {
        let text = format!("<ServerSideEncryptionConfiguration>{inside}</ServerSideEncryptionConfiguration>");
        DefaultEncryption::read(&parse(text.as_bytes(), DefaultEncryption::ROOT).unwrap())
    }

    fn rule(default: &str, more: &str) -> String {
        format!("<Rule><ApplyServerSideEncryptionByDefault>{default}</ApplyServerSideEncryptionByDefault>{more}</Rule>")
    }

    #[test]
    fn what_is_put_is_shown() {
        let (own, kms) = ("<SSEAlgorithm>AES256</SSEAlgorithm>", "<SSEAlgorithm>aws:kms</SSEAlgorithm>");
        let named = format!("{kms}<KMSMasterKeyID>a key</KMSMasterKeyID>");
        for inside in [
            rule(own, "<BucketKeyEnabled>false</BucketKeyEnabled>"),
            rule(kms, "<BucketKeyEnabled>true</BucketKeyEnabled>"),
            rule(&named, "<BucketKeyEnabled>false</BucketKeyEnabled>"),
        ] {
            let mut writer = XmlWriter::fragment();
            read(&inside).unwrap().write(&mut writer);
            assert_eq!(writer.finish(), inside);
        }
        assert_eq!(read(&rule(own, "")).unwrap().bucket_key, None);
    }

    #[test]
    fn what_cannot_be_promised_is_refused() {
        let own = "<SSEAlgorithm>AES256</SSEAlgorithm>";
        for (inside, code) in [
            (String::new(), Code::MalformedXML),
            ("<Rule/>".to_owned(), Code::MalformedXML),
            (rule("", ""), Code::MalformedXML),
            (rule("<SSEAlgorithm>rot13</SSEAlgorithm>", ""), Code::MalformedXML),
            (rule("<SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>", ""), Code::NotImplemented),
            (rule(&format!("{own}<KMSMasterKeyID>k</KMSMasterKeyID>"), ""), Code::InvalidArgument),
            (rule(own, "<BucketKeyEnabled>maybe</BucketKeyEnabled>"), Code::MalformedXML),
            (
                rule(own, "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"),
                Code::NotImplemented,
            ),
            (rule(own, "").repeat(2), Code::MalformedXML),
        ] {
            assert_eq!(read(&inside).unwrap_err().code, code, "{inside}");
        }
    }
}
