"""Users, groups, policies, roles and temporary credentials with boto3: the IAM and STS APIs, and what they mean to S3."""
import json
import time

import boto3
from botocore.config import Config

from gateway import ENDPOINT, bucket, client, fetch, refused

s3 = client()
B = bucket(s3, "identity")
s3.put_object(Bucket=B, Key="mine/a", Body=b"a")
s3.put_object(Bucket=B, Key="yours/b", Body=b"b")


def service(name, keys=None, **config):
    keys = keys or {}
    return boto3.client(name, endpoint_url=ENDPOINT, region_name="us-east-1",
                        config=Config(retries={"max_attempts": 1}, **config),
                        aws_access_key_id=keys.get("AccessKeyId"), aws_secret_access_key=keys.get("SecretAccessKey"),
                        aws_session_token=keys.get("SessionToken"))


iam, sts = service("iam"), service("sts")
ACCOUNT = sts.get_caller_identity()["Account"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*"):
    return {"Effect": "Deny", "Action": action, "Resource": resource}


def trust(arn):
    return policy({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"})


def user(name):
    iam.create_user(UserName=name, Path="/team/")
    return iam.create_access_key(UserName=name)["AccessKey"]


READ = f"arn:aws:s3:::{B}/mine/*"


def an_account_is_itself():
    me = sts.get_caller_identity()
    assert len(ACCOUNT) == 12 and me["Arn"] == f"arn:aws:iam::{ACCOUNT}:root" and me["UserId"] == ACCOUNT, me
    assert iam.get_user()["User"]["Arn"] == me["Arn"]
    assert iam.get_account_summary()["SummaryMap"]["UsersQuota"] == 5000


def a_user_without_policies_may_do_nothing():
    keys = user("nobody")
    theirs = service("s3", keys)
    refused("AccessDenied", theirs.list_buckets)
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="mine/a")
    refused("403", theirs.head_bucket, Bucket=B)
    refused("AccessDenied", theirs.put_object, Bucket=B, Key="mine/x", Body=b"x")
    refused("AccessDenied", theirs.create_bucket, Bucket="theirs")
    refused("AccessDenied", service("iam", keys).list_users)
    refused("AccessDenied", service("iam", keys).put_user_policy, UserName="nobody", PolicyName="all",
            PolicyDocument=policy(allow("*")))
    me = service("sts", keys).get_caller_identity()
    assert me["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/nobody" and me["UserId"].startswith("AIDA"), me


def an_inline_policy_counts_at_once():
    keys = user("inline")
    theirs = service("s3", keys)
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="mine/a")
    iam.put_user_policy(UserName="inline", PolicyName="read", PolicyDocument=policy(allow("s3:GetObject", READ)))
    assert theirs.get_object(Bucket=B, Key="mine/a")["Body"].read() == b"a"
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="yours/b")
    refused("AccessDenied", theirs.delete_object, Bucket=B, Key="mine/a")
    assert iam.get_user_policy(UserName="inline", PolicyName="read")["PolicyDocument"]["Version"] == "2012-10-17"
    assert iam.list_user_policies(UserName="inline")["PolicyNames"] == ["read"]
    refused("DeleteConflict", iam.delete_user, UserName="inline")
    iam.delete_user_policy(UserName="inline", PolicyName="read")
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="mine/a")


