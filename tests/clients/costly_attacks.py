"""Attacks by strangers that cost more than they send. What they cost is measured by whoever runs this."""
import base64
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from urllib.parse import urlsplit

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from gateway import ENDPOINT, SCHEME, bucket, client

HOST, PORT = urlsplit(ENDPOINT).hostname, urlsplit(ENDPOINT).port
KEY, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
NOW = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
ZEROS = "0" * 64


def connect(receives=None):
    """A connection; the system receives so many bytes ahead of what is read, if that is said."""
    stream = socket.socket(socket.AF_INET6 if ":" in HOST else socket.AF_INET)
    stream.settimeout(60)
    if receives:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    stream.connect((HOST, PORT))
    if SCHEME == "http":
        return stream
    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    return context.wrap_socket(stream, server_hostname=HOST)


def hear(stream):
    """Status and text of the answer; nothing when the connection was cut."""
    heard = b""
    try:
        while piece := stream.recv(65536):
            heard += piece
    except OSError:
        pass
    status = re.match(rb"HTTP/1.1 (\d+)", heard)
    return int(status[1]) if status else None, heard.decode(errors="replace")


def ask(method, target, headers, body=b""):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"{method} {target} HTTP/1.1\r\nhost: h\r\n{lines}connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    with connect() as stream:
        try:
            stream.sendall(head.encode())
            stream.sendall(body)
        except OSError:
            pass
        return hear(stream)


def authorization(key, names, service="s3"):
    scope = f"{key}/{NOW[:8]}/us-east-1/{service}/aws4_request"
    return "authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={ZEROS}"


def heads():
    s3 = client()
    name = bucket(s3, "heads")
    rules = [{"AllowedOrigins": ["https://*"], "AllowedMethods": ["GET"], "AllowedHeaders": ["a"]}]
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    date, large = ("x-amz-date", NOW), ("zz", "x" * 14_000)
    repeated, many = "host;x-amz-date" + ";zz" * 4_500, ";".join(["host"] + [f"x{n:04}" for n in range(2_400)])
    attacks = []
    for key in [KEY, "NOBODY"]:
        query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={key}/{NOW[:8]}/us-east-1/s3/aws4_request" \
                f"&X-Amz-Date={NOW}&X-Amz-Expires=60&X-Amz-Signature={ZEROS}&X-Amz-SignedHeaders="
        attacks += [
            ("GET", f"/{name}", [authorization(key, repeated), date, large], 403, "SignatureDoesNotMatch"),
            ("GET", f"/{name}", [authorization(key, many), date, large], 400, "AuthorizationHeaderMalformed"),
            ("GET", f"/{name}?{query}host" + "%3Bzz" * 2_800, [large], 403, "SignatureDoesNotMatch"),
            ("GET", f"/{name}?{query}host" + "%3Ba" * 3_000, [large], 403, "SignatureDoesNotMatch"),
            ("GET", f"/{name}?{'&'.join(['a'] * 12_000)}", [authorization(key, "host;x-amz-date"), date], 400, "InvalidURI"),
            ("GET", f"/{name}?AWSAccessKeyId={key}&Signature=x&Expires=99999999999{'&x-amz-a' * 2_500}", [], 400, "InvalidURI"),
            ("GET", f"/{name}?{'%20' * 9_000}=", [authorization(key, "host;x-amz-date"), date], 403, "Code"),
        ]
    attacks += [
        ("GET", f"/{name}?{'&'.join(['a'] * 12_000)}", [], 400, "InvalidURI"),
        ("OPTIONS", f"/{name}", [("origin", "https://a"), ("access-control-request-method", "GET"),
                                 ("access-control-request-headers", ",".join(["a"] * 10_000))], 400, "BadRequest"),
        ("OPTIONS", f"/{name}", [("origin", "https://" + "a" * 20_000), ("access-control-request-method", "GET")], 400, "BadRequest"),
    ]

    def run(attack):
        method, target, headers, wanted, code = attack
        status, text = ask(method, target, headers)
        assert (status, code in text) == (wanted, True), (method, target[:200], [n for n, _ in headers], status, text[:300])
        # A refusal shows what was signed; not more of it than was sent several times over.
        assert len(text) < 150_000, (target[:80], len(text))

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(run, attacks * 8))


def flood(target, kind, begin, piece, pieces_max):
    """Sends a body in chunks until the gateway has had enough. Returns how much it took, and its answer."""
    with connect() as stream:
        head = f"POST {target} HTTP/1.1\r\nhost: h\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        sent = 0
        try:
            stream.sendall(head.encode())
            # An empty chunk would be the last.
            for part in filter(None, [begin] + [piece] * pieces_max):
                stream.sendall(b"%x\r\n%b\r\n" % (len(part), part))
                sent += len(part)
        except OSError:
            pass
        return sent, *hear(stream)


