"""Checksums with boto3: each algorithm is verified, kept, and given back; damage is refused and leaves nothing."""
import hashlib
import io
import zlib
from base64 import b64encode

from gateway import SCHEME, bucket, client, fetch, refused

s3 = client()
plain = client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
B = bucket(s3, "checksums")
BODY = b"content with a checksum " * 5000
NINE = b"123456789"


def base64(digest):
    return b64encode(digest).decode()


def each_algorithm_is_kept():
    table = {
        "CRC32": base64(zlib.crc32(BODY).to_bytes(4, "big")),
        "SHA1": base64(hashlib.sha1(BODY).digest()),
        "SHA256": base64(hashlib.sha256(BODY).digest()),
    }
    for name, value in table.items():
        put = s3.put_object(Bucket=B, Key=name, Body=BODY, ChecksumAlgorithm=name)
        assert put[f"Checksum{name}"] == value, put
        head = s3.head_object(Bucket=B, Key=name, ChecksumMode="ENABLED")
        assert head[f"Checksum{name}"] == value and head["ChecksumType"] == "FULL_OBJECT", head
        assert s3.get_object(Bucket=B, Key=name)["Body"].read() == BODY
        attributes = s3.get_object_attributes(Bucket=B, Key=name, ObjectAttributes=["Checksum"])
        assert attributes["Checksum"][f"Checksum{name}"] == value, attributes


# What botocore alone cannot compute: check values of the catalogue of CRCs and of the reference program of xxHash; and SHA-512 and
# MD5, which it computes and does not send by itself.
OF_NINE = {
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "XXHASH64": "8cb841db40e6ae83",
    "XXHASH3": "72dcb18b67a17dff",
    "XXHASH128": "33119477ede5dcd5e9716427681d5860",
    "SHA512": hashlib.sha512(NINE).hexdigest(),
    "MD5": hashlib.md5(NINE).hexdigest(),
}


def the_check_values_hold():
    for name, value in OF_NINE.items():
        value = bytes.fromhex(value)
        right, wrong = ({f"Checksum{name}": base64(digest)} for digest in (value, bytes(len(value))))
        put = s3.put_object(Bucket=B, Key=name, Body=NINE, **right)
        assert put[f"Checksum{name}"] == base64(value), put
        head = s3.head_object(Bucket=B, Key=name, ChecksumMode="ENABLED")
        assert head[f"Checksum{name}"] == base64(value) and head["ChecksumType"] == "FULL_OBJECT", head
        attributes = s3.get_object_attributes(Bucket=B, Key=name, ObjectAttributes=["Checksum"])["Checksum"]
        assert attributes == {f"Checksum{name}": base64(value), "ChecksumType": "FULL_OBJECT"}, attributes
        copy = s3.copy_object(Bucket=B, Key="copy", CopySource={"Bucket": B, "Key": name})["CopyObjectResult"]
        assert copy[f"Checksum{name}"] == base64(value), copy
        refused("BadDigest", s3.put_object, Bucket=B, Key="damaged", Body=NINE, **wrong)


def what_comes_without_gets_the_default():
    """A client that sends no checksum: the object has a CRC64NVME of all its content, shown to who asks for it."""
    default = base64(bytes.fromhex(OF_NINE["CRC64NVME"]))
    put = plain.put_object(Bucket=B, Key="plain", Body=NINE)
    assert put["ChecksumCRC64NVME"] == default and put["ChecksumType"] == "FULL_OBJECT", put
    assert "ChecksumCRC64NVME" not in plain.head_object(Bucket=B, Key="plain")
    form = plain.generate_presigned_post(B, "form")
    fields = {**form["fields"], "file": NINE.decode()}
    lines = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    status, _, answer = fetch(form["url"], "POST", ("".join(lines) + "--b--\r\n").encode(), headers)
    assert status == 204, answer
    plain.copy_object(Bucket=B, Key="copied", CopySource={"Bucket": B, "Key": "plain"})
    for key in ("plain", "form", "copied"):
        head = plain.head_object(Bucket=B, Key=key, ChecksumMode="ENABLED")
        assert head["ChecksumCRC64NVME"] == default and head["ChecksumType"] == "FULL_OBJECT", (key, head)
        attributes = plain.get_object_attributes(Bucket=B, Key=key, ObjectAttributes=["Checksum"])["Checksum"]
        assert attributes == {"ChecksumCRC64NVME": default, "ChecksumType": "FULL_OBJECT"}, (key, attributes)
    listed = {entry["Key"]: entry for entry in plain.list_objects_v2(Bucket=B)["Contents"]}
    assert listed["plain"]["ChecksumAlgorithm"] == ["CRC64NVME"] and listed["plain"]["ChecksumType"] == "FULL_OBJECT"


def damage_is_refused():
    refused("BadDigest", s3.put_object, Bucket=B, Key="damaged", Body=BODY, ChecksumSHA256=base64(bytes(32)))
    refused("BadDigest", s3.put_object, Bucket=B, Key="damaged", Body=BODY, ContentMD5=base64(bytes(16)))
    refused("InvalidDigest", s3.put_object, Bucket=B, Key="damaged", Body=BODY, ContentMD5="nonsense")
    refused("NoSuchKey", s3.get_object, Bucket=B, Key="damaged")
    assert "damaged" not in [entry["Key"] for entry in s3.list_objects_v2(Bucket=B)["Contents"]]


def a_stream_carries_its_checksum_at_the_end():
    """Over https botocore frames the body in chunks and sends the checksum after it; over http in a header."""
    put = s3.put_object(Bucket=B, Key="stream", Body=io.BytesIO(BODY))
    sent = put["ResponseMetadata"]["HTTPHeaders"]
    assert put["ChecksumCRC32"] == base64(zlib.crc32(BODY).to_bytes(4, "big")), (SCHEME, sent)
    assert s3.get_object(Bucket=B, Key="stream")["Body"].read() == BODY, "the framing is never stored"


each_algorithm_is_kept()
the_check_values_hold()
what_comes_without_gets_the_default()
damage_is_refused()
a_stream_carries_its_checksum_at_the_end()
