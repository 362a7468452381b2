"""Policies that ask for the version of TLS which a request came over; over http there is none."""
import json
import os
import ssl
import urllib.error
import urllib.request

from gateway import ENDPOINT, SCHEME, bucket, client

s3 = client()
B = bucket(s3, "sealed")
s3.put_object(Bucket=B, Key="k", Body=b"content")


def status(version):
    """What nobody is answered who speaks this version and no other."""
    context = None
    if SCHEME == "https":
        context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
        context.minimum_version = context.maximum_version = version
    try:
        with urllib.request.urlopen(f"{ENDPOINT}/{B}/k", context=context) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def allow(condition):
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{B}/*"}
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
    s3.put_bucket_policy(Bucket=B, Policy=json.dumps(document))


for condition, old, new, none in [
    ({"NumericGreaterThanEquals": {"s3:TlsVersion": 1.3}}, 403, 200, 403),
    ({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}, 200, 200, 403),
    ({"NumericLessThan": {"s3:TlsVersion": ["1.3"]}}, 200, 403, 403),
    ({"NumericEquals": {"s3:tlsversion": ["1.2"]}}, 200, 403, 403),
    ({"Null": {"s3:TlsVersion": "true"}}, 403, 403, 200),
]:
    allow(condition)
    if SCHEME == "https":
        told = status(ssl.TLSVersion.TLSv1_2), status(ssl.TLSVersion.TLSv1_3)
        assert told == (old, new), (condition, told)
    else:
        assert status(None) == none, condition
