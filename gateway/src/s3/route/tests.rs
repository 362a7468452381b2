//! The table is walked: every row is found by its own request and by no other, and asks for a permission.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::domain::{CanonicalId, Ownership, Timestamp, User, UserId};
use crate::policy::{BucketPolicy, BucketRules, Decision, Permission, Principal, PublicAccessBlock, decide};
use crate::s3::pipeline::target::Level;
use crate::s3::route::find::{RouteMatch, RouteQuery};
use crate::s3::route::markdown::operations_as_markdown;
use crate::s3::route::row::{Need, Row};
use crate::s3::route::table::TABLE;
use crate::s3::uri::Query;

/// Every operation of Amazon's model of 2026, but four old names of others and the one of Object Lambda, which has an
/// address of its own.
const MODEL: &str = "\
    AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket CreateBucketMetadataConfiguration \
    CreateBucketMetadataTableConfiguration CreateMultipartUpload CreateSession DeleteBucket \
    DeleteBucketAnalyticsConfiguration DeleteBucketCors DeleteBucketEncryption \
    DeleteBucketIntelligentTieringConfiguration DeleteBucketInventoryConfiguration DeleteBucketLifecycle \
    DeleteBucketMetadataConfiguration DeleteBucketMetadataTableConfiguration DeleteBucketMetricsConfiguration \
    DeleteBucketOwnershipControls DeleteBucketPolicy DeleteBucketReplication DeleteBucketTagging \
    DeleteBucketWebsite DeleteObject DeleteObjectAnnotation DeleteObjectTagging DeleteObjects \
    DeletePublicAccessBlock GetBucketAbac GetBucketAccelerateConfiguration GetBucketAcl \
    GetBucketAnalyticsConfiguration GetBucketCors GetBucketEncryption GetBucketIntelligentTieringConfiguration \
    GetBucketInventoryConfiguration GetBucketLifecycleConfiguration GetBucketLocation GetBucketLogging \
    GetBucketMetadataConfiguration GetBucketMetadataTableConfiguration GetBucketMetricsConfiguration \
    GetBucketNotificationConfiguration GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus \
    GetBucketReplication GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetObject \
    GetObjectAcl GetObjectAnnotation GetObjectAttributes GetObjectLegalHold GetObjectLockConfiguration \
    GetObjectRetention GetObjectTagging GetObjectTorrent GetPublicAccessBlock HeadBucket HeadObject \
    ListBucketAnalyticsConfigurations ListBucketIntelligentTieringConfigurations ListBucketInventoryConfigurations \
    ListBucketMetricsConfigurations ListBuckets ListDirectoryBuckets ListMultipartUploads ListObjectAnnotations \
    ListObjectVersions ListObjects ListObjectsV2 ListParts PutBucketAbac PutBucketAccelerateConfiguration \
    PutBucketAcl PutBucketAnalyticsConfiguration PutBucketCors PutBucketEncryption \
    PutBucketIntelligentTieringConfiguration PutBucketInventoryConfiguration PutBucketLifecycleConfiguration \
    PutBucketLogging PutBucketMetricsConfiguration PutBucketNotificationConfiguration PutBucketOwnershipControls \
    PutBucketPolicy PutBucketReplication PutBucketRequestPayment PutBucketTagging PutBucketVersioning \
    PutBucketWebsite PutObject PutObjectAcl PutObjectAnnotation PutObjectLegalHold PutObjectLockConfiguration \
    PutObjectRetention PutObjectTagging PutPublicAccessBlock RenameObject RestoreObject SelectObjectContent \
    UpdateBucketMetadataAnnotationTableConfiguration UpdateBucketMetadataInventoryTableConfiguration \
    UpdateBucketMetadataJournalTableConfiguration UpdateObjectEncryption UploadPart UploadPartCopy";

