"""Checksums with boto3: each algorithm is verified, kept, and given back; damage is refused and leaves nothing."""
import hashlib
import io
import zlib
from base64 import b64encode

from gateway import SCHEME, bucket, client, refused

s3 = client()
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


def the_check_values_of_the_polynomials_hold():
    """botocore alone cannot compute these two; their check values are in every catalogue of CRCs."""
    table = {"CRC32C": 0xE3069283.to_bytes(4, "big"), "CRC64NVME": 0xAE8B14860A799888.to_bytes(8, "big")}
    for name, value in table.items():
        value = base64(value)
        put = s3.put_object(Bucket=B, Key=name, Body=NINE, **{f"Checksum{name}": value})
        assert put[f"Checksum{name}"] == value, put
        wrong = base64(bytes(4 if name == "CRC32C" else 8))
        refused("BadDigest", s3.put_object, Bucket=B, Key="damaged", Body=NINE, **{f"Checksum{name}": wrong})


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
the_check_values_of_the_polynomials_hold()
damage_is_refused()
a_stream_carries_its_checksum_at_the_end()
