//! The buckets and what is configured on them.

use anyhow::Result;
use http::Method;

use crate::writer::Writer;

/// Buckets of the root user.
pub const BUCKETS: [&str; 9] =
    ["plain", "classes", "enabled", "suspended", "locked", "settings", "lists", "uploads", "told"];

/// What is configured on the bucket `settings`: the parameter and the document.
const SETTINGS: [(&str, &str); 9] = [
    (
        "tagging",
        "<Tagging><TagSet><Tag><Key>project</Key><Value>gr\u{f6}\u{df}e + more</Value></Tag>\
         <Tag><Key>empty</Key><Value></Value></Tag></TagSet></Tagging>",
    ),
    (
        "cors",
        "<CORSConfiguration><CORSRule><ID>one</ID><AllowedOrigin>https://*.example.org</AllowedOrigin>\
         <AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod><AllowedHeader>*</AllowedHeader>\
         <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>",
    ),
    (
        "lifecycle",
        "<LifecycleConfiguration><Rule><ID>late</ID><Filter><And><Prefix>old/</Prefix><Tag><Key>k</Key><Value>v</Value>\
         </Tag></And></Filter><Status>Enabled</Status><Expiration><Days>36500</Days></Expiration></Rule>\
         <Rule><ID>uploads</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>\
         <AbortIncompleteMultipartUpload><DaysAfterInitiation>36500</DaysAfterInitiation>\
         </AbortIncompleteMultipartUpload></Rule><Rule><ID>cold</ID><Filter><Prefix>cold/</Prefix></Filter>\
         <Status>Disabled</Status><Transition><Days>36500</Days><StorageClass>GLACIER_IR</StorageClass></Transition>\
         </Rule></LifecycleConfiguration>",
    ),
    (
        "website",
        "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument><ErrorDocument>\
         <Key>error.html</Key></ErrorDocument><RoutingRules><RoutingRule><Condition><KeyPrefixEquals>a&amp;b/\
         </KeyPrefixEquals></Condition><Redirect><ReplaceKeyPrefixWith>c/</ReplaceKeyPrefixWith></Redirect>\
         </RoutingRule></RoutingRules></WebsiteConfiguration>",
    ),
    (
        "encryption",
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms\
         </SSEAlgorithm><KMSMasterKeyID>main</KMSMasterKeyID></ApplyServerSideEncryptionByDefault>\
         <BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>",
    ),
    (
        "publicAccessBlock",
        "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true\
         </IgnorePublicAcls><BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>false\
         </RestrictPublicBuckets></PublicAccessBlockConfiguration>",
    ),
    (
        "ownershipControls",
        "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>",
    ),
    ("requestPayment", "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"),
    ("accelerate", "<AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>"),
];

const NOTIFICATION: &str = "<NotificationConfiguration><QueueConfiguration><Id>rule</Id>\
    <Queue>arn:haulout:sqs:us-east-1:1:hook</Queue><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event>\
    <Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule></S3Key></Filter>\
    </QueueConfiguration></NotificationConfiguration>";

const LOCK: &str = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
    <Mode>GOVERNANCE</Mode><Years>99</Years></DefaultRetention></Rule></ObjectLockConfiguration>";

/// Parameters of a bucket that can be read whether or not they were set.
pub const PARAMETERS: [&str; 14] = [
    "tagging",
    "cors",
    "lifecycle",
    "website",
    "encryption",
    "publicAccessBlock",
    "ownershipControls",
    "requestPayment",
    "accelerate",
    "policy",
    "notification",
    "versioning",
    "object-lock",
    "acl",
];

/// Makes the buckets.
pub async fn make(writer: &mut Writer) -> Result<()> {
    let root = writer.root();
    for bucket in BUCKETS {
        let request = root.request(Method::PUT, format!("/{bucket}"));
        let request = match bucket {
            "locked" => request.header("x-amz-bucket-object-lock-enabled", "true"),
            "lists" => request.header("x-amz-object-ownership", "ObjectWriter"),
            _ => request,
        };
        request.send().await?.ok()?;
    }
    Ok(())
}

/// Configures them. The users are there.
pub async fn configure(writer: &mut Writer) -> Result<()> {
    for (parameter, document) in SETTINGS {
        writer.set("/settings", parameter, document).await?;
    }
    let policy = "{\"Version\":\"2012-10-17\",\"Id\":\"of the fixture\",\"Statement\":[{\"Sid\":\"Read\",\"Effect\":\"Allow\",\
                  \"Principal\":{\"AWS\":\"ALICE\"},\"Action\":[\"s3:GetObject\",\"s3:ListBucket\"],\"Resource\":\
                  [\"arn:aws:s3:::plain\",\"arn:aws:s3:::plain/*\"]},{\"Sid\":\"Not\",\"Effect\":\"Deny\",\"Principal\":\"*\",\
                  \"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::plain/small/denied\"}]}";
    let alice = crate::identity::arn_of(writer, "alice").await?;
    writer.set("/plain", "policy", &policy.replace("ALICE", &alice)).await?;
    writer.set("/told", "notification", NOTIFICATION).await?;
    writer.set("/locked", "object-lock", LOCK).await
}