fn find(method: &Method, level: Level, query: &str, headers: &[(&'static str, &str)]) -> String {
    let query = Query::parse(query).expect("a query");
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value")))
        .collect();
    match TABLE.find(&RouteQuery { method, level, query: &query, headers: &headers }) {
        RouteMatch::Row(_, row) => row.operation.to_owned(),
        RouteMatch::UnknownParameter(_, _, name) => format!("?{name}"),
        RouteMatch::Ambiguous(one, other) => format!("{} or {}", one.operation, other.operation),
        RouteMatch::Nothing => "nothing".to_owned(),
    }
}

/// The request that has just what a row needs.
fn example(row: &Row) -> (String, Vec<(&'static str, &'static str)>) {
    let mut query = Vec::new();
    let mut headers = Vec::new();
    for need in &row.needs {
        match need {
            Need::Query(name) => query.push((*name).to_owned()),
            Need::QueryValue(name, value) => query.push(format!("{name}={value}")),
            Need::Header(name) => headers.push((*name, "photos/cat.jpg")),
        }
    }
    (query.join("&"), headers)
}

#[test]
fn the_example_of_every_row_finds_that_row() {
    for row in TABLE.rows() {
        let (query, headers) = example(row);
        assert_eq!(find(&row.method, row.level, &query, &headers), row.operation, "{row:?}");
    }
}

#[test]
fn no_two_rows_are_the_same_request() {
    let mut seen = HashSet::new();
    for row in TABLE.rows() {
        let mut needs: Vec<_> = row.needs.iter().map(|need| format!("{need:?}")).collect();
        needs.sort();
        assert!(seen.insert((row.method.clone(), row.level, needs)), "another row has the needs of {row:?}");
    }
}

#[test]
fn every_operation_of_the_model_is_a_row() {
    let rows: HashSet<_> = TABLE.rows().iter().map(|row| row.operation).collect();
    assert_eq!(rows.len(), TABLE.rows().len(), "an operation has two rows");
    let missing: Vec<_> = MODEL.split(' ').filter(|operation| !rows.contains(operation)).collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
    let model: HashSet<_> = MODEL.split(' ').collect();
    let ours: HashSet<_> = rows.difference(&model).copied().collect();
    let others =
        ["PostObject", "PreflightBucket", "PreflightObject", "ListTagsForResource", "TagResource", "UntagResource"];
    assert_eq!(ours, HashSet::from(others));
}

fn account(number: i64) -> Principal {
    let canonical_id = CanonicalId(format!("{number:064x}"));
    let (id, created_at) = (UserId(number), Timestamp(0));
    Principal::of_account(&User { id, name: "anna".to_owned(), canonical_id, root: false, created_at })
}

/// What is decided about a row's main permission, on a bucket of account 1 under this policy.
fn decision(row: &Row, caller: Option<&Principal>, permission: Permission, policy: Option<&BucketPolicy>) -> Decision {
    let resource = match row.level {
        Level::Service => "*",
        Level::Bucket | Level::Resource => "arn:aws:s3:::photos",
        Level::Object => "arn:aws:s3:::photos/cat.jpg",
    };
    // Many keys are deleted in the name of the bucket, each decided about on its own.
    let resource =
        if row.by_handler || row.operation == "PostObject" { "arn:aws:s3:::photos/cat.jpg" } else { resource };
    let query = crate::policy::AuthorizationRequest { caller, action: permission.0, resource, keys: &|_| None };
    let (ownership, block) = (Ownership::default(), PublicAccessBlock::default());
    let rules = BucketRules { owner: UserId(1), policy, list: None, ownership, block };
    let existing = row.level != Level::Service && row.operation != "CreateBucket";
    decide(&query, existing.then_some(&rules), None)
}

#[test]
fn every_row_is_refused_to_those_without_rights() {
    let unprivileged = account(2);
    for row in TABLE.rows() {
        assert!(row.permission.0.starts_with("s3:"), "{row:?} has no permission");
        for permission in [Some(row.permission), row.version_permission].into_iter().flatten() {
            assert_eq!(decision(row, None, permission, None), Decision::Deny, "anonymous: {row:?}");
            assert_eq!(decision(row, Some(&account(1)), permission, None), Decision::Allow, "the owner: {row:?}");
            if row.level != Level::Service && row.operation != "CreateBucket" {
                assert_eq!(
                    decision(row, Some(&unprivileged), permission, None),
                    Decision::Deny,
                    "another account: {row:?}"
                );
            }
        }
    }
    let open: HashSet<_> = TABLE.rows().iter().filter(|row| row.open).map(|row| row.operation).collect();
    assert_eq!(open, HashSet::from(["PostObject", "PreflightBucket", "PreflightObject"]), "rows open to all");
}

#[test]
fn a_policy_for_one_permission_opens_the_rows_that_ask_for_it_and_no_other() {
    let unprivileged = account(2);
    let permissions =
        |row: &Row| [Some(row.permission), row.version_permission].into_iter().flatten().collect::<Vec<_>>();
    let requested: HashSet<_> = TABLE.rows().iter().flat_map(permissions).collect();
    for allowed in requested {
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"{}",
               "Resource":["arn:aws:s3:::photos","arn:aws:s3:::photos/*"]}}}}"#,
            allowed.0
        );
        let policy = BucketPolicy::parse(&text, "photos", false).unwrap_or_else(|error| panic!("{allowed:?}: {error}"));
        for row in TABLE.rows().iter().filter(|row| row.level != Level::Service && row.operation != "CreateBucket") {
            for permission in permissions(row) {
                // The policy itself is its owner's, whatever it says.
                let (anonymous, known) = match permission == allowed {
                    true if permission.0.ends_with("BucketPolicy") => (Decision::Deny, Decision::OwnersOnly),
                    true => (Decision::Allow, Decision::Allow),
                    false => (Decision::Deny, Decision::Deny),
                };
                for (caller, wanted) in [(None, anonymous), (Some(&unprivileged), known)] {
                    assert_eq!(decision(row, caller, permission, Some(&policy)), wanted, "{allowed:?} {row:?}");
                }
            }
        }
    }
}

