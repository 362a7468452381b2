"""Pages of other origins, as a browser speaks for them: preflights without a signature, and replies that say who may read them."""
from gateway import ENDPOINT, bucket, client, fetch

s3 = client(signature_version="s3v4")
B = bucket(s3, "shared")
PAGE, EVIL = "https://app.example.org", "https://evil.example.com"
URL = f"{ENDPOINT}/{B}/k"


def preflight(url, origin, method, headers=None):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = headers
    return fetch(url, "OPTIONS", headers=asked)


assert preflight(URL, PAGE, "PUT")[0] == 403, "no rules yet"
s3.put_bucket_cors(Bucket=B, CORSConfiguration={"CORSRules": [
    {"AllowedOrigins": ["https://*.example.org"], "AllowedMethods": ["PUT", "POST", "GET"], "AllowedHeaders": ["Content-*", "x-amz-*"],
     "ExposeHeaders": ["ETag", "x-amz-version-id"], "MaxAgeSeconds": 3000},
    {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]})

status, headers, _ = preflight(URL, PAGE, "PUT", "content-type, X-Amz-Date")
assert status == 200 and headers["Access-Control-Allow-Origin"] == PAGE, headers
assert headers["Access-Control-Allow-Methods"] == "PUT, POST, GET" and headers["Access-Control-Max-Age"] == "3000"
assert headers["Access-Control-Allow-Headers"] == "content-type, x-amz-date"
assert headers["Access-Control-Allow-Credentials"] == "true" and "Origin" in headers["Vary"]
# A browser asks about the very URL it will use, whatever is in its query.
for query in ("uploads", "partNumber=1&uploadId=x&x-id=UploadPart", "X-Amz-Signature=0&X-Amz-Algorithm=AWS4-HMAC-SHA256"):
    assert preflight(f"{URL}?{query}", PAGE, "POST")[0] == 200, query
assert preflight(URL, PAGE, "PUT", "authorization")[0] == 403
assert preflight(URL, PAGE, "DELETE")[0] == 403
assert preflight(URL, EVIL, "PUT")[0] == 403
assert preflight(URL, EVIL, "GET")[1]["Access-Control-Allow-Origin"] == "*"
assert fetch(URL, "OPTIONS")[0] == 400 and fetch(URL, "OPTIONS", headers={"Origin": PAGE})[0] == 400

link = s3.generate_presigned_url("put_object", Params={"Bucket": B, "Key": "k"}, ExpiresIn=60)
status, headers, _ = fetch(link, "PUT", b"from a page", {"Origin": PAGE})
assert status == 200 and headers["Access-Control-Allow-Origin"] == PAGE, headers
assert headers["Access-Control-Expose-Headers"] == "ETag, x-amz-version-id" and headers["ETag"]
link = s3.generate_presigned_url("get_object", Params={"Bucket": B, "Key": "k"}, ExpiresIn=60)
status, headers, body = fetch(link, headers={"Origin": EVIL})
assert status == 200 and headers["Access-Control-Allow-Origin"] == "*" and body == b"from a page"
assert "Access-Control-Allow-Credentials" not in headers
status, headers, _ = fetch(link)
assert "Access-Control-Allow-Origin" not in headers and "Origin" in headers["Vary"], "a cache must not mix them up"

# A page must be able to read why it was refused.
for url, method, code in ((URL, "GET", 403), (link.replace("Signature=", "Signature=0"), "GET", 403), (f"{URL}?nonsense", "GET", 403)):
    status, headers, _ = fetch(url, method, headers={"Origin": PAGE})
    assert status in (400, code) and headers["Access-Control-Allow-Origin"] == PAGE, (url, status, headers)
status, headers, _ = fetch(URL, "DELETE", headers={"Origin": PAGE})
assert status == 403 and "Access-Control-Allow-Origin" not in headers
