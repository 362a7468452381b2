"""boto3 meets 402: it does not try again, tells what is missing, and may still read, delete and abort. BUCKET is out of funds."""
import io
import os
import time

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

import gateway

BUCKET = os.environ.get("HAULOUT_BUCKET", "paid")

# As most people use it: with the retries that boto3 comes with.
for mode in ["legacy", "standard", "adaptive"]:
    s3 = gateway.client(retries={"mode": mode, "max_attempts": 5})
    sent = []
    s3.meta.events.register("before-send.s3", lambda request, **_: sent.append(request.method))
    error = gateway.refused("InsufficientFunds", s3.put_object, Bucket=BUCKET, Key="boto3", Body=b"x" * 100_000)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 402, error
    assert error["ResponseMetadata"]["RetryAttempts"] == 0 and len(sent) == 1, (mode, sent)
    assert int(error["Error"]["MissingFrost"]) > 0, error
    assert "are missing" in error["Error"]["Message"] and "https://pay.example/haulout" in error["Error"]["Message"], error

s3 = gateway.client(retries={"mode": "standard", "max_attempts": 5})
began = time.monotonic()
try:
    s3.upload_fileobj(io.BytesIO(b"x" * 20_000_000), BUCKET, "large")
    raise AssertionError("a large file was accepted")
except (ClientError, S3UploadFailedError) as error:
    assert "InsufficientFunds" in str(error), error
assert time.monotonic() - began < 20, "it tried for too long"
assert s3.list_objects_v2(Bucket=BUCKET).get("KeyCount") == 0
for upload in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
    if upload["Key"] == "large":
        s3.abort_multipart_upload(Bucket=BUCKET, Key="large", UploadId=upload["UploadId"])
s3.delete_object(Bucket=BUCKET, Key="boto3")