def a_denial_wins():
    keys = user("denied")
    theirs = service("s3", keys)
    iam.put_user_policy(UserName="denied", PolicyName="all", PolicyDocument=policy(allow("s3:*")))
    theirs.put_object(Bucket=B, Key="mine/denied", Body=b"x")
    iam.put_user_policy(UserName="denied", PolicyName="not", PolicyDocument=policy(deny("s3:DeleteObject")))
    refused("AccessDenied", theirs.delete_object, Bucket=B, Key="mine/denied")
    assert theirs.get_object(Bucket=B, Key="mine/denied")["Body"].read() == b"x"
    s3.put_bucket_policy(Bucket=B, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/team/denied"}, "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{B}/*"}]}))
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="mine/denied")
    s3.delete_bucket_policy(Bucket=B)
    assert theirs.get_object(Bucket=B, Key="mine/denied")["Body"].read() == b"x"


def a_new_name_needs_its_own_permission():
    keys = user("renamer")
    theirs = service("iam", keys)
    user("before")
    old, new = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ["team/before", "team/after"])
    iam.put_user_policy(UserName="renamer", PolicyName="old", PolicyDocument=policy(allow("iam:UpdateUser", old)))
    refused("AccessDenied", theirs.update_user, UserName="before", NewUserName="after")
    iam.put_user_policy(UserName="renamer", PolicyName="new", PolicyDocument=policy(allow("iam:UpdateUser", new)))
    theirs.update_user(UserName="before", NewUserName="after")
    refused("AccessDenied", theirs.update_user, UserName="after", NewPath="/elsewhere/")
    assert iam.get_user(UserName="after")["User"]["Arn"] == new


def keys_of_a_session_call_nothing_of_iam():
    session = sts.get_session_token()["Credentials"]
    refused("AccessDenied", service("iam", session).list_users)
    refused("AccessDenied", service("iam", session).create_access_key)
    assert service("s3", session).get_object(Bucket=B, Key="mine/a")["Body"].read() == b"a"


def a_policy_does_not_give_itself_away():
    everything = {"Effect": "Allow", "Principal": "*", "Action": "s3:*",
                  "Resource": [f"arn:aws:s3:::{B}", f"arn:aws:s3:::{B}/*"]}
    s3.put_bucket_policy(Bucket=B, Policy=policy(everything))
    assert fetch(f"{ENDPOINT}/{B}/mine/a")[0] == 200
    for method, data in [("GET", None), ("DELETE", None), ("PUT", policy(everything).encode())]:
        assert fetch(f"{ENDPOINT}/{B}?policy", method, data)[0] == 403, method
    # Nor may nobody begin uploads or copy, whatever a policy says.
    status, _, text = fetch(f"{ENDPOINT}/{B}/mine/anonymous?uploads", "POST", b"")
    assert status == 403 and b"Anonymous users cannot initiate multipart uploads" in text, (status, text)
    status, _, text = fetch(f"{ENDPOINT}/{B}/mine/anonymous", "PUT", b"", {"x-amz-copy-source": f"/{B}/mine/a"})
    assert status == 403 and b"Anonymous users cannot copy objects" in text, (status, text)
    assert fetch(f"{ENDPOINT}/{B}/mine/anonymous", "PUT", b"x")[0] == 200
    s3.delete_bucket_policy(Bucket=B)


def a_group_lends_its_policies():
    keys = user("member")
    theirs = service("s3", keys)
    iam.create_group(GroupName="readers", Path="/team/")
    iam.put_group_policy(GroupName="readers", PolicyName="read", PolicyDocument=policy(allow("s3:GetObject", READ)))
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="mine/a")
    iam.add_user_to_group(GroupName="readers", UserName="member")
    assert theirs.get_object(Bucket=B, Key="mine/a")["Body"].read() == b"a"
    assert [u["UserName"] for u in iam.get_group(GroupName="readers")["Users"]] == ["member"]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="member")["Groups"]] == ["readers"]
    refused("DeleteConflict", iam.delete_group, GroupName="readers")
    iam.remove_user_from_group(GroupName="readers", UserName="member")
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="mine/a")
    iam.delete_group_policy(GroupName="readers", PolicyName="read")
    iam.delete_group(GroupName="readers")


def a_managed_policy_is_shared_and_changes_for_all():
    keys = user("managed")
    theirs = service("s3", keys)
    full = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.attach_user_policy(UserName="managed", PolicyArn=full)
    assert theirs.get_object(Bucket=B, Key="yours/b")["Body"].read() == b"b"
    refused("AccessDenied", theirs.put_object, Bucket=B, Key="mine/x", Body=b"x")
    iam.detach_user_policy(UserName="managed", PolicyArn=full)
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="yours/b")
    arn = iam.create_policy(PolicyName="own", PolicyDocument=policy(allow("s3:GetObject", READ)))["Policy"]["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/own"
    iam.attach_user_policy(UserName="managed", PolicyArn=arn)
    assert theirs.get_object(Bucket=B, Key="mine/a")["Body"].read() == b"a"
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(deny("s3:*")), SetAsDefault=True)
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="mine/a")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert theirs.get_object(Bucket=B, Key="mine/a")["Body"].read() == b"a"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    iam.detach_user_policy(UserName="managed", PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    local = {p["PolicyName"] for page in iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 2})
             for p in page["Policies"]}
    assert {"AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "IAMFullAccess"} <= local, local


def a_key_can_be_switched_off():
    keys = user("switched")
    iam.attach_user_policy(UserName="switched", PolicyArn="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    theirs = service("s3", keys)
    theirs.head_bucket(Bucket=B)
    iam.update_access_key(UserName="switched", AccessKeyId=keys["AccessKeyId"], Status="Inactive")
    refused("InvalidAccessKeyId", theirs.list_objects_v2, Bucket=B)
    refused("InvalidClientTokenId", service("sts", keys).get_caller_identity)
    iam.update_access_key(UserName="switched", AccessKeyId=keys["AccessKeyId"], Status="Active")
    theirs.head_bucket(Bucket=B)
    second = iam.create_access_key(UserName="switched")["AccessKey"]
    refused("LimitExceeded", iam.create_access_key, UserName="switched")
    listed = iam.list_access_keys(UserName="switched")["AccessKeyMetadata"]
    assert {key["AccessKeyId"] for key in listed} == {keys["AccessKeyId"], second["AccessKeyId"]}
    for _ in range(50):
        used = iam.get_access_key_last_used(AccessKeyId=keys["AccessKeyId"])
        if used["AccessKeyLastUsed"]["ServiceName"] == "s3":
            break
        time.sleep(0.1)
    assert used["UserName"] == "switched" and used["AccessKeyLastUsed"]["Region"] == "us-east-1", used
    iam.delete_access_key(UserName="switched", AccessKeyId=keys["AccessKeyId"])
    refused("InvalidAccessKeyId", theirs.list_objects_v2, Bucket=B)


def a_session_is_who_began_it():
    keys = user("session")
    iam.put_user_policy(UserName="session", PolicyName="read", PolicyDocument=policy(allow("s3:GetObject", READ)))
    lent = service("sts", keys).get_session_token(DurationSeconds=900)["Credentials"]
    assert lent["AccessKeyId"].startswith("ASIA")
    theirs = service("s3", lent)
    assert theirs.get_object(Bucket=B, Key="mine/a")["Body"].read() == b"a"
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="yours/b")
    assert service("sts", lent).get_caller_identity()["Arn"].endswith(":user/team/session")
    refused("InvalidAccessKeyId", service("s3", {**lent, "SessionToken": None}).get_object, Bucket=B, Key="mine/a")
    token = lent["SessionToken"]
    forged = ("A" if token[9] != "A" else "B").join([token[:9], token[10:]])
    refused("InvalidToken", service("s3", {**lent, "SessionToken": forged}).get_object, Bucket=B, Key="mine/a")
    refused("InvalidToken", service("s3", {**keys, "SessionToken": token}).get_object, Bucket=B, Key="mine/a")
    for version in ("s3v4", "s3"):
        signer = service("s3", lent, signature_version=version)
        url = signer.generate_presigned_url("get_object", Params={"Bucket": B, "Key": "mine/a"}, ExpiresIn=60)
        assert fetch(url)[0] == 200, url
        url = signer.generate_presigned_url("get_object", Params={"Bucket": B, "Key": "yours/b"}, ExpiresIn=60)
        assert fetch(url)[0] == 403, url
    iam.delete_access_key(UserName="session", AccessKeyId=keys["AccessKeyId"])
    refused("InvalidAccessKeyId", theirs.get_object, Bucket=B, Key="mine/a")


def a_role_is_assumed_by_whom_it_trusts():
    trusted, stranger = user("trusted"), user("stranger")
    arn = iam.get_user(UserName="trusted")["User"]["Arn"]
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust(arn), MaxSessionDuration=7200)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/reader" and role["RoleId"].startswith("AROA"), role
    begin = {"RoleArn": role["Arn"], "RoleSessionName": "monday"}
    refused("AccessDenied", service("sts", stranger).assume_role, **begin)
    refused("AccessDenied", service("sts", trusted).assume_role, **{**begin, "RoleArn": role["Arn"] + "x"})
    refused("ValidationError", service("sts", trusted).assume_role, DurationSeconds=7201, **begin)
    began = service("sts", trusted).assume_role(DurationSeconds=7200, **begin)
    assert began["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/monday"
    theirs = service("s3", began["Credentials"])
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="mine/a")
    iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=policy(allow("s3:*")))
    assert theirs.get_object(Bucket=B, Key="yours/b")["Body"].read() == b"b"
    me = service("sts", began["Credentials"]).get_caller_identity()
    assert me["UserId"] == f"{role['RoleId']}:monday" and me["Arn"] == began["AssumedRoleUser"]["Arn"], me

    narrow = policy(allow("s3:GetObject", READ))
    lent = service("sts", trusted).assume_role(Policy=narrow, **begin)["Credentials"]
    narrowed = service("s3", lent)
    assert narrowed.get_object(Bucket=B, Key="mine/a")["Body"].read() == b"a"
    refused("AccessDenied", narrowed.get_object, Bucket=B, Key="yours/b")
    refused("AccessDenied", narrowed.put_object, Bucket=B, Key="mine/x", Body=b"x")
    refused("AccessDenied", service("sts", lent).get_session_token)

    iam.update_assume_role_policy(RoleName="reader", PolicyDocument=trust(f"arn:aws:iam::{ACCOUNT}:root"))
    refused("AccessDenied", service("sts", stranger).assume_role, **begin)
    iam.put_user_policy(UserName="stranger", PolicyName="become", PolicyDocument=policy(allow("sts:AssumeRole", role["Arn"])))
    service("sts", stranger).assume_role(**begin)
    iam.put_user_policy(UserName="stranger", PolicyName="not", PolicyDocument=policy(deny("sts:*")))
    refused("AccessDenied", service("sts", stranger).assume_role, **begin)

    iam.delete_role_policy(RoleName="reader", PolicyName="all")
    refused("AccessDenied", theirs.get_object, Bucket=B, Key="yours/b")
    iam.delete_role(RoleName="reader")
    refused("InvalidAccessKeyId", theirs.get_object, Bucket=B, Key="yours/b")


def a_user_may_manage_users_when_allowed():
    keys = user("admin")
    theirs = service("iam", keys)
    own = f"arn:aws:iam::{ACCOUNT}:user/made/*"
    iam.put_user_policy(UserName="admin", PolicyName="make",
                        PolicyDocument=policy(allow(["iam:CreateUser", "iam:GetUser", "iam:DeleteUser"], own)))
    theirs.create_user(UserName="new", Path="/made/")
    assert theirs.get_user(UserName="new")["User"]["Path"] == "/made/"
    refused("AccessDenied", theirs.create_user, UserName="other")
    refused("AccessDenied", theirs.create_access_key, UserName="new")
    refused("AccessDenied", theirs.delete_user, UserName="nobody")
    refused("AccessDenied", theirs.get_user)
    theirs.delete_user(UserName="new")


def what_is_wrong_has_a_name():
    refused("NoSuchEntity", iam.get_user, UserName="missing")
    refused("EntityAlreadyExists", iam.create_user, UserName="NOBODY")
    refused("ValidationError", service("iam", parameter_validation=False).create_user, UserName="a b")
    refused("ValidationError", service("iam", parameter_validation=False).create_user, UserName="ab", Path="x")
    refused("MalformedPolicyDocument", iam.put_user_policy, UserName="nobody", PolicyName="p", PolicyDocument="{}")
    refused("MalformedPolicyDocument", iam.put_user_policy, UserName="nobody", PolicyName="p",
            PolicyDocument=policy({**allow("s3:*"), "Principal": "*"}))
    refused("LimitExceeded", iam.put_user_policy, UserName="nobody", PolicyName="p",
            PolicyDocument=policy(allow("s3:*", ["arn:aws:s3:::b/" + "x" * 2100])))
    refused("NoSuchEntity", iam.attach_user_policy, UserName="nobody", PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")
    refused("NoSuchEntity", iam.get_policy, PolicyArn="arn:aws:iam::999999999999:policy/p")
    refused("UnmodifiableEntity", iam.create_access_key)
    refused("InvalidAction", iam.list_server_certificates)
    refused("InvalidAction", sts.get_federation_token, Name="somebody")
    refused("ValidationError", iam.create_user, UserName="bound",
            PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    wrong = {"AccessKeyId": "AKIANOBODYKNOWSTHIS0", "SecretAccessKey": "wrong"}
    refused("InvalidClientTokenId", service("iam", wrong).list_users)


def lists_come_in_pages():
    for number in range(5):
        iam.create_user(UserName=f"Page{number}", Path="/pages/", Tags=[{"Key": "n", "Value": str(number)}])
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 2}))
    assert [len(page["Users"]) for page in pages] == [2, 2, 1], pages
    assert [u["UserName"] for page in pages for u in page["Users"]] == [f"Page{n}" for n in range(5)]
    iam.tag_user(UserName="page1", Tags=[{"Key": "colour", "Value": "blue"}])
    assert iam.get_user(UserName="Page1")["User"]["Tags"] == [{"Key": "colour", "Value": "blue"}, {"Key": "n", "Value": "1"}]
    iam.untag_user(UserName="page1", TagKeys=["n"])
    assert iam.list_user_tags(UserName="page1")["Tags"] == [{"Key": "colour", "Value": "blue"}]
    iam.update_user(UserName="Page1", NewUserName="Leaf", NewPath="/leaves/")
    assert iam.get_user(UserName="leaf")["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/leaves/Leaf"


an_account_is_itself()
a_user_without_policies_may_do_nothing()
an_inline_policy_counts_at_once()
a_denial_wins()
a_new_name_needs_its_own_permission()
keys_of_a_session_call_nothing_of_iam()
a_policy_does_not_give_itself_away()
a_group_lends_its_policies()
a_managed_policy_is_shared_and_changes_for_all()
a_key_can_be_switched_off()
a_session_is_who_began_it()
a_role_is_assumed_by_whom_it_trusts()
a_user_may_manage_users_when_allowed()
what_is_wrong_has_a_name()
lists_come_in_pages()
