"""Links and forms that boto3 signs: version 4, and version 2, which it still makes for custom endpoints."""
import urllib.parse
import uuid

from gateway import ENDPOINT, bucket, client, fetch

B = bucket(client(), "presigned")


def form(fields, content):
    """A browser's multipart/form-data body."""
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\nContent-Type: text/plain\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def links(s3, sign):
    link = s3.generate_presigned_url("put_object", Params={"Bucket": B, "Key": f"{sign} ü+"}, ExpiresIn=60)
    assert sign in link, link
    status, headers, body = fetch(link, "PUT", b"by a link", {"Content-Type": ""} if sign == "Signature=" else None)
    assert status == 200, body
    params = {"Bucket": B, "Key": f"{sign} ü+", "ResponseContentType": "text/special"}
    link = s3.generate_presigned_url("get_object", Params=params, ExpiresIn=60)
    status, headers, body = fetch(link)
    assert status == 200 and body == b"by a link" and headers["Content-Type"] == "text/special", body
    status, _, body = fetch(link.replace("text%2Fspecial", "text%2Fhtml"))
    assert status == 403 and b"SignatureDoesNotMatch" in body, body
    status, _, body = fetch(link, "DELETE")
    assert status == 403, body
    late = s3.generate_presigned_url("get_object", Params={"Bucket": B, "Key": f"{sign} ü+"}, ExpiresIn=-5)
    status, _, body = fetch(late)
    assert status in (400, 403), body


def forms(s3, name):
    limits = [["content-length-range", 1, 1000], {"success_action_status": "201"}]
    post = s3.generate_presigned_post(B, f"{name}/${{filename}}", Fields={"success_action_status": "201"}, Conditions=limits,
                                      ExpiresIn=60)
    body, headers = form(post["fields"], b"by a form")
    status, _, reply = fetch(post["url"], "POST", body, headers)
    assert status == 201 and f"{name}/f.txt".encode() in urllib.parse.unquote(reply.decode()).encode(), reply
    assert s3.get_object(Bucket=B, Key=f"{name}/f.txt")["Body"].read() == b"by a form"
    body, headers = form(post["fields"], b"x" * 1001)
    status, _, reply = fetch(post["url"], "POST", body, headers)
    assert status == 400 and b"EntityTooLarge" in reply, reply
    body, headers = form(post["fields"] | {"x-amz-meta-extra": "not in the policy"}, b"x")
    status, _, reply = fetch(post["url"], "POST", body, headers)
    assert status == 403, reply


def nobody_gets_in_without():
    for method in ("GET", "PUT", "DELETE"):
        status, _, body = fetch(f"{ENDPOINT}/{B}/anything", method, b"" if method == "PUT" else None)
        assert status == 403 and b"AccessDenied" in body, body


links(client(signature_version="s3v4"), "X-Amz-Signature=")
links(client(), "Signature=")
forms(client(signature_version="s3v4"), "v4")
forms(client(signature_version="s3"), "v2")
nobody_gets_in_without()
