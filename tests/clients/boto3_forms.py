"""Forms from browsers: only their fields count, under the policy, and every byte of the file is stored."""
import json
import random

from gateway import ENDPOINT, bucket, client, fetch

s3 = client()
B = bucket(s3, "forms")
BOUNDARY = "----WebKitFormBoundaryX"


def multipart(fields, content, file_name="a.txt"):
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\nContent-Type: text/html\r\n\r\n'
    return b"".join(parts) + head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def post(key, content=b"content", fields={}, conditions=[], headers={}, file_name="a.txt"):
    form = s3.generate_presigned_post(B, key, Fields=dict(fields), Conditions=list(conditions))
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    status, _, text = fetch(form["url"], "POST", multipart(form["fields"], content, file_name), {**kind, **headers})
    return status, text.decode()


# A form is told that there is no such bucket, whatever a preflight would be told.
kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Origin": "https://example.org"}
status, _, text = fetch(f"{ENDPOINT}/no-such-bucket-anywhere", "POST", multipart({"key": "k"}, b"content"), kind)
assert status == 404 and b"NoSuchBucket" in text, (status, text)

# What the request itself says is signed by nobody.
own = {"Content-Encoding": "gzip", "Cache-Control": "no-store", "Content-Disposition": "attachment", "Expires": "Thu, 01 Jan 2099 00:00:00 GMT",
       "Content-Language": "de", "X-Amz-Meta-Planted": "1", "X-Amz-Storage-Class": "GLACIER", "X-Amz-Tagging": "a=b", "X-Amz-Acl": "public-read",
       "X-Amz-Website-Redirect-Location": "/elsewhere", "X-Amz-Object-Lock-Legal-Hold": "ON", "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
assert post("own", headers=own)[0] == 204
stored = s3.head_object(Bucket=B, Key="own")
assert stored["ContentType"] == "binary/octet-stream", stored
for name in ["ContentEncoding", "CacheControl", "ContentDisposition", "Expires", "ContentLanguage", "StorageClass", "WebsiteRedirectLocation"]:
    assert name not in stored, (name, stored)
assert stored["Metadata"] == {} and s3.get_object_tagging(Bucket=B, Key="own")["TagSet"] == [], stored

# The same as fields are what is stored.
fields = {"Content-Type": "image/png", "Cache-Control": "no-store", "Content-Encoding": "gzip", "Content-Disposition": "attachment"}
assert post("fields", fields=fields, conditions=[{name: value} for name, value in fields.items()], headers=own)[0] == 204
stored = s3.head_object(Bucket=B, Key="fields")
assert [stored[name] for name in ["ContentType", "CacheControl", "ContentEncoding", "ContentDisposition"]] == list(fields.values()), stored

# Each type of a list must begin as the policy says.
images = [["starts-with", "$Content-Type", "image/"]]
for kind, wanted in [("image/png", 204), ("image/png,image/gif", 204), ("image/png, text/html", 403), ("image/png,text/html", 403), ("text/html", 403)]:
    status, text = post("typed", fields={"Content-Type": kind}, conditions=images)
    assert status == wanted, (kind, status, text)

# The name of the file stands in every field that asks for it, before the policy is held against them.
fields = {"x-amz-meta-name": "it is ${filename}", "Content-Disposition": "attachment; filename=${filename}"}
conditions = [["starts-with", "$x-amz-meta-name", "it is "], ["starts-with", "$Content-Disposition", "attachment; filename="]]
assert post("named/${filename}", fields=fields, conditions=conditions, file_name="C:\\dir\\b.txt")[0] == 204
stored = s3.head_object(Bucket=B, Key="named/b.txt")
assert stored["Metadata"] == {"name": "it is b.txt"} and stored["ContentDisposition"] == "attachment; filename=b.txt", stored
only = [["eq", "$x-amz-meta-name", "it is a.txt"]]
for name, wanted in [("a.txt", 204), ("b.txt", 403)]:
    status, text = post("only", fields={"x-amz-meta-name": "it is ${filename}"}, conditions=only, file_name=name)
    assert status == wanted, (name, status, text)

# A line that begins like the boundary is content.
line = f"\r\n--{BOUNDARY}".encode()
chance = random.Random(11)
contents = [b"one" + line + tail + b"two" for tail in [b"", b"x", b"-", b"-\r\n", b"\n", b"\r", b"--x\r\n", b"--\r-\n", b" x\r\n", b" " * 100 + b"\r\n"]]
contents += [line[2:] + b"x", b"\r\n" * 5 + (line + b"x") * 3, line[:-1] + b"\r\n", b""]
pieces = [line + b"y", line + b"-y", line + b" y", b"\r\n", b"--", b"-", b" ", b"\r", b"z" * 70_000]
contents += [b"".join(chance.choice(pieces) for _ in range(30)) for _ in range(20)]
for content in contents:
    status, text = post("content", content)
    assert status == 204, (status, text, content[:200])
    assert s3.get_object(Bucket=B, Key="content")["Body"].read() == content, content[:200]

# What really is a delimiter ends the file, and what then is no form is refused: nothing but the whole is stored.
s3.put_object(Bucket=B, Key="cut", Body=b"as it was")
for content in [b"one" + line + b"\r\ntwo", b"one" + line + b" \r\nContent-Type: text/plain\r\n\r\ntwo"]:
    status, text = post("cut", content)
    assert status == 400, (status, text)
    assert s3.get_object(Bucket=B, Key="cut")["Body"].read() == b"as it was"
