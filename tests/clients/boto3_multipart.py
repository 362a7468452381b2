"""Multipart uploads with boto3: by hand, by its transfer manager, by copying, with checksums of the whole."""
import io
import zlib
from base64 import b64encode

from boto3.s3.transfer import TransferConfig

from gateway import ENDPOINT, bucket, client, refused

s3 = client()
B = bucket(s3, "multipart")
MIB = 1 << 20
BIG = bytes((position * 7 + position // 251) % 256 for position in range(64 * 1024)) * 192  # 12 MiB


def by_hand():
    upload = s3.create_multipart_upload(Bucket=B, Key="hand", ContentType="text/x-big", Metadata={"a": "b"})["UploadId"]
    pieces = [BIG[: 5 * MIB], BIG[5 * MIB : 10 * MIB], BIG[10 * MIB :]]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(Bucket=B, Key="hand", UploadId=upload, PartNumber=number, Body=piece)["ETag"]}
        for number, piece in enumerate(pieces, 1)
    ]
    listed = s3.list_parts(Bucket=B, Key="hand", UploadId=upload, MaxParts=2)
    assert [part["Size"] for part in listed["Parts"]] == [5 * MIB] * 2 and listed["IsTruncated"], listed
    uploads = s3.list_multipart_uploads(Bucket=B)["Uploads"]
    assert [entry["UploadId"] for entry in uploads] == [upload], uploads
    done = s3.complete_multipart_upload(Bucket=B, Key="hand", UploadId=upload, MultipartUpload={"Parts": parts})
    assert done["Location"] == f"{ENDPOINT}/{B}/hand", done["Location"]
    assert done["ETag"].endswith('-3"') and done["Bucket"] == B and done["Key"] == "hand", done
    got = s3.get_object(Bucket=B, Key="hand")
    assert got["Body"].read() == BIG and got["ContentType"] == "text/x-big" and got["Metadata"] == {"a": "b"}
    second = s3.get_object(Bucket=B, Key="hand", PartNumber=2)
    assert second["Body"].read() == pieces[1] and second["PartsCount"] == 3
    refused("NoSuchUpload", s3.abort_multipart_upload, Bucket=B, Key="hand", UploadId="nonsense")


def by_the_transfer_manager():
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=3)
    s3.upload_fileobj(io.BytesIO(BIG), B, "managed", Config=config)
    back = io.BytesIO()
    s3.download_fileobj(B, "managed", back, Config=config)
    assert back.getvalue() == BIG
    s3.copy({"Bucket": B, "Key": "managed"}, B, "managed copy", Config=config)
    assert s3.get_object(Bucket=B, Key="managed copy")["Body"].read() == BIG
    assert s3.head_object(Bucket=B, Key="managed copy")["ETag"].endswith('-3"')


def with_a_checksum_of_the_whole():
    upload = s3.create_multipart_upload(Bucket=B, Key="crc", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")["UploadId"]
    parts = []
    for number, piece in enumerate((BIG[: 6 * MIB], BIG[6 * MIB :]), 1):
        part = s3.upload_part(Bucket=B, Key="crc", UploadId=upload, PartNumber=number, Body=piece, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]})
    wrong = b64encode(bytes(4)).decode()
    refused("BadDigest", s3.complete_multipart_upload, Bucket=B, Key="crc", UploadId=upload, ChecksumCRC32=wrong,
            ChecksumType="FULL_OBJECT", MultipartUpload={"Parts": parts})
    whole = b64encode(zlib.crc32(BIG).to_bytes(4, "big")).decode()
    done = s3.complete_multipart_upload(Bucket=B, Key="crc", UploadId=upload, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT",
                                        MultipartUpload={"Parts": parts})
    assert done["ChecksumCRC32"] == whole and done["ChecksumType"] == "FULL_OBJECT", done
    head = s3.head_object(Bucket=B, Key="crc", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == whole, head


by_hand()
by_the_transfer_manager()
with_a_checksum_of_the_whole()
