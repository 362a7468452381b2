"""A bucket as a website, as browsers and caches read it."""
import http.client
import json
import os

from gateway import client

HOST, PORT = os.environ["HAULOUT_WEBSITE"].split(":")
s3 = client()


def visit(host, path, method="GET", headers=None):
    connection = http.client.HTTPConnection(HOST, int(PORT), timeout=30)
    connection.request(method, path, headers={"Host": host, **(headers or {})})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, reply.headers, body


def site(name, **configuration):
    s3.create_bucket(Bucket=name)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    if configuration:
        s3.put_bucket_website(Bucket=name, WebsiteConfiguration=configuration)


def put(name, key, body, **more):
    s3.put_object(Bucket=name, Key=key, Body=body, **more)


site("www.example.org", IndexDocument={"Suffix": "index.html"}, ErrorDocument={"Key": "oops.html"}, RoutingRules=[
    {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
    {"Condition": {"KeyPrefixEquals": "app/", "HttpErrorCodeReturnedEquals": "403"},
     "Redirect": {"ReplaceKeyPrefixWith": "#!/", "HttpRedirectCode": "302"}},
    {"Condition": {"KeyPrefixEquals": "away/"}, "Redirect": {"HostName": "example.com", "Protocol": "https"}}])
WWW = "www.example.org"
put(WWW, "index.html", b"<h1>home</h1>", ContentType="text/html", CacheControl="max-age=60")
put(WWW, "docs/index.html", b"docs", ContentType="text/html")
put(WWW, "oops.html", b"oops", ContentType="text/html")
put(WWW, "moved", b"", WebsiteRedirectLocation="/docs/")
VIDEO = bytes(range(256)) * 4096
put(WWW, "video.webm", VIDEO, ContentType="video/webm")

# Pages and folders.
status, headers, body = visit(WWW, "/")
assert (status, body, headers["Content-Type"], headers["Cache-Control"]) == (200, b"<h1>home</h1>", "text/html", "max-age=60")
assert headers["x-amz-request-id"] and headers["ETag"] and headers["Last-Modified"]
assert visit(WWW + ":8080", "/docs/?ignored&versionId=x")[2] == b"docs"
status, headers, _ = visit(WWW, "/docs")
assert status == 302 and headers["Location"] == "/docs/", headers["Location"]
status, headers, body = visit(WWW, "/", "HEAD")
assert status == 200 and body == b"" and headers["Content-Length"] == "13"

# Errors: the document of the website with the status of the error, and plain pages elsewhere.
status, headers, body = visit(WWW, "/nothing")
assert (status, body, headers["x-amz-error-code"]) == (403, b"oops", "AccessDenied"), "whoever may not list is not told more"
for method in ("PUT", "POST", "DELETE"):
    assert visit(WWW, "/", method)[0] == 405
status, headers, body = visit("nobody.example.org", "/%3Cscript%3E")
assert status == 404 and b"NoSuchBucket" in body and headers["Content-Type"].startswith("text/html") and b"<script>" not in body

# Redirects.
status, headers, _ = visit(WWW, "/old/a%20b?x")
assert status == 301 and headers["Location"] == "/new/a%20b"
status, headers, _ = visit(WWW, "/app/page?x")
assert status == 302 and headers["Location"] == "/#!/page"
status, headers, _ = visit(WWW, "/away/x")
assert status == 301 and headers["Location"] == "https://example.com/away/x"
status, headers, _ = visit(WWW, "/moved")
assert status == 301 and headers["Location"] == "/docs/"

# A browser seeks in a video and a cache asks whether its copy is good.
status, headers, body = visit(WWW, "/video.webm", headers={"Range": "bytes=0-1"})
assert (status, headers["Content-Range"], body) == (206, f"bytes 0-1/{len(VIDEO)}", b"\0\1")
etag, date = headers["ETag"], headers["Last-Modified"]
status, headers, body = visit(WWW, "/video.webm", headers={"Range": "bytes=1000000-", "If-Range": etag})
assert status == 206 and body == VIDEO[1000000:] and headers["Accept-Ranges"] == "bytes"
status, headers, body = visit(WWW, "/video.webm", headers={"Range": "bytes=1000000-", "If-Range": '"another"'})
assert status == 200 and body == VIDEO
status, headers, body = visit(WWW, "/video.webm", headers={"Range": f"bytes={len(VIDEO)}-"})
assert status == 416 and headers["Content-Range"] == f"bytes */{len(VIDEO)}"
for condition in ({"If-None-Match": etag}, {"If-Modified-Since": date}):
    status, headers, body = visit(WWW, "/video.webm", headers=condition)
    assert status == 304 and body == b"" and headers["ETag"] == etag, condition

# A sub-domain is a bucket too; all of a website may live elsewhere.
site("moved", RedirectAllRequestsTo={"HostName": WWW})
status, headers, _ = visit("moved.sites.test", "/a/b?c=d")
assert status == 301 and headers["Location"] == f"http://{WWW}/a/b?c=d"
site("unconfigured")
assert visit("unconfigured.sites.test", "/")[0] == 404

# What nobody may read is not served.
s3.create_bucket(Bucket="private")
s3.put_bucket_website(Bucket="private", WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}})
put("private", "i", b"secret")
status, headers, body = visit("private.sites.test", "/")
assert status == 403 and b"AccessDenied" in body and b"secret" not in body

# Only links on one's own pages.
s3.create_bucket(Bucket="linked")
statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::linked/*",
             "Condition": {"StringLike": {"aws:Referer": "https://www.example.org/*"}}}
s3.put_bucket_policy(Bucket="linked", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
s3.put_bucket_website(Bucket="linked", WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}})
put("linked", "i", b"for readers")
assert visit("linked.sites.test", "/")[0] == 403
assert visit("linked.sites.test", "/", headers={"Referer": "https://www.example.org/page"})[2] == b"for readers"

# Pages of other origins.
s3.put_bucket_cors(Bucket=WWW, CORSConfiguration={"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]})
status, headers, _ = visit(WWW, "/", headers={"Origin": "https://a.example"})
assert status == 200 and headers["Access-Control-Allow-Origin"] == "*"
asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
assert visit(WWW, "/", "OPTIONS", asked)[0] == 200
