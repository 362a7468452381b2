//! Accounts, and users, groups and roles in one of them.

use anyhow::Result;
use harness::{Exchange, Reply};

use crate::writer::Writer;

const TRUST: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\
                     \"Action\":\"sts:AssumeRole\"}]}";

/// Makes two accounts, and whoever acts in that of alice.
pub async fn write(writer: &mut Writer) -> Result<()> {
    for name in ["alice", "dora"] {
        let (access_key, secret_key) = (format!("KEY{name}0001"), format!("the-secret-of-{name}-0123456789"));
        let add = ["user", "add", name, "--access-key", &access_key, "--secret-key", &secret_key];
        writer.gateway.haulout(&add).ok().await?;
        writer.fixture.keys.insert(name.into(), (access_key, secret_key));
    }
    let alice = writer.user("alice")?;
    for bucket in ["alices", "alices-other"] {
        alice.create_bucket(bucket).await?;
    }
    members(writer).await?;
    policies(writer).await?;
    for (over, name) in [("bucket", "alices"), ("user", "alice")] {
        let quota = ["quota", "set", over, name, "--bytes", "50000000", "--objects", "1000"];
        writer.gateway.haulout(&quota).ok().await?;
    }
    let canonical = canonical_id(writer, "dora").await?;
    let deny = policy("Deny", "s3:DeleteBucket", "*");
    act(
        writer,
        "root",
        "PutUserPolicy",
        &[("UserName", &canonical), ("PolicyName", "limit"), ("PolicyDocument", &deny)],
    )
    .await
    .map(drop)
}

/// The ARN of an account.
pub async fn arn_of(writer: &Writer, account: &str) -> Result<String> {
    act(writer, account, "GetUser", &[]).await?.text_of("Arn")
}

/// The canonical id of an account.
pub async fn canonical_id(writer: &Writer, account: &str) -> Result<String> {
    writer.user(account)?.request(http::Method::GET, "/").send().await?.ok()?.text_of("ID")
}

async fn members(writer: &mut Writer) -> Result<()> {
    for (user, status) in [("bob", "Active"), ("carol", "Inactive")] {
        let tag = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "red")];
        act(writer, "alice", "CreateUser", &[[("UserName", user), ("Path", "/team/")], tag].concat()).await?;
        let key = act(writer, "alice", "CreateAccessKey", &[("UserName", user)]).await?;
        let (id, secret) = (key.text_of("AccessKeyId")?, key.text_of("SecretAccessKey")?);
        let change = [("UserName", user), ("AccessKeyId", &id), ("Status", status)];
        act(writer, "alice", "UpdateAccessKey", &change).await?;
        writer.fixture.keys.insert(user.into(), (id, secret));
    }
    act(writer, "alice", "CreateGroup", &[("GroupName", "readers"), ("Path", "/team/")]).await?;
    act(writer, "alice", "AddUserToGroup", &[("GroupName", "readers"), ("UserName", "bob")]).await?;
    let role = [
        ("RoleName", "auditor"),
        ("AssumeRolePolicyDocument", TRUST),
        ("Description", "looks"),
        ("MaxSessionDuration", "7200"),
    ];
    act(writer, "alice", "CreateRole", &role).await.map(drop)
}

async fn policies(writer: &Writer) -> Result<()> {
    let read = policy("Allow", "s3:GetObject", "arn:aws:s3:::alices/*");
    let made = [("PolicyName", "reading"), ("PolicyDocument", read.as_str()), ("Description", "may read")];
    let arn = act(writer, "alice", "CreatePolicy", &made).await?.text_of("Arn")?;
    let more = policy("Allow", "s3:Get*", "arn:aws:s3:::alices/*");
    let version = [("PolicyArn", arn.as_str()), ("PolicyDocument", more.as_str()), ("SetAsDefault", "true")];
    act(writer, "alice", "CreatePolicyVersion", &version).await?;
    act(writer, "alice", "AttachGroupPolicy", &[("GroupName", "readers"), ("PolicyArn", &arn)]).await?;
    let own = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
    act(writer, "alice", "AttachRolePolicy", &[("RoleName", "auditor"), ("PolicyArn", own)]).await?;
    let deny = policy("Deny", "s3:GetObject", "arn:aws:s3:::alices/secret");
    let inline = [("UserName", "bob"), ("PolicyName", "no-secrets"), ("PolicyDocument", deny.as_str())];
    act(writer, "alice", "PutUserPolicy", &inline).await.map(drop)
}

async fn act(writer: &Writer, user: &str, action: &str, parameters: &[(&str, &str)]) -> Result<Reply> {
    Exchange::iam(user, action, parameters).send(&writer.user(user)?).await?.ok()
}

fn policy(effect: &str, action: &str, resource: &str) -> String {
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"{effect}\",\"Action\":\"{action}\",\
         \"Resource\":\"{resource}\"}}]}}"
    )
}

/// What is read back of them.
pub async fn exchanges(writer: &Writer) -> Result<Vec<Exchange>> {
    let policies = act(writer, "alice", "ListPolicies", &[("Scope", "Local")]).await?;
    let (arn, canonical) = (policies.text_of("Arn")?, canonical_id(writer, "dora").await?);
    let alices: [(&str, &[(&str, &str)]); 18] = [
        ("ListUsers", &[]),
        ("GetUser", &[("UserName", "bob")]),
        ("ListUserTags", &[("UserName", "bob")]),
        ("ListAccessKeys", &[("UserName", "bob")]),
        ("ListAccessKeys", &[("UserName", "carol")]),
        ("ListUserPolicies", &[("UserName", "bob")]),
        ("GetUserPolicy", &[("UserName", "bob"), ("PolicyName", "no-secrets")]),
        ("ListGroupsForUser", &[("UserName", "bob")]),
        ("ListGroups", &[]),
        ("GetGroup", &[("GroupName", "readers")]),
        ("ListAttachedGroupPolicies", &[("GroupName", "readers")]),
        ("ListRoles", &[]),
        ("GetRole", &[("RoleName", "auditor")]),
        ("ListAttachedRolePolicies", &[("RoleName", "auditor")]),
        ("ListPolicies", &[("Scope", "Local")]),
        ("GetPolicy", &[("PolicyArn", &arn)]),
        ("ListPolicyVersions", &[("PolicyArn", &arn)]),
        ("GetPolicyVersion", &[("PolicyArn", &arn), ("VersionId", "v1")]),
    ];
    let mut exchanges: Vec<_> =
        alices.iter().map(|(action, parameters)| Exchange::iam("alice", action, parameters)).collect();
    exchanges.push(Exchange::iam("root", "GetUserPolicy", &[("UserName", &canonical), ("PolicyName", "limit")]));
    exchanges.push(Exchange::iam("bob", "GetUser", &[]));
    Ok(exchanges)
}
