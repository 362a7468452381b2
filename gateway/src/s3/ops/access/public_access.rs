//! `PutPublicAccessBlock`, `GetPublicAccessBlock`, `DeletePublicAccessBlock`.

use crate::policy::PublicAccessBlock;
use crate::s3::documents::xml::{Element, XmlWriter, only, optional};
use crate::s3::error::{Code, S3Error};
use crate::s3::ops::settings::configuration::{self, Configuration};
use crate::s3::route::Row;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    configuration::rows::<PublicAccessBlock>(
        ["PutPublicAccessBlock", "GetPublicAccessBlock", "DeletePublicAccessBlock"],
        ["s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"],
    )
}

const SWITCHES: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

impl Configuration for PublicAccessBlock {
    const ROOT: &'static str = "PublicAccessBlockConfiguration";
    const PARAMETER: &'static str = "publicAccessBlock";
    const MISSING: Code = Code::NoSuchPublicAccessBlockConfiguration;

    fn read(root: &Element) -> Result<Self, S3Error> {
        only(root, &SWITCHES)?;
        let switch = |name| match optional(root, name)?.as_deref().map(str::trim) {
            None | Some("false" | "False" | "FALSE") => Ok(false),
            Some("true" | "True" | "TRUE") => Ok(true),
            Some(_) => Err(S3Error::from(Code::MalformedXML)),
        };
        Ok(Self {
            block_public_acls: switch(SWITCHES[0])?,
            ignore_public_acls: switch(SWITCHES[1])?,
            block_public_policy: switch(SWITCHES[2])?,
            restrict_public_buckets: switch(SWITCHES[3])?,
        })
    }

    fn write(&self, writer: &mut XmlWriter) {
        let values =
            [self.block_public_acls, self.ignore_public_acls, self.block_public_policy, self.restrict_public_buckets];
        for (name, value) in SWITCHES.into_iter().zip(values) {
            writer.plain(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::documents::xml::parse;

    #[test]
    fn switches_are_read_and_written() {
        let read = |inside: &str| {
            let text = format!("<PublicAccessBlockConfiguration>{inside}</PublicAccessBlockConfiguration>");
            PublicAccessBlock::read(&parse(text.as_bytes(), PublicAccessBlock::ROOT).unwrap())
        };
        let block =
            read("<BlockPublicPolicy>true</BlockPublicPolicy><IgnorePublicAcls>FALSE</IgnorePublicAcls>").unwrap();
        assert_eq!(block, PublicAccessBlock { block_public_policy: true, ..PublicAccessBlock::default() });
        let mut writer = XmlWriter::fragment();
        block.write(&mut writer);
        assert_eq!(read(&writer.finish()).unwrap(), block);
        assert!(read("<BlockPublicPolicy>yes</BlockPublicPolicy>").is_err());
        assert!(read("<BlockEverything>true</BlockEverything>").is_err());
    }
}
