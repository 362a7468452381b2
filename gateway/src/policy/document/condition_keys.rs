//! The condition keys that a bucket policy may ask about.
//!
//! Amazon refuses a bucket policy with any other: its own of S3 (Service Authorization Reference, "Condition keys for Amazon
//! S3"), and the global ones of IAM (IAM User Guide, "AWS global condition context keys"). Many of them never have a value
//! here, and a policy may name them all the same: tools write them. In policies of users, groups and roles Amazon takes any
//! key, because they are about other services, too.

/// Keys of S3, as [`key_name`](crate::policy::key_name) writes them, without `s3:`.
const S3: &str = "\
    accessgrantscope accessgrantsinstancearn accessgrantslocationscope accesspointnetworkorigin annotation-prefix authtype \
    dataaccesspointaccount dataaccesspointarn delimiter deliverysourcearn destinationregion existingjoboperation \
    existingjobpriority if-match if-none-match inventoryaccessibleoptionalfields isreplicationpauserequest \
    jobsuspendedcause locationconstraint logtype max-annotation-results max-keys object-lock-event-hold \
    object-lock-event-hold-duration-days object-lock-legal-hold object-lock-mode object-lock-remaining-retention-days \
    object-lock-retain-until-date objectcreationoperation prefix requestjoboperation requestjobpriority \
    requestobjecttagkeys resourceaccount resourcearnbeingauthorized signatureage signatureversion tlsversion versionid \
    x-amz-acl x-amz-bucket-namespace x-amz-content-sha256 x-amz-copy-source x-amz-grant-full-control x-amz-grant-read \
    x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp x-amz-metadata-directive \
    x-amz-object-annotation-directive x-amz-object-if-match x-amz-object-ownership x-amz-server-side-encryption \
    x-amz-server-side-encryption-aws-kms-key-id x-amz-server-side-encryption-customer-algorithm x-amz-storage-class \
    x-amz-website-redirect-location";

/// Global keys, in the same way, without `aws:`.
const GLOBAL: &str = "\
    assumedroot calledvia calledviaawsmcp calledviafirst calledvialast chatbotsourcearn currenttime \
    ec2instancesourceprivateipv4 ec2instancesourcevpc epochtime federatedprovider ismcpserviceaction multifactorauthage \
    multifactorauthpresent principalaccount principalarn principalisawsservice principalorgid principalorgpaths \
    principalservicename principalservicenameslist principaltype referer requestedregion resourceaccount resourceorgid \
    resourceorgpaths securetransport signinsessionarn sourceaccount sourcearn sourceidentity sourceip sourceorgid \
    sourceorgpaths sourceowner sourcevpc sourcevpcarn sourcevpce tagkeys tokenissuetime useragent userid username \
    viaawsmcpservice viaawsservice vpceaccount vpceorgid vpceorgpaths vpcsourceip";

/// Keys of other services that say how a caller got its credentials, whatever it calls.
const OF_SESSIONS: [&str; 9] = [
    "codebuild:buildarn",
    "codebuild:projectarn",
    "ec2:roledelivery",
    "ec2:sourceinstancearn",
    "glue:credentialissuingservice",
    "glue:roleassumedby",
    "identitystore:userid",
    "lambda:sourcefunctionarn",
    "ssm:sourceinstancearn",
];

/// Keys that go on with the key of a tag, after a slash.
const OF_TAGS: [&str; 7] = [
    "aws:principaltag",
    "aws:requesttag",
    "aws:resourcetag",
    "s3:accesspointtag",
    "s3:buckettag",
    "s3:existingobjecttag",
    "s3:requestobjecttag",
];

/// Whether there is such a key; it comes as [`key_name`](crate::policy::key_name) writes it.
pub(super) fn is_known(key: &str) -> bool {
    if let Some((name, tag)) = key.split_once('/') {
        return OF_TAGS.contains(&name) && !tag.is_empty();
    }
    match key.split_once(':') {
        Some(("s3", name)) => is_one_of(S3, name),
        Some(("aws", name)) => is_one_of(GLOBAL, name),
        _ => OF_SESSIONS.contains(&key),
    }
}

fn is_one_of(names: &str, name: &str) -> bool {
    names.split(' ').any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::value::key_name;

    #[test]
    fn keys_are_known_whatever_their_case() {
        for key in [
            "s3:prefix",
            "s3:VersionId",
            "s3:x-amz-acl",
            "S3:TlsVersion",
            "s3:ExistingObjectTag/Team",
            "s3:RequestObjectTag/a/b",
            "s3:x-amz-server-side-encryption",
            "s3:x-amz-website-redirect-location",
            "aws:SourceIp",
            "AWS:userid",
            "aws:referer",
            "aws:PrincipalTag/Team",
            "aws:SourceVpce",
            "aws:VpcSourceIp",
            "ec2:SourceInstanceArn",
        ] {
            assert!(is_known(&key_name(key)), "{key}");
        }
    }

    #[test]
    fn others_are_not() {
        for key in [
            "s3:",
            "s3:prefixes",
            "s3:x-amz-tagging",
            "s3:ExistingObjectTag",
            "s3:ExistingObjectTag/",
            "s3:ExistingObjectTags/Team",
            "s3:prefix/a",
            "aws:SourceIps",
            "aws:PrincipalTag",
            "ec2:Vpc",
            "sts:ExternalId",
            "saml:sub",
            "prefix",
            "",
            "s3:prefix delimiter",
        ] {
            assert!(!is_known(&key_name(key)), "{key}");
        }
    }
}