def sent_max():
    """What a gateway reads of an endless body at most, in bytes, and what the sockets between hold: that counts as sent."""
    def most(name):
        with open(f"/proc/sys/net/ipv4/{name}") as file:
            return int(file.read().split()[2])

    lingering, received_and_sent = 64 << 20, most("tcp_rmem") + most("tcp_wmem")
    return lingering + received_and_sent + (1 << 20)


def forms():
    s3, most = client(), sent_max()
    name = bucket(s3, "forms")
    part = b'--X\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n'
    field = b'--X\r\nContent-Disposition: form-data; name="key"\r\n\r\n'
    attacks = [
        (b"", b"preamble\r\n" * 6_500),
        (b"", b"\r\n--X-\r\n--X" * 6_500),
        (field, b"value" * 13_000),
        (b"--X\r\n", b"X-Header: y\r\n" * 5_000),
        (b"", b"".join(part % n + b"v\r\n" for n in range(1_000))),
        (b"", part % 1 + b"\r\n" + part.replace(b"\r\n\r\n", b"; filename=\"" + b"n" * 3_000 + b"\"\r\n\r\n\r\n") % 2),
        (b"", b"\r" * 65_000),
    ]

    def run(attack):
        # More than may be sent, by a quarter.
        pieces = 5 * most // 4 // len(attack[1])
        sent, status, text = flood(f"/{name}", "multipart/form-data; boundary=X", *attack, pieces)
        assert sent < most, (attack[1][:40], sent, most, status, text[:300])
        assert status in (400, None), (attack[1][:40], sent, status, text[:300])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(run, attacks))
    # A long name of the file, asked for in every field.
    text = "".join(f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                   for name, value in [("key", "k"), ("x-amz-meta-a", "${filename}" * 1_500)])
    text += f'--X\r\nContent-Disposition: form-data; name="file"; filename="{"n" * 4_000}"\r\n\r\nx\r\n--X--\r\n'
    status, text = ask("POST", f"/{name}", [("content-type", "multipart/form-data; boundary=X")], text.encode())
    assert status == 400 and "MaxPostPreDataLengthExceeded" in text, (status, text)
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0


def lists():
    s3 = client()
    name = bucket(s3, "lists")
    keys = "".join(f"<Object><Key>{n}</Key></Object>" for n in range(1_000))
    body = f"<Delete>{' ' * (4_000_000 - len(keys))}{keys}</Delete>".encode()
    headers = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode(), "Host": "h",
               "X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}
    request = AWSRequest("POST", f"{SCHEME}://h/{name}?delete", headers, body)
    S3SigV4Auth(boto3.Session().get_credentials(), "s3", "us-east-1").add_auth(request)
    signed = [(n, v) for n, v in request.headers.items() if n.lower() != "host"]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: ask("POST", f"/{name}?delete=", signed, body), range(50)))
    # Who finds no room, or sends slowly while others wait, is told to come back, or cut while still sending.
    assert all(status in {200, 503, None} or "RequestTimeout" in text for status, text in answers), answers
    assert 200 in [status for status, _ in answers], answers
    assert ask("POST", f"/{name}?delete=", signed, body)[0] == 200

    # Twelve that send nearly all of theirs and then a little at a time keep nobody from deleting.
    head = "".join(f"{n}: {v}\r\n" for n, v in signed)
    streams = []
    for _ in range(12):
        stream = connect()
        stream.sendall(f"POST /{name}?delete= HTTP/1.1\r\nhost: h\r\n{head}content-length: {len(body)}\r\n\r\n".encode())
        streams.append(stream)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda stream: stream.sendall(body[:-100_000]), streams))
    began, deleted = time.monotonic(), None
    while deleted != 200:
        assert time.monotonic() - began < 60, "no memory for a list of keys came free"
        deleted = ask("POST", f"/{name}?delete=", signed, body)[0]
        for stream in streams:
            try:
                stream.sendall(b" ")
            except OSError:
                pass
    for stream in streams:
        stream.close()