#[test]
fn requests_of_real_clients_find_their_operations() {
    let (get, put, post, delete, head) = (Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::HEAD);
    let (bucket, object) = (Level::Bucket, Level::Object);
    let table = [
        (&get, Level::Service, "", "ListBuckets"),
        (&get, Level::Service, "x-id=ListBuckets", "ListBuckets"),
        (&get, Level::Service, "prefix=a&max-buckets=2", "ListBuckets"),
        (&get, bucket, "", "ListObjects"),
        (&get, bucket, "prefix=&delimiter=%2F&max-keys=1000&encoding-type=url", "ListObjects"),
        (&get, bucket, "list-type=2&prefix=&fetch-owner=true&start-after=", "ListObjectsV2"),
        (&get, bucket, "list-type=3", "ListObjects"),
        (&get, bucket, "location=", "GetBucketLocation"),
        (&get, bucket, "uploads&prefix=a&delimiter=", "ListMultipartUploads"),
        (&get, bucket, "versions&encoding-type=url&prefix=", "ListObjectVersions"),
        (&get, bucket, "object-lock", "GetObjectLockConfiguration"),
        (&get, bucket, "inventory&id=1", "GetBucketInventoryConfiguration"),
        (&get, bucket, "inventory&x-id=ListBucketInventoryConfigurations", "ListBucketInventoryConfigurations"),
        (&get, bucket, "tool=mine", "ListObjects"),
        (&get, object, "", "GetObject"),
        (&get, object, "x-id=GetObject&partNumber=2&versionId=null", "GetObject"),
        (&get, object, "response-content-type=a&X-Amz-Signature=b", "GetObject"),
        (&get, object, "AWSAccessKeyId=a&Signature=b&Expires=1", "GetObject"),
        (&get, object, "cachebuster=17", "GetObject"),
        (&get, object, "1699999999", "GetObject"),
        (&head, object, "1699999999", "HeadObject"),
        (&get, object, "prefix=a", "GetObject"),
        (&get, bucket, "list-type=2&1699999999", "ListObjectsV2"),
        (&put, object, "x-user=anna", "PutObject"),
        (&put, object, "partNumber=1&uploadId=a&x-user=anna", "UploadPart"),
        (&delete, object, "x-user=anna&tagging", "DeleteObjectTagging"),
        (&delete, bucket, "force=1", "DeleteBucket"),
        (&get, object, "uploadId=1&max-parts=2&part-number-marker=0", "ListParts"),
        (&get, object, "attributes=", "GetObjectAttributes"),
        (&head, object, "", "HeadObject"),
        (&head, bucket, "", "HeadBucket"),
        (&put, bucket, "", "CreateBucket"),
        (&put, object, "x-id=PutObject", "PutObject"),
        (&put, object, "partNumber=1&uploadId=a&x-id=UploadPart", "UploadPart"),
        (&post, object, "uploads=", "CreateMultipartUpload"),
        (&post, object, "uploadId=a", "CompleteMultipartUpload"),
        (&post, object, "select&select-type=2", "SelectObjectContent"),
        (&post, bucket, "delete=", "DeleteObjects"),
        (&delete, object, "uploadId=a", "AbortMultipartUpload"),
        (&delete, object, "versionId=null", "DeleteObject"),
        (&delete, bucket, "cors", "DeleteBucketCors"),
        (&delete, object, "tagging&versionId=null", "DeleteObjectTagging"),
        (&put, object, "retention&versionId=0123", "PutObjectRetention"),
        (&put, object, "legal-hold=", "PutObjectLegalHold"),
        (&put, object, "renameObject=", "RenameObject"),
        (&put, bucket, "versioning", "PutBucketVersioning"),
    ];
    for (method, level, query, operation) in table {
        assert_eq!(find(method, level, query, &[]), operation, "{method} {level:?} ?{query}");
    }
    let copy = [("x-amz-copy-source", "photos/a")];
    assert_eq!(find(&put, object, "x-id=CopyObject", &copy), "CopyObject");
    assert_eq!(find(&put, object, "partNumber=1&uploadId=a", &copy), "UploadPartCopy");
    assert_eq!(find(&put, object, "X-Amz-Copy-Source=photos%2Fa&X-Amz-Signature=b", &[]), "CopyObject");
}

