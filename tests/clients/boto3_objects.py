"""Objects with boto3: written, read, listed, copied, deleted, on conditions."""
import datetime
import io
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from gateway import bucket, client, refused

s3 = client()
B = bucket(s3, "objects")


def an_object_keeps_what_it_was_given():
    body = b"some content" * 1000
    metadata = {"colour": "blue", "empty": "", "spaced": "a  b"}
    put = s3.put_object(Bucket=B, Key="a/key with spaces+é", Body=body, ContentType="text/x-thing", Metadata=metadata,
                        CacheControl="max-age=7", ContentDisposition='attachment; filename="f"', ContentLanguage="de")
    got = s3.get_object(Bucket=B, Key="a/key with spaces+é")
    head = s3.head_object(Bucket=B, Key="a/key with spaces+é")
    assert got["Body"].read() == body
    for reply in (got, head):
        assert reply["ETag"] == put["ETag"] and reply["ContentLength"] == len(body), reply
        assert reply["ContentType"] == "text/x-thing" and reply["CacheControl"] == "max-age=7", reply
        assert reply["ContentDisposition"] == 'attachment; filename="f"' and reply["ContentLanguage"] == "de", reply
        assert reply["Metadata"] == metadata, reply["Metadata"]
        age = datetime.datetime.now(datetime.timezone.utc) - reply["LastModified"]
        assert age < datetime.timedelta(minutes=1), age


def bodies_come_in_every_way():
    big = bytes(range(256)) * 8192  # 2 MiB
    s3.put_object(Bucket=B, Key="empty", Body=b"")
    s3.put_object(Bucket=B, Key="file", Body=io.BytesIO(big))
    s3.put_object(Bucket=B, Key="length", Body=io.BytesIO(big), ContentLength=len(big))
    assert s3.get_object(Bucket=B, Key="empty")["Body"].read() == b""
    for key in ("file", "length"):
        assert s3.get_object(Bucket=B, Key=key)["Body"].read() == big, key
    assert s3.get_object(Bucket=B, Key="file", Range="bytes=1000-1999")["Body"].read() == big[1000:2000]
    assert s3.get_object(Bucket=B, Key="file", Range="bytes=-7")["Body"].read() == big[-7:]
    refused("InvalidRange", s3.get_object, Bucket=B, Key="file", Range="bytes=99999999-")


def an_empty_body_does_not_hold_up_the_next():
    """botocore expects a 100 for every PUT, also without a body, and would misread the reply to the one after it."""
    begun = time.monotonic()
    for number in range(6):
        s3.put_object(Bucket=B, Key=f"turn {number}", Body=b"" if number % 2 == 0 else b"full")
    assert time.monotonic() - begun < 20, "a request waited for a timeout"


def what_is_missing_has_a_name():
    refused("NoSuchKey", s3.get_object, Bucket=B, Key="nothing")
    refused("404", s3.head_object, Bucket=B, Key="nothing")
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="no-such-bucket-anywhere")
    refused("404", s3.head_bucket, Bucket="no-such-bucket-anywhere")
    refused("InvalidBucketName", client(parameter_validation=False).create_bucket, Bucket="Ab")
    assert s3.head_bucket(Bucket=B)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_bucket_location(Bucket=B)["LocationConstraint"] is None, "us-east-1 is spelled as nothing"
    s3.delete_object(Bucket=B, Key="nothing")


