"""boto3 on versions: markers, suspension, copies, locks, tags, renaming, appending."""
import datetime

from botocore.exceptions import ClientError

from gateway import SCHEME, client

s3 = client()
BUCKET = f"versions-{SCHEME}"
LOCKED = f"locked-{SCHEME}"
PLAIN = f"plain-{SCHEME}"


def code(call, **arguments):
    """The status and code a call is refused with."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    raise AssertionError(f"{arguments} was not refused")


def versioning(status):
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == status


def names(key):
    page = s3.list_object_versions(Bucket=BUCKET, Prefix=key)
    return [v["VersionId"] for v in page.get("Versions", [])], [m["VersionId"] for m in page.get("DeleteMarkers", [])]


def markers_and_versions():
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"null")
    versioning("Enabled")
    one = s3.put_object(Bucket=BUCKET, Key="k", Body=b"one")["VersionId"]
    two = s3.put_object(Bucket=BUCKET, Key="k", Body=b"two")["VersionId"]
    assert names("k") == ([two, one, "null"], [])
    for version, body in [(two, b"two"), (one, b"one"), ("null", b"null")]:
        reply = s3.get_object(Bucket=BUCKET, Key="k", VersionId=version)
        assert (reply["Body"].read(), reply["VersionId"]) == (body, version)
    deleted = s3.delete_object(Bucket=BUCKET, Key="k")
    marker = deleted["VersionId"]
    assert deleted["DeleteMarker"]
    try:
        s3.get_object(Bucket=BUCKET, Key="k")
    except ClientError as error:
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
    assert code(s3.get_object, Bucket=BUCKET, Key="k", VersionId=marker) == (405, "MethodNotAllowed")
    assert code(s3.get_object, Bucket=BUCKET, Key="k", VersionId="nonsense") == (400, "InvalidArgument")
    gone = "0" * 32
    assert code(s3.get_object, Bucket=BUCKET, Key="k", VersionId=gone) == (404, "NoSuchVersion")
    copied = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "k", "VersionId": one})
    assert copied["CopySourceVersionId"] == one and copied["VersionId"] not in (one, two)
    assert s3.get_object(Bucket=BUCKET, Key="copy")["Body"].read() == b"one"
    s3.delete_object(Bucket=BUCKET, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"two"
    lines = [{"Key": "k", "VersionId": two}, {"Key": "k", "VersionId": one}, {"Key": "k"}]
    deleted = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": lines})["Deleted"]
    assert deleted[2]["DeleteMarker"] and deleted[0]["VersionId"] == two
    assert names("k") == (["null"], [deleted[2]["DeleteMarkerVersionId"]])


def suspension():
    versioning("Suspended")
    assert "VersionId" not in s3.put_object(Bucket=BUCKET, Key="s", Body=b"1")
    s3.put_object(Bucket=BUCKET, Key="s", Body=b"2")
    assert s3.get_object(Bucket=BUCKET, Key="s")["VersionId"] == "null"
    assert names("s") == (["null"], [])
    assert s3.delete_object(Bucket=BUCKET, Key="s")["VersionId"] == "null"
    assert names("s") == ([], ["null"])
    versioning("Enabled")


def pages():
    for number in range(5):
        for _ in range(3):
            s3.put_object(Bucket=BUCKET, Key=f"page/{number}", Body=b"")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix="page/", PaginationConfig={"PageSize": 4})
    seen = [(v["Key"], v["VersionId"]) for page in pages for v in page["Versions"]]
    assert len(seen) == len(set(seen)) == 15 and [key for key, _ in seen] == sorted(key for key, _ in seen)


def tags():
    version = s3.put_object(Bucket=BUCKET, Key="t", Body=b"t", Tagging="a=1&b=2")["VersionId"]
    assert s3.head_object(Bucket=BUCKET, Key="t")["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"] == "2"
    s3.put_object(Bucket=BUCKET, Key="t", Body=b"u")
    assert s3.get_object_tagging(Bucket=BUCKET, Key="t")["TagSet"] == []
    reply = s3.get_object_tagging(Bucket=BUCKET, Key="t", VersionId=version)
    assert (len(reply["TagSet"]), reply["VersionId"]) == (2, version)
    s3.delete_object_tagging(Bucket=BUCKET, Key="t", VersionId=version)
    assert s3.get_object_tagging(Bucket=BUCKET, Key="t", VersionId=version)["TagSet"] == []


def locks():
    s3.create_bucket(Bucket=LOCKED, ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket=LOCKED)["Status"] == "Enabled"
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket=LOCKED, ObjectLockConfiguration=default)
    assert s3.get_object_lock_configuration(Bucket=LOCKED)["ObjectLockConfiguration"] == default
    version = s3.put_object(Bucket=LOCKED, Key="k", Body=b"kept")["VersionId"]
    assert s3.head_object(Bucket=LOCKED, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    assert code(s3.delete_object, Bucket=LOCKED, Key="k", VersionId=version) == (403, "AccessDenied")
    s3.put_object_legal_hold(Bucket=LOCKED, Key="k", LegalHold={"Status": "ON"})
    bypassing = {"Bucket": LOCKED, "Key": "k", "VersionId": version, "BypassGovernanceRetention": True}
    assert code(s3.delete_object, **bypassing) == (403, "AccessDenied")
    s3.put_object_legal_hold(Bucket=LOCKED, Key="k", LegalHold={"Status": "OFF"})
    s3.delete_object(**bypassing)
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3600)
    retention = {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    kept = s3.put_object(Bucket=LOCKED, Key="c", Body=b"c")["VersionId"]
    s3.put_object_retention(Bucket=LOCKED, Key="c", Retention=retention, BypassGovernanceRetention=True)
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": until - datetime.timedelta(seconds=60)}
    refused = code(s3.put_object_retention, Bucket=LOCKED, Key="c", Retention=sooner, BypassGovernanceRetention=True)
    assert refused == (403, "AccessDenied")
    removal = {"Bucket": LOCKED, "Key": "c", "VersionId": kept, "BypassGovernanceRetention": True}
    assert code(s3.delete_object, **removal) == (403, "AccessDenied")
    suspended = {"Status": "Suspended"}
    refused = code(s3.put_bucket_versioning, Bucket=LOCKED, VersioningConfiguration=suspended)
    assert refused == (409, "InvalidBucketState")


def renames_and_appends():
    s3.create_bucket(Bucket=PLAIN)
    s3.put_object(Bucket=PLAIN, Key="old name", Body=b"moved", Metadata={"a": "b"})
    s3.rename_object(Bucket=PLAIN, Key="new", RenameSource="old%20name")
    assert code(s3.get_object, Bucket=PLAIN, Key="old name") == (404, "NoSuchKey")
    reply = s3.get_object(Bucket=PLAIN, Key="new")
    assert (reply["Body"].read(), reply["Metadata"]) == (b"moved", {"a": "b"})
    content = b""
    for piece in [b"first", b" second" * 300_000, b" third"]:
        written = s3.put_object(Bucket=PLAIN, Key="log", Body=piece, WriteOffsetBytes=len(content))
        content += piece
        assert written["Size"] == len(content)
    reply = s3.get_object(Bucket=PLAIN, Key="log")
    assert reply["Body"].read() == content and reply["ETag"].endswith('-3"')
    wrong = code(s3.put_object, Bucket=PLAIN, Key="log", Body=b"x", WriteOffsetBytes=3)
    assert wrong == (400, "InvalidWriteOffset")


s3.create_bucket(Bucket=BUCKET)
for story in [markers_and_versions, suspension, pages, tags, locks, renames_and_appends]:
    story()
    print(story.__name__, "ok")
