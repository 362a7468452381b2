"""What the boto3 scripts share: a client for the gateway under test, and a word for refusals."""
import os
import ssl
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["HAULOUT_ENDPOINT"]
SCHEME = ENDPOINT.split(":")[0]


def client(**config):
    config.setdefault("retries", {"max_attempts": 1})
    return boto3.client("s3", endpoint_url=ENDPOINT, config=Config(**config))


def bucket(s3, name):
    name = f"{name}-{SCHEME}"
    s3.create_bucket(Bucket=name)
    return name


def refused(code, call, **arguments):
    try:
        reply = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, f"expected {code}: {error.response}"
        return error.response
    raise AssertionError(f"expected {code}, but it was accepted: {reply}")


def fetch(url, method="GET", data=None, headers=None):
    """Status, headers and body over plain urllib, as a browser would."""
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    request = urllib.request.Request(url, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, context=context if SCHEME == "https" else None) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