def bodies():
    s3 = client()
    name = bucket(s3, "bodies")
    iam = boto3.client("iam", endpoint_url=ENDPOINT, region_name="us-east-1", config=Config(retries={"max_attempts": 1}))
    iam.list_users()
    kind = ("content-type", "application/x-www-form-urlencoded")

    def announce(*headers, target="/", begin=b""):
        lines = "".join(f"{n}: {v}\r\n" for n, v in headers)
        stream = connect()
        stream.sendall(f"POST {target} HTTP/1.1\r\nhost: h\r\n{lines}content-length: 100000\r\n\r\n".encode() + begin)
        return stream

    # Nobody, and an unknown key: refused although nothing of the body has come.
    for headers, code in [([kind], "AccessDenied"),
                          ([kind, authorization("NOBODY", "host;x-amz-date", "iam"), ("x-amz-date", NOW)], "InvalidClientTokenId"),
                          ([kind, authorization(KEY, "host;x-amz-content-sha256;x-amz-date", "iam"), ("x-amz-date", NOW),
                            ("x-amz-content-sha256", ZEROS)], "SignatureDoesNotMatch")]:
        for stream in [announce(*headers) for _ in range(60)]:
            with stream:
                status, text = hear(stream)
                assert status == 403 and code in text, (code, status, text)

    # A key that exists, whose owner never knew: so many wait, the others are told at once, and S3 goes on.
    known = [kind, authorization(KEY, "host;x-amz-date", "iam"), ("x-amz-date", NOW)]
    form = [("content-type", "multipart/form-data; boundary=X")]
    for attack in [lambda: announce(*known), lambda: announce(*form, target=f"/{name}", begin=b"--X\r\n")]:
        streams = [attack() for _ in range(60)]
        full = 0
        for stream in streams:
            stream.settimeout(1)
            try:
                first = stream.recv(12)
            except OSError:
                continue
            full += first == b"HTTP/1.1 503"
        assert 40 <= full <= 52, full
        s3.put_object(Bucket=name, Key="k", Body=b"content")
        assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"content"
        for stream in streams:
            stream.close()
        for _ in range(200):
            try:
                iam.list_users()
                break
            except ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error
        else:
            raise AssertionError("the places did not come back")