#[test]
fn nothing_falls_through_to_another_operation() {
    let (get, put, post, delete) = (Method::GET, Method::PUT, Method::POST, Method::DELETE);
    let (bucket, object) = (Level::Bucket, Level::Object);
    let table = [
        (&put, object, "uploadId=a", "?uploadId"),
        (&put, object, "partNumber=1", "?partNumber"),
        (&put, object, "versionId=null", "?versionId"),
        (&put, object, "policyStatus", "?policyStatus"),
        (&get, object, "publicAccessBlock", "?publicAccessBlock"),
        (&delete, object, "abac", "?abac"),
        (&get, object, "versioning", "?versioning"),
        (&get, bucket, "retention", "?retention"),
        (&put, object, "acl&tagging", "PutObjectAcl or PutObjectTagging"),
        (&post, object, "", "nothing"),
        (&post, Level::Service, "", "nothing"),
        (&Method::PATCH, object, "", "nothing"),
    ];
    for (method, level, query, found) in table {
        assert_eq!(find(method, level, query, &[]), found, "{method} {level:?} ?{query}");
    }
    let renamed = find(&put, object, "renameObject", &[("x-amz-copy-source", "photos/a")]);
    assert_eq!(renamed, "CopyObject or RenameObject", "whichever it is, it is neither a PUT nor done");
}

#[test]
fn the_page_lists_the_operations() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/S3.md");
    let page = std::fs::read_to_string(path).expect("S3.md");
    let (_, rest) = page.split_once("<!-- operations -->\n").expect("the marker <!-- operations -->");
    let (listed, _) = rest.split_once("<!-- /operations -->").expect("the marker <!-- /operations -->");
    let table = operations_as_markdown(&TABLE);
    assert_eq!(listed.trim(), table.trim(), "paste this between the markers in gateway/S3.md:\n\n{table}\n");
}
