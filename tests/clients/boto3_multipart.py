"""Multipart uploads with boto3: by hand, by its transfer manager, by copying, with checksums of the whole."""
import hashlib
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


def without_a_checksum():
    """An upload that was created without one: nothing is said of its parts' checksums, and the whole has a CRC64NVME."""
    plain = client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    whole = plain.put_object(Bucket=B, Key="whole", Body=BIG)["ChecksumCRC64NVME"]
    for sends, sender in (("CRC64NVME", plain), ("CRC32", s3)):
        created = sender.create_multipart_upload(Bucket=B, Key="default")
        assert "ChecksumAlgorithm" not in created, created
        name = {"Bucket": B, "Key": "default", "UploadId": created["UploadId"]}
        parts, claims = [], []
        for number, piece in enumerate((BIG[: 5 * MIB], BIG[5 * MIB :]), 1):
            part = sender.upload_part(**name, PartNumber=number, Body=piece)
            parts.append({"PartNumber": number, "ETag": part["ETag"]})
            claims.append({**parts[-1], "ChecksumCRC32": b64encode(zlib.crc32(piece).to_bytes(4, "big")).decode()})
            assert f"Checksum{sends}" in part, part
        listed = sender.list_parts(**name)
        assert not any(field.startswith("Checksum") for part in [listed, *listed["Parts"]] for field in part), listed
        refused("InvalidPart", s3.complete_multipart_upload, **name, MultipartUpload={"Parts": claims})
        for kind in ("FULL_OBJECT", "COMPOSITE"):
            refused("InvalidRequest", s3.complete_multipart_upload, **name, ChecksumType=kind, MultipartUpload={"Parts": parts})
        wrong = b64encode(bytes(8)).decode()
        refused("BadDigest", s3.complete_multipart_upload, **name, ChecksumCRC64NVME=wrong, MultipartUpload={"Parts": parts})
        done = s3.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})
        assert done["ChecksumCRC64NVME"] == whole and done["ChecksumType"] == "FULL_OBJECT", done
        head = s3.head_object(Bucket=B, Key="default", ChecksumMode="ENABLED")
        assert head["ChecksumCRC64NVME"] == whole and head["ChecksumType"] == "FULL_OBJECT", head
        assert s3.get_object(Bucket=B, Key="default", PartNumber=2)["Body"].read() == BIG[5 * MIB :]


def with_a_digest_of_digests():
    plain = client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    for algorithm, digest in (("SHA512", hashlib.sha512), ("MD5", hashlib.md5)):
        created = plain.create_multipart_upload(Bucket=B, Key=algorithm, ChecksumAlgorithm=algorithm)
        assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == (algorithm, "COMPOSITE"), created
        name, field = {"Bucket": B, "Key": algorithm, "UploadId": created["UploadId"]}, f"Checksum{algorithm}"
        parts, digests = [], []
        for number, piece in enumerate((BIG[: 6 * MIB], BIG[6 * MIB :]), 1):
            digests.append(digest(piece).digest())
            value = b64encode(digests[-1]).decode()
            sent = {field: value} if number == 1 else {}
            part = plain.upload_part(**name, PartNumber=number, Body=piece, **sent)
            assert part[field] == value, part
            parts.append({"PartNumber": number, "ETag": part["ETag"], field: value})
        assert [part[field] for part in plain.list_parts(**name)["Parts"]] == [part[field] for part in parts]
        whole = b64encode(digest(b"".join(digests)).digest()).decode() + "-2"
        refused("BadDigest", plain.complete_multipart_upload, **name, **{field: whole[:-1] + "3"}, MultipartUpload={"Parts": parts})
        done = plain.complete_multipart_upload(**name, **{field: whole}, MultipartUpload={"Parts": parts})
        assert done[field] == whole and done["ChecksumType"] == "COMPOSITE", done
        refused("InvalidRequest", plain.create_multipart_upload, Bucket=B, Key="x", ChecksumAlgorithm=algorithm,
                ChecksumType="FULL_OBJECT")


by_hand()
without_a_checksum()
with_a_digest_of_digests()
by_the_transfer_manager()
with_a_checksum_of_the_whole()
