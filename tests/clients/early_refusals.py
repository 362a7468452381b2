"""Uploads that are refused before their bodies were read: the client that is still sending hears why. urllib3 is what requests and boto3 send with."""
import os

import urllib3

from gateway import ENDPOINT, bucket, client

# What clients send as one part by default, and half of what is read of a refused body at most; and how often.
SIZES = [(8 << 20, 20), (32 << 20, 4)]

s3 = client()
name = bucket(s3, "refused")
for size, times in SIZES:
    for _ in range(times):
        # Each on a connection of its own.
        with urllib3.PoolManager(ca_certs=os.environ.get("AWS_CA_BUNDLE"), retries=False) as pool:
            reply = pool.request("PUT", f"{ENDPOINT}/{name}/k", body=bytes(size))
        assert reply.status == 403 and b"AccessDenied" in reply.data, (size, reply.status, reply.data)
assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
