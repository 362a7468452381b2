"""pyarrow, which speaks S3 through the AWS SDK for C++: files, streams of unknown length, Parquet datasets."""
import os
import urllib.parse

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs

from gateway import SCHEME, client

BUCKET = f"arrow-{SCHEME}"
host = urllib.parse.urlsplit(os.environ["HAULOUT_ENDPOINT"]).netloc
trust = {"tls_ca_file_path": os.environ["AWS_CA_BUNDLE"]} if SCHEME == "https" else {}
s3 = fs.S3FileSystem(endpoint_override=host, scheme=SCHEME, region="us-east-1", allow_bucket_creation=True, allow_bucket_deletion=True, **trust)


def files():
    with s3.open_output_stream(f"{BUCKET}/small.txt", metadata={"Content-Type": "text/plain"}) as out:
        out.write(b"by arrow")
    with s3.open_input_file(f"{BUCKET}/small.txt") as file:
        file.seek(3)
        assert file.read() == b"arrow"
    assert client().head_object(Bucket=BUCKET, Key="small.txt")["ContentType"] == "text/plain"
    s3.copy_file(f"{BUCKET}/small.txt", f"{BUCKET}/copy.txt")
    s3.move(f"{BUCKET}/copy.txt", f"{BUCKET}/moved.txt")
    kinds = {info.base_name: info.type for info in s3.get_file_info([f"{BUCKET}/moved.txt", f"{BUCKET}/copy.txt"])}
    assert kinds == {"moved.txt": fs.FileType.File, "copy.txt": fs.FileType.NotFound}, kinds


def large_streams():
    """Longer than a part: arrow begins an upload and sends its parts in the background."""
    content = os.urandom(1 << 20) * 23
    with s3.open_output_stream(f"{BUCKET}/large") as out:
        for at in range(0, len(content), 3_000_000):
            out.write(content[at : at + 3_000_000])
    with s3.open_input_stream(f"{BUCKET}/large") as file:
        assert file.read() == content
    assert "-" in client().head_object(Bucket=BUCKET, Key="large")["ETag"], "it came in parts"


def datasets():
    rows = 200_000
    table = pa.table({"number": range(rows), "colour": ["red", "green"] * (rows // 2)})
    ds.write_dataset(table, f"{BUCKET}/colours", filesystem=s3, format="parquet", partitioning=["colour"])
    found = ds.dataset(f"{BUCKET}/colours", filesystem=s3, format="parquet", partitioning=["colour"])
    assert found.count_rows(filter=ds.field("number") < 10) == 10
    assert found.to_table().sort_by("number").column("number").to_pylist() == list(range(rows))
    pq.write_table(table, f"{BUCKET}/one.parquet", filesystem=s3)
    assert pq.read_metadata(f"{BUCKET}/one.parquet", filesystem=s3).num_rows == rows
    s3.delete_dir(f"{BUCKET}/colours")
    left = [info.base_name for info in s3.get_file_info(fs.FileSelector(BUCKET))]
    assert "colours" not in left and "one.parquet" in left, left


s3.create_dir(BUCKET)
files()
large_streams()
datasets()
s3.delete_dir(BUCKET)