def patterns():
    """A policy of wildcards that match nothing, held against long keys, two thousand times over."""
    s3 = client()
    name = bucket(s3, "patterns")
    iam = boto3.client("iam", endpoint_url=ENDPOINT, region_name="us-east-1")
    user = f"patterns-{SCHEME}"
    iam.create_user(UserName=user)
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    theirs = boto3.client("s3", endpoint_url=ENDPOINT, aws_access_key_id=key["AccessKeyId"],
                          aws_secret_access_key=key["SecretAccessKey"], config=Config(retries={"max_attempts": 1}))
    slow = [f"arn:aws:s3:::{name}/*{middle * 240}b" for middle in ["??", "?a"] for _ in range(18)]
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": slow}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": denial}))
    keys = [{"Key": f"{n:04}" + "a" * 1_000} for n in range(300)]
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        attacks = [pool.submit(theirs.delete_objects, Bucket=name, Delete={"Objects": keys}) for _ in range(2)]
        waits = []
        while not all(attack.done() for attack in attacks):
            asked = time.monotonic()
            s3.head_bucket(Bucket=name)
            waits.append(time.monotonic() - asked)
        assert all(len(attack.result()["Deleted"]) == 300 for attack in attacks)
    assert waits and max(waits) < 10, f"others waited {max(waits)} s"
    assert time.monotonic() - began < 40, time.monotonic() - began

    # A thousand variables whose values the caller chooses, and conditions about them, held against a thousand keys.
    referer = "r" * 4_000
    theirs.meta.events.register("before-sign.s3.DeleteObjects", lambda request, **_: request.headers.add_header("Referer", referer))
    denials = [{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/{'${aws:Referer}' * 500}"},
               {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/*",
                "Condition": {"StringLike": {"aws:Referer": [f"*{'?r' * 240}b{n}" for n in range(20)]}}}]
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": denials}))
    began = time.monotonic()
    assert len(theirs.delete_objects(Bucket=name, Delete={"Objects": [{"Key": f"{n}"} for n in range(1_000)]})["Deleted"]) == 1_000
    assert time.monotonic() - began < 60, time.monotonic() - began
    referer = "r" * 20_000
    try:
        theirs.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}]})
        raise AssertionError("a policy was held against a header of 20,000 bytes")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "RequestHeaderSectionTooLarge", error


class Streaming(S3SigV4Auth):
    def payload(self, request):
        return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def signed_upload(path, length):
    """The head of an upload in signed chunks, and what signs its first chunk."""
    headers = {"Host": "h", "x-amz-decoded-content-length": str(length)}
    request = AWSRequest("PUT", f"{SCHEME}://h{path}", headers, b"")
    auth = Streaming(boto3.Session().get_credentials(), "s3", "us-east-1")
    auth.add_auth(request)
    date, seed = request.headers["X-Amz-Date"], request.headers["Authorization"].split("Signature=")[1]

    def sign(chunk):
        digests = [hashlib.sha256(b"").hexdigest(), hashlib.sha256(chunk).hexdigest()]
        scope = f"{date[:8]}/us-east-1/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", date, scope, seed, *digests])
        secret = f"AWS4{SECRET}".encode()
        for step in [date[:8], "us-east-1", "s3", "aws4_request", text]:
            secret = hmac.new(secret, step.encode(), hashlib.sha256).digest()
        return secret.hex()

    return "".join(f"{n}: {v}\r\n" for n, v in request.headers.items()), sign


def chunks():
    """Twelve uploads announce signed chunks of 16 MiB and send next to nothing; others upload all the same."""
    s3 = client()
    name = bucket(s3, "chunks")
    streams = []
    for n in range(12):
        head, _ = signed_upload(f"/{name}/slow{n}", 16 << 20)
        stream = connect()
        begin = f"PUT /{name}/slow{n} HTTP/1.1\r\n{head}content-length: {(16 << 20) + 200}\r\n\r\n"
        stream.sendall(f"{begin}1000000;chunk-signature={ZEROS}\r\n".encode() + b"x" * 1_000)
        streams.append(stream)
    content = b"y" * 100_000
    head, sign = signed_upload(f"/{name}/quick", len(content))
    # The closing chunk follows from the first one's signature: over a body of one chunk its seed is that.
    first = sign(content)
    body = f"{len(content):x};chunk-signature={first}\r\n".encode() + content + b"\r\n"
    began = time.monotonic()
    with connect() as stream:
        stream.sendall(f"PUT /{name}/quick HTTP/1.1\r\n{head}connection: close\r\ncontent-length: {len(body) + 86}\r\n\r\n".encode())
        stream.sendall(body + f"0;chunk-signature={ZEROS}\r\n\r\n".encode())
        status, text = hear(stream)
    # The content was received and its signature verified; only the closing chunk, which nobody signed, is wrong.
    assert status == 403 and "SignatureDoesNotMatch" in text, (status, text)
    assert time.monotonic() - began < 30, time.monotonic() - began
    for stream in streams:
        stream.close()


def idle():
    """Forty clients ask for objects and take nothing; others read all the same, and the forty get what they asked for."""
    s3 = client()
    name = bucket(s3, "idle")
    content = os.urandom(6 << 20)
    s3.put_object(Bucket=name, Key="k", Body=content)
    target = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
    path = target.split(f"{HOST}:{PORT}")[1]
    streams = []
    for _ in range(40):
        stream = connect()
        stream.sendall(f"GET {path} HTTP/1.1\r\nhost: {HOST}:{PORT}\r\nconnection: close\r\n\r\n".encode())
        streams.append((stream, stream.recv(1_000)))
    began = time.monotonic()
    for _ in range(4):
        assert s3.get_object(Bucket=name, Key="k")["Body"].read() == content
    assert time.monotonic() - began < 40, time.monotonic() - began
    for stream, first in streams:
        with stream:
            heard = bytearray(first)
            while piece := stream.recv(1 << 16):
                heard += piece
        assert heard.startswith(b"HTTP/1.1 200") and heard.endswith(content), (len(heard), heard[:12])


def hoarding():
    """More clients ask for objects and take next to nothing than there is memory for; others read all the same."""
    s3 = client()
    name = bucket(s3, "hoarding")
    content = os.urandom(6 << 20)
    s3.put_object(Bucket=name, Key="k", Body=content)
    target = s3.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
    path = target.split(f"{HOST}:{PORT}")[1]
    streams = []
    for _ in range(80):
        stream = connect(receives=4_096)
        stream.sendall(f"GET {path} HTTP/1.1\r\nhost: {HOST}:{PORT}\r\nconnection: close\r\n\r\n".encode())
        streams.append(stream)
    time.sleep(2)
    for _ in range(4):
        began = time.monotonic()
        assert s3.get_object(Bucket=name, Key="k")["Body"].read() == content
        # All of them come from this machine and have no share: they are before this one in the line.
        assert time.monotonic() - began < 60, time.monotonic() - began
        for stream in streams:
            try:
                # A little, so that nobody is idle for long.
                stream.recv(100)
            except OSError:
                pass
    for stream in streams:
        stream.close()
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == content


attacks = {"heads": heads, "forms": forms, "lists": lists, "bodies": bodies, "patterns": patterns, "chunks": chunks, "idle": idle,
           "hoarding": hoarding}
attacks[sys.argv[1]]()
