"""What Terraform's aws_s3_bucket reads on every refresh: of a bucket where nothing was configured, and of one where all was."""
from gateway import bucket, client, refused

s3 = client()
B = bucket(s3, "refreshed")


def answer(operation, **arguments):
    reply = getattr(s3, operation)(Bucket=B, **arguments)
    reply.pop("ResponseMetadata")
    return reply


# Never configured: each of these has an error of its own, which Terraform takes for "not there".
for operation, code in {
    "get_bucket_cors": "NoSuchCORSConfiguration",
    "get_bucket_encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "get_bucket_policy": "NoSuchBucketPolicy",
    "get_bucket_replication": "ReplicationConfigurationNotFoundError",
    "get_bucket_tagging": "NoSuchTagSet",
    "get_bucket_website": "NoSuchWebsiteConfiguration",
    "get_object_lock_configuration": "ObjectLockConfigurationNotFoundError",
    "get_bucket_lifecycle_configuration": "NoSuchLifecycleConfiguration",
}.items():
    refused(code, getattr(s3, operation), Bucket=B)
for operation in ("analytics", "metrics", "intelligent_tiering"):
    refused("NoSuchConfiguration", getattr(s3, f"get_bucket_{operation}_configuration"), Bucket=B, Id="any")

# Never configured: these answer, and say nothing.
assert answer("get_bucket_versioning") == {}
assert answer("get_bucket_logging") == {}
assert answer("get_bucket_notification_configuration") == {}
assert answer("get_bucket_accelerate_configuration") == {}
assert answer("get_bucket_request_payment") == {"Payer": "BucketOwner"}
assert answer("get_bucket_location") == {"LocationConstraint": None}
for operation in ("analytics", "metrics", "intelligent_tiering"):
    assert answer(f"list_bucket_{operation}_configurations") == {"IsTruncated": False}, operation
assert answer("get_bucket_acl")["Grants"][0]["Permission"] == "FULL_CONTROL"
s3.head_bucket(Bucket=B)

# Configured: what was put is what is read.
tags = {"TagSet": [{"Key": "Name", "Value": "a bucket"}, {"Key": "größe", "Value": "+"}]}
s3.put_bucket_tagging(Bucket=B, Tagging=tags)
assert answer("get_bucket_tagging") == tags
refused("InvalidTag", s3.put_bucket_tagging, Bucket=B, Tagging={"TagSet": [{"Key": "aws:x", "Value": "y"}]})
many = [{"Key": str(number), "Value": ""} for number in range(51)]
refused("BadRequest", s3.put_bucket_tagging, Bucket=B, Tagging={"TagSet": many})
s3.put_bucket_tagging(Bucket=B, Tagging={"TagSet": many[:50]})

rule = {"ID": "one", "AllowedHeaders": ["*"], "AllowedMethods": ["PUT", "GET"], "AllowedOrigins": ["https://*.example.org"],
        "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}
s3.put_bucket_cors(Bucket=B, CORSConfiguration={"CORSRules": [rule]})
assert answer("get_bucket_cors") == {"CORSRules": [rule]}
bad = {**rule, "AllowedMethods": ["PATCH"]}
refused("InvalidRequest", s3.put_bucket_cors, Bucket=B, CORSConfiguration={"CORSRules": [bad]})

site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [{"Condition": {"KeyPrefixEquals": "a&b/"}, "Redirect": {"ReplaceKeyPrefixWith": "c/"}}]}
s3.put_bucket_website(Bucket=B, WebsiteConfiguration=site)
assert answer("get_bucket_website") == site

for default in ({"SSEAlgorithm": "AES256"}, {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "a-key"}):
    rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}]
    s3.put_bucket_encryption(Bucket=B, ServerSideEncryptionConfiguration={"Rules": rules})
    shown = answer("get_bucket_encryption")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert shown["ApplyServerSideEncryptionByDefault"] == default, shown

s3.put_bucket_accelerate_configuration(Bucket=B, AccelerateConfiguration={"Status": "Suspended"})
assert answer("get_bucket_accelerate_configuration") == {"Status": "Suspended"}
refused("NotImplemented", s3.put_bucket_accelerate_configuration, Bucket=B, AccelerateConfiguration={"Status": "Enabled"})
s3.put_bucket_request_payment(Bucket=B, RequestPaymentConfiguration={"Payer": "BucketOwner"})
refused("NotImplemented", s3.put_bucket_request_payment, Bucket=B, RequestPaymentConfiguration={"Payer": "Requester"})

# And taken back.
for operation, code in {"cors": "NoSuchCORSConfiguration", "tagging": "NoSuchTagSet", "website": "NoSuchWebsiteConfiguration",
                        "encryption": "ServerSideEncryptionConfigurationNotFoundError"}.items():
    for _ in range(2):
        getattr(s3, f"delete_bucket_{operation}")(Bucket=B)
    refused(code, getattr(s3, f"get_bucket_{operation}"), Bucket=B)
# What a write says it is encrypted with.
written = s3.put_object(Bucket=B, Key="k", Body=b"x", ServerSideEncryption="AES256")
assert written["ServerSideEncryption"] == "AES256" == s3.head_object(Bucket=B, Key="k")["ServerSideEncryption"]