def copies_are_objects_of_their_own():
    s3.put_object(Bucket=B, Key="source", Body=b"to copy", Metadata={"from": "source"})
    s3.copy_object(Bucket=B, Key="copy", CopySource={"Bucket": B, "Key": "source"})
    s3.copy_object(Bucket=B, Key="renamed", CopySource={"Bucket": B, "Key": "source"}, MetadataDirective="REPLACE",
                   Metadata={"to": "renamed"})
    refused("InvalidRequest", s3.copy_object, Bucket=B, Key="source", CopySource={"Bucket": B, "Key": "source"})
    s3.copy_object(Bucket=B, Key="source", CopySource={"Bucket": B, "Key": "source"}, MetadataDirective="REPLACE")
    refused("NoSuchKey", s3.copy_object, Bucket=B, Key="x", CopySource={"Bucket": B, "Key": "nothing"})
    refused("PreconditionFailed", s3.copy_object, Bucket=B, Key="x", CopySource={"Bucket": B, "Key": "source"},
            CopySourceIfMatch='"00000000000000000000000000000000"')
    s3.delete_object(Bucket=B, Key="source")
    for key, metadata in (("copy", {"from": "source"}), ("renamed", {"to": "renamed"})):
        got = s3.get_object(Bucket=B, Key=key)
        assert got["Body"].read() == b"to copy" and got["Metadata"] == metadata, key


def reads_and_writes_have_conditions():
    etag = s3.put_object(Bucket=B, Key="condition", Body=b"one")["ETag"]
    refused("304", s3.get_object, Bucket=B, Key="condition", IfNoneMatch=etag)
    modified = s3.head_object(Bucket=B, Key="condition")["LastModified"]
    refused("304", s3.head_object, Bucket=B, Key="condition", IfModifiedSince=modified)
    refused("PreconditionFailed", s3.get_object, Bucket=B, Key="condition",
            IfUnmodifiedSince=modified - datetime.timedelta(days=1))
    refused("PreconditionFailed", s3.get_object, Bucket=B, Key="condition", IfMatch='"other"')
    assert s3.get_object(Bucket=B, Key="condition", IfMatch=etag)["Body"].read() == b"one"
    refused("PreconditionFailed", s3.put_object, Bucket=B, Key="condition", Body=b"two", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Bucket=B, Key="condition", Body=b"two", IfMatch='"other"')
    s3.put_object(Bucket=B, Key="condition", Body=b"two", IfMatch=etag)
    assert s3.get_object(Bucket=B, Key="condition")["Body"].read() == b"two"


def many_are_listed_and_deleted():
    keys = [f"many/{number % 7}/{number:04}" for number in range(120)]
    for key in keys:
        s3.put_object(Bucket=B, Key=key, Body=key.encode())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=B, Prefix="many/", PaginationConfig={"PageSize": 50})
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == sorted(keys)
    pages = s3.get_paginator("list_objects").paginate(Bucket=B, Prefix="many/", Delimiter="/",
                                                      PaginationConfig={"PageSize": 3})
    prefixes = [entry["Prefix"] for page in pages for entry in page["CommonPrefixes"]]
    assert prefixes == [f"many/{number}/" for number in range(7)], prefixes
    first = s3.list_objects_v2(Bucket=B, Prefix="many/", MaxKeys=1, FetchOwner=True)["Contents"][0]
    assert first["Size"] == len(first["Key"]) and first["Owner"]["ID"], first

    gone = s3.delete_objects(Bucket=B, Delete={"Objects": [{"Key": key} for key in keys + ["never was"]]})
    assert len(gone["Deleted"]) == 121 and "Errors" not in gone, gone
    quiet = s3.delete_objects(Bucket=B, Delete={"Objects": [{"Key": "never was"}], "Quiet": True})
    assert "Deleted" not in quiet, quiet
    assert s3.list_objects_v2(Bucket=B, Prefix="many/")["KeyCount"] == 0


def attributes_and_overrides():
    s3.put_object(Bucket=B, Key="attributes", Body=b"12345")
    attributes = s3.get_object_attributes(Bucket=B, Key="attributes", ObjectAttributes=["ETag", "ObjectSize"])
    assert attributes["ObjectSize"] == 5 and attributes["ETag"] == "827ccb0eea8a706c4c34a16891f84e7b", attributes
    got = s3.get_object(Bucket=B, Key="attributes", ResponseContentType="text/other", ResponseCacheControl="no-cache")
    assert got["ContentType"] == "text/other" and got["CacheControl"] == "no-cache", got


