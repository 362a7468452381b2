"""Tags of buckets as Terraform, Pulumi and Crossplane read and write them: at creation, and by S3 Control."""
import json
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from gateway import ENDPOINT, SCHEME, client, refused

s3 = client()


def service(name, keys=None):
    keys = keys or {}
    return boto3.client(name, endpoint_url=ENDPOINT, region_name="us-east-1", config=Config(retries={"max_attempts": 1}),
                        aws_access_key_id=keys.get("AccessKeyId"), aws_secret_access_key=keys.get("SecretAccessKey"))


iam = service("iam")
ACCOUNT = service("sts").get_caller_identity()["Account"]


def reach(request, **_):
    """botocore puts the account before the host, as it is at Amazon; names below an address are not resolved here."""
    host = urlsplit(request.url).netloc
    assert host == f"{ACCOUNT}.{urlsplit(ENDPOINT).netloc}", host
    request.headers["Host"] = host
    request.url = request.url.replace(host, urlsplit(ENDPOINT).netloc, 1)


def control(keys=None):
    made = service("s3control", keys)
    made.meta.events.register("before-send.s3-control", reach)
    return made


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


root = control()
B = f"control-{SCHEME}"
NAME = {"AccountId": ACCOUNT, "ResourceArn": f"arn:aws:s3:::{B}"}


def listed():
    return {tag["Key"]: tag["Value"] for tag in root.list_tags_for_resource(**NAME)["Tags"]}


def a_bucket_is_born_with_tags():
    s3.create_bucket(Bucket=B, CreateBucketConfiguration={"Tags": tags(stage="test", cost="low")})
    assert s3.get_bucket_tagging(Bucket=B)["TagSet"] == tags(stage="test", cost="low")
    assert listed() == {"stage": "test", "cost": "low"}
    s3.create_bucket(Bucket=B)
    same = {"Tags": tags(stage="test", cost="low")}
    refused("BucketAlreadyOwnedByYou", s3.create_bucket, Bucket=B, CreateBucketConfiguration=same)
    assert listed() == {"stage": "test", "cost": "low"}, "making it again changed nothing"
    s3.create_bucket(Bucket=f"{B}-bare", CreateBucketConfiguration={"Tags": []})
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=f"{B}-bare")
    for wrong in (tags(**{"aws:x": "y"}), tags(a="b") * 2, tags(**{"a,b": "c"})):
        refused("InvalidTag", s3.create_bucket, Bucket=f"{B}-never", CreateBucketConfiguration={"Tags": wrong})
    refused("404", s3.head_bucket, Bucket=f"{B}-never")


def tags_are_added_changed_and_removed():
    added = root.tag_resource(**NAME, Tags=tags(cost="high", team="a b"))
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert listed() == {"stage": "test", "cost": "high", "team": "a b"}
    for _ in range(2):
        root.untag_resource(**NAME, TagKeys=["team", "stage"])
        assert listed() == {"cost": "high"}, "removing what is not there is fine"
    assert s3.get_bucket_tagging(Bucket=B)["TagSet"] == tags(cost="high")
    refused("InvalidTag", root.tag_resource, **NAME, Tags=tags(**{"aws:x": "y"}))
    refused("BadRequest", root.tag_resource, **NAME, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
    assert listed() == {"cost": "high"}
    root.untag_resource(**NAME, TagKeys=["cost"])
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=B)
    missing = {**NAME, "ResourceArn": f"arn:aws:s3:::{B}-missing"}
    refused("NoSuchResource", root.list_tags_for_resource, **missing)
    refused("NoSuchResource", root.tag_resource, **missing, Tags=tags(a="b"))
    refused("NoSuchResource", root.untag_resource, **missing, TagKeys=["a"])
    point = {**NAME, "ResourceArn": f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint/x"}
    refused("NotImplemented", root.list_tags_for_resource, **point)


def policies_decide():
    iam.create_user(UserName=f"tagger-{SCHEME}")
    keys = iam.create_access_key(UserName=f"tagger-{SCHEME}")["AccessKey"]
    tagger, tagger_s3 = control(keys), client_of(keys)

    def may(*statements):
        document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **s} for s in statements]})
        iam.put_user_policy(UserName=f"tagger-{SCHEME}", PolicyName="p", PolicyDocument=document)

    may({"Action": "s3:ListTagsForResource"})
    assert tagger.list_tags_for_resource(**NAME)["Tags"] == []
    refused("AccessDenied", tagger.tag_resource, **NAME, Tags=tags(a="b"))
    refused("AccessDenied", tagger.untag_resource, **NAME, TagKeys=["a"])
    may({"Action": "s3:CreateBucket"}, {"Action": ["s3:TagResource", "s3:UntagResource"], "Condition": {
        "StringEqualsIfExists": {"aws:RequestTag/stage": "test"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["stage", "team"]}}})
    refused("AccessDenied", tagger.list_tags_for_resource, **NAME)
    tagger.tag_resource(**NAME, Tags=tags(stage="test", team="x"))
    refused("AccessDenied", tagger.tag_resource, **NAME, Tags=tags(stage="production"))
    refused("AccessDenied", tagger.tag_resource, **NAME, Tags=tags(stage="test", cost="low"))
    refused("AccessDenied", tagger.untag_resource, **NAME, TagKeys=["team", "cost"])
    tagger.untag_resource(**NAME, TagKeys=["team"])
    assert listed() == {"stage": "test"}
    wrong = {"Tags": tags(cost="low")}
    refused("AccessDenied", tagger_s3.create_bucket, Bucket=f"{B}-tagged", CreateBucketConfiguration=wrong)
    tagger_s3.create_bucket(Bucket=f"{B}-tagged", CreateBucketConfiguration={"Tags": tags(team="x")})
    may({"Action": "s3:CreateBucket"})
    refused("AccessDenied", tagger_s3.create_bucket, Bucket=f"{B}-never", CreateBucketConfiguration={"Tags": tags(team="x")})
    tagger_s3.create_bucket(Bucket=f"{B}-untagged")


def client_of(keys):
    return boto3.client("s3", endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 1}),
                        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])


def what_refreshes_ask_is_answered():
    assert s3.get_bucket_abac(Bucket=B)["AbacStatus"] == {"Status": "Disabled"}
    s3.put_bucket_abac(Bucket=B, AbacStatus={"Status": "Disabled"})
    refused("NotImplemented", s3.put_bucket_abac, Bucket=B, AbacStatus={"Status": "Enabled"})
    trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}}
    iam.create_role(RoleName=f"role-{SCHEME}", AssumeRolePolicyDocument=json.dumps(trust))
    assert iam.list_instance_profiles_for_role(RoleName=f"role-{SCHEME}")["InstanceProfiles"] == []
    refused("NoSuchEntity", iam.list_instance_profiles_for_role, RoleName="nobody")


a_bucket_is_born_with_tags()
tags_are_added_changed_and_removed()
policies_decide()
what_refreshes_ask_is_answered()
