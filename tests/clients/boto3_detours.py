"""Ways around a policy that others left open: forms, forwarded addresses, overrides, the IAM API itself."""
import json

import boto3
from botocore import xform_name
from botocore.config import Config

from gateway import ENDPOINT, bucket, client, fetch, refused

s3, B = client(), None
iam = boto3.client("iam", endpoint_url=ENDPOINT, region_name="us-east-1", config=Config(retries={"max_attempts": 1}))
B = bucket(s3, "detours")
s3.put_object(Bucket=B, Key="k", Body=b"content")


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def user(name, *statements):
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(*statements))
    pair = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"]}
    made = {}
    for service in ("s3", "iam", "sts"):
        made[service] = boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1",
                                     config=Config(retries={"max_attempts": 1}, parameter_validation=False), **pair)
    return made


def multipart(fields, content):
    lines = []
    for name, value in fields.items():
        lines.append(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n')
    lines.append(f'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n{content}\r\n--b--\r\n')
    return "".join(lines).encode()


FORM = {"content-type": "multipart/form-data; boundary=b"}
READ = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*"}


def a_reader_does_not_write_by_form():
    """CVE-2021-21362."""
    reader = user("reader", READ)["s3"]
    assert reader.get_object(Bucket=B, Key="k")["Body"].read() == b"content"
    form = reader.generate_presigned_post(B, "planted")
    status, _, body = fetch(form["url"], "POST", multipart(form["fields"], "x"), FORM)
    assert status == 403 and b"AccessDenied" in body, (status, body)
    writer = user("writer", {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{B}/up/*"})["s3"]
    form = writer.generate_presigned_post(B, "up/${filename}")
    assert fetch(form["url"], "POST", multipart(form["fields"], "x"), FORM)[0] == 204
    form = writer.generate_presigned_post(B, "elsewhere")
    assert fetch(form["url"], "POST", multipart(form["fields"], "x"), FORM)[0] == 403
    form = writer.generate_presigned_post(B, "up/a")
    for name in ("acl", "x-amz-meta-a", "content-type", "x-amz-storage-class", "success_action_redirect", "unknown"):
        status, _, body = fetch(form["url"], "POST", multipart({**form["fields"], name: "private"}, "x"), FORM)
        assert status == 403, f"a field that the policy does not name, {name}: {status} {body}"
    s3.delete_object(Bucket=B, Key="up/f")


def an_address_is_not_what_a_header_says():
    """CVE-2026-21862."""
    s3.put_bucket_policy(Bucket=B, Policy=document({
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{B}/*",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.9.8.7/32"}}}))
    for name in ("x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"):
        value = "for=10.9.8.7" if name == "forwarded" else "10.9.8.7"
        assert fetch(f"{ENDPOINT}/{B}/k", headers={name: value})[0] == 403, name
    s3.delete_bucket_policy(Bucket=B)


def strangers_do_not_choose_headers_of_replies():
    """CVE-2020-1760, CVE-2015-5245."""
    s3.put_bucket_policy(Bucket=B, Policy=document({
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{B}/*"}))
    assert fetch(f"{ENDPOINT}/{B}/k")[0] == 200
    status, headers, _ = fetch(f"{ENDPOINT}/{B}/k?response-content-type=text/html")
    assert status == 400 and headers["content-type"] != "text/html", status
    s3.delete_bucket_policy(Bucket=B)
    url = s3.generate_presigned_url("get_object", Params={
        "Bucket": B, "Key": "k", "ResponseContentDisposition": "a\r\nset-cookie: x=y"}, ExpiresIn=60)
    status, headers, _ = fetch(url)
    assert "set-cookie" not in headers and status in (200, 400), status


def nobody_raises_the_own_rights():
    """CVE-2021-43858, GHSA-566f, GHSA-xgr5: every action is refused to whom no policy allows it."""
    nobody = user("climber")
    wanted = {"UserName": "climber", "GroupName": "g", "RoleName": "r", "PolicyName": "p", "Path": "/",
              "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess", "VersionId": "v1", "Status": "Active",
              "PolicyDocument": document(READ), "AccessKeyId": "AKIAXXXXXXXXXXXXXXXX",
              "AssumeRolePolicyDocument": document({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"})}
    model = nobody["iam"].meta.service_model
    asked = 0
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        members = shape.members if shape else {}
        arguments = {name: value for name, value in wanted.items() if name in members and (
            name in shape.required_members or name in ("UserName", "PolicyDocument"))}
        try:
            getattr(nobody["iam"], xform_name(operation))(**arguments)
        except nobody["iam"].exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            assert code in ("AccessDenied", "InvalidAction", "ValidationError"), f"{operation}: {code}"
            asked += code == "AccessDenied"
            continue
        raise AssertionError(f"{operation} was let through")
    assert asked >= 50, asked
    deny = user("limited", {"Effect": "Allow", "Action": "*", "Resource": "*"}, {
        "Effect": "Deny", "Action": "iam:*", "Resource": "*"})
    refused("AccessDenied", deny["iam"].delete_user_policy, UserName="limited", PolicyName="p")
    refused("AccessDenied", deny["iam"].create_access_key)


a_reader_does_not_write_by_form()
an_address_is_not_what_a_header_says()
strangers_do_not_choose_headers_of_replies()
nobody_raises_the_own_rights()
assert [o["Key"] for o in s3.list_objects_v2(Bucket=B)["Contents"]] == ["k"]