def what_is_not_there_yet_says_so():
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=B)
    refused("MalformedPolicy", s3.put_bucket_policy, Bucket=B, Policy="{}")
    metrics = {"Id": "all"}
    s3.put_bucket_metrics_configuration(Bucket=B, Id="all", MetricsConfiguration=metrics)
    assert s3.get_bucket_metrics_configuration(Bucket=B, Id="all")["MetricsConfiguration"] == metrics
    s3.delete_bucket_metrics_configuration(Bucket=B, Id="all")
    replication = {"Role": "arn:aws:iam::1:role/r", "Rules": [{"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": "arn:aws:s3:::x"}}]}
    refused("NotImplemented", s3.put_bucket_replication, Bucket=B, ReplicationConfiguration=replication)
    before = s3.get_object(Bucket=B, Key="attributes")["Body"].read()
    refused("InvalidRequest", s3.put_object_retention, Bucket=B, Key="attributes",
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": datetime.datetime(2040, 1, 1)})
    assert s3.get_object(Bucket=B, Key="attributes")["Body"].read() == before, "a sub-resource never writes the object"


def copies_follow_a_source_that_changes():
    """The source is replaced all the while: each copy is one of its versions, and none is told that there is no source."""
    bodies, done, replaced_often = [bytes([65 + n]) * 300_000 for n in range(4)], threading.Event(), threading.Event()
    s3.put_object(Bucket=B, Key="changing", Body=bodies[0])

    def replace():
        writer, written = client(), 0
        while not done.is_set():
            writer.put_object(Bucket=B, Key="changing", Body=bodies[written % 4])
            written += 1
            if written > 10:
                replaced_often.set()
            time.sleep(0.05)
        return written

    upload = s3.create_multipart_upload(Bucket=B, Key="parts")["UploadId"]
    with ThreadPoolExecutor(1) as pool:
        replacing = pool.submit(replace)
        try:
            copier = client(retries={"max_attempts": 8})  # a source that is replaced faster than it is copied is a 503
            # However fast the copies are, the source is replaced many times among them.
            for n in itertools.takewhile(lambda n: n < 24 or not (replaced_often.is_set() or replacing.done()), itertools.count()):
                copier.copy_object(Bucket=B, Key=f"copied{n % 4}", CopySource={"Bucket": B, "Key": "changing"})
                assert s3.get_object(Bucket=B, Key=f"copied{n % 4}")["Body"].read() in bodies
                copier.upload_part_copy(Bucket=B, Key="parts", UploadId=upload, PartNumber=1 + n % 4,
                                        CopySource={"Bucket": B, "Key": "changing"})
        finally:
            done.set()
        assert replacing.result() > 10
    s3.abort_multipart_upload(Bucket=B, Key="parts", UploadId=upload)


def buckets_are_listed_in_pages():
    names = sorted(f"page-{number}-{B}" for number in range(5))
    for name in names:
        s3.create_bucket(Bucket=name)
    s3.create_bucket(Bucket=names[0])  # its owner may ask again
    listed, token = [], {}
    while True:
        page = s3.list_buckets(Prefix="page-", MaxBuckets=2, **token)
        listed += [entry["Name"] for entry in page["Buckets"] if entry["Name"] in names]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert listed == names, listed
    for name in names:
        s3.delete_bucket(Bucket=name)
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=B)


an_object_keeps_what_it_was_given()
bodies_come_in_every_way()
an_empty_body_does_not_hold_up_the_next()
what_is_missing_has_a_name()
copies_are_objects_of_their_own()
reads_and_writes_have_conditions()
many_are_listed_and_deleted()
attributes_and_overrides()
what_is_not_there_yet_says_so()
copies_follow_a_source_that_changes()
buckets_are_listed_in_pages()
