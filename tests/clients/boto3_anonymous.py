"""boto3 without credentials, in a bucket that anybody may read and write: over https it sends its bodies in unsigned
chunks with a checksum behind them, which is no claim to be anybody."""
import io

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from gateway import ENDPOINT, bucket, client, refused

s3 = client()
nobody = boto3.client("s3", endpoint_url=ENDPOINT, config=Config(signature_version=UNSIGNED))
OPEN = bucket(s3, "open")
SHUT = bucket(s3, "shut")
s3.put_bucket_ownership_controls(Bucket=OPEN, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
s3.put_bucket_acl(Bucket=OPEN, ACL="public-read-write")


def anybody_writes_where_anybody_may():
    nobody.put_object(Bucket=OPEN, Key="note", Body=b"from nobody")
    nobody.put_object(Bucket=OPEN, Key="film", Body=io.BytesIO(b"y" * (9 << 20)))
    kept = {entry["Key"]: entry["Size"] for entry in nobody.list_objects_v2(Bucket=OPEN)["Contents"]}
    assert kept == {"note": 11, "film": 9 << 20}, kept
    assert s3.get_object(Bucket=OPEN, Key="note")["Body"].read() == b"from nobody"


def a_wrong_checksum_is_noticed():
    refused("BadDigest", nobody.put_object, Bucket=OPEN, Key="note", Body=b"changed", ChecksumCRC32="AAAAAA==")
    assert s3.get_object(Bucket=OPEN, Key="note")["Body"].read() == b"from nobody"


def nobody_begins_uploads_or_copies():
    """As on Amazon, whatever lists and policies say."""
    refused("AccessDenied", nobody.create_multipart_upload, Bucket=OPEN, Key="film")
    refused("AccessDenied", nobody.copy_object, Bucket=OPEN, Key="copy", CopySource={"Bucket": OPEN, "Key": "note"})


def nobody_writes_elsewhere():
    refused("AccessDenied", nobody.put_object, Bucket=SHUT, Key="note", Body=b"from nobody")
    assert "Contents" not in s3.list_objects_v2(Bucket=SHUT)


anybody_writes_where_anybody_may()
a_wrong_checksum_is_noticed()
nobody_begins_uploads_or_copies()
nobody_writes_elsewhere()
