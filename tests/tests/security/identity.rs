//! Users, groups, roles and temporary credentials, through the IAM and STS APIs as boto3 speaks them.

use anyhow::{Context, Result, ensure};
use harness::{Scheme, TestGateway, on_both};

on_both!(users_groups_and_roles, accounts_have_users_of_their_own);

async fn users_groups_and_roles(gateway: &mut TestGateway) -> Result<()> {
    gateway.clients(Scheme::Http).python("boto3_identity.py").ok().await?;
    Ok(())
}

/// What the operator sees stays as it was, and an account that goes takes along whoever acts in it.
async fn accounts_have_users_of_their_own(gateway: &mut TestGateway) -> Result<()> {
    let secret = "the-secret-of-alice-0123456789";
    gateway.haulout(&["user", "add", "alice", "--access-key", "KEYalice", "--secret-key", secret]).ok().await?;
    let alice = gateway.clients(Scheme::Http).as_user("KEYalice", secret);
    let aws = async |arguments: &[&str]| alice.aws(arguments).ok().await;
    aws(&["iam", "create-user", "--user-name", "bob"]).await?;
    let made = aws(&[
        "iam",
        "create-access-key",
        "--user-name",
        "bob",
        "--query",
        "AccessKey.[AccessKeyId,SecretAccessKey]",
        "--output",
        "text",
    ])
    .await?;
    let (id, secret) = made.trim().split_once('\t').context("a key and its secret")?;
    let listed = gateway.haulout(&["user", "list"]).ok().await?;
    ensure!(listed.contains("alice") && !listed.contains("bob"), "accounts alone: {listed}");
    let bob = gateway.user(id, secret);
    bob.request(http::Method::GET, "/").send().await?.refused(403, "AccessDenied")?;
    gateway.haulout(&["user", "remove", "alice"]).ok().await?;
    bob.request(http::Method::GET, "/").send().await?.refused(403, "InvalidAccessKeyId")
}
