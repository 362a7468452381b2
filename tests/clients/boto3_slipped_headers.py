"""A presigned URL is what was signed and nothing else: no x-amz-* header may be slipped in beside it."""
from gateway import bucket, client, fetch

s3 = client()
B = bucket(s3, "presigned-headers")
s3.put_object(Bucket=B, Key="secret", Body=b"a secret")
HEADERS = ["acl", "bypass-governance-retention", "checksum-crc32", "copy-source", "copy-source-range", "grant-read",
           "meta-colour", "metadata-directive", "object-lock-legal-hold", "object-lock-mode", "rename-source",
           "request-payer", "sdk-checksum-algorithm", "security-token", "server-side-encryption",
           "server-side-encryption-customer-algorithm", "storage-class", "tagging", "trailer",
           "website-redirect-location", "write-offset-bytes", "whatever-comes-next"]

for version in ("s3v4", "s3"):
    signer = client(signature_version=version)
    for method, operation in (("PUT", "put_object"), ("GET", "get_object")):
        url = signer.generate_presigned_url(operation, Params={"Bucket": B, "Key": "harmless"}, ExpiresIn=60)
        for name in HEADERS:
            value = f"/{B}/secret" if name == "copy-source" else "1"
            data = b"x" if method == "PUT" else None
            status, _, body = fetch(url, method, data, {f"x-amz-{name}": value})
            assert status in (400, 403), f"{version} {method} x-amz-{name}: {status} {body}"
            assert b"a secret" not in body
        apart = [("partNumber", "1"), ("uploadId", "x"), ("acl", ""), ("tagging", ""), ("versionId", "null"),
                 ("x-amz-copy-source", f"/{B}/secret"), ("X-Amz-Expires", "9999"), ("response-content-type", "text/html")]
        for name, value in apart:
            status, _, body = fetch(f"{url}&{name}={value}", method, b"x" if method == "PUT" else None)
            assert status in (400, 403, 501), f"{version} {method} ?{name}: {status} {body}"
    swapped = signer.generate_presigned_url("get_object", Params={"Bucket": B, "Key": "secret"}, ExpiresIn=60)
    for method in ("PUT", "DELETE", "POST"):
        status, _, body = fetch(swapped, method, b"x")
        assert status in (400, 403, 405), f"{version} {method} on a GET's URL: {status} {body}"
    for seconds in (604801, 10 ** 12) if version == "s3v4" else ():
        url = signer.generate_presigned_url("get_object", Params={"Bucket": B, "Key": "secret"}, ExpiresIn=seconds)
        assert fetch(url)[0] == 403, seconds

assert [o["Key"] for o in s3.list_objects_v2(Bucket=B)["Contents"]] == ["secret"]
assert s3.get_object(Bucket=B, Key="secret")["Body"].read() == b"a secret"
