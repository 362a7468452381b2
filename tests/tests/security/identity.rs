//! Users, groups, roles and temporary credentials, through the IAM and STS APIs as boto3 speaks them.

use anyhow::{Context, Result, ensure};
use harness::{S3, Scheme, TestGateway, on_both};
use http::Method;

on_both!(
    users_groups_and_roles,
    accounts_have_users_of_their_own,
    policies_keep_their_principals,
    roles_of_other_accounts_need_both_sides,
    a_denied_account_gets_no_session,
    sessions_end_with_the_secret_that_began_them,
);

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
    bob.request(Method::GET, "/").send().await?.refused(403, "AccessDenied")?;
    gateway.haulout(&["user", "remove", "alice"]).ok().await?;
    bob.request(Method::GET, "/").send().await?.refused(403, "InvalidAccessKeyId")
}

/// Who is named in a policy stays meant under another name, and whoever gets the name of a deleted user or role is not.
async fn policies_keep_their_principals(gateway: &mut TestGateway) -> Result<()> {
    let root = gateway.root();
    let account = root.call("sts", "GetCallerIdentity", &[]).await?.ok()?.text_of("Account")?;
    let nothing = r#"{"Effect":"Deny","Action":"s3:CreateBucket","Resource":"*"}"#;
    let bob = root.new_user("bob", nothing).await?;
    root.create_bucket("shared").await?;
    root.put("shared", "key", "content").await?.ok()?;
    let arn = |name: &str| format!("arn:aws:iam::{account}:user/{name}");
    let policy = |principal: &str| {
        format!(
            r#"{{ "Statement": [ {{"Effect":"Allow", "Principal":{{"AWS":["{principal}"]}},
                "Action":"s3:GetObject","Resource":"arn:aws:s3:::shared/*"}} ] }}"#
        )
    };
    let put = |text: String| root.request(Method::PUT, "/shared").query("policy", "").body(text).send();
    let shown = async || {
        Ok::<_, anyhow::Error>(root.request(Method::GET, "/shared").query("policy", "").send().await?.ok()?.text())
    };
    put(policy(&arn("bob"))).await?.ok()?;
    bob.get("shared", "key").await?.ok()?;
    ensure!(shown().await? == policy(&arn("bob")), "{}", shown().await?);
    let id = root.call("iam", "GetUser", &[("UserName", "bob")]).await?.ok()?.text_of("UserId")?;
    root.call("iam", "UpdateUser", &[("UserName", "bob"), ("NewUserName", "robert")]).await?.ok()?;
    bob.get("shared", "key").await?.ok()?;
    ensure!(shown().await? == policy(&arn("robert")), "{}", shown().await?);
    let other = root.new_user("bob", nothing).await?;
    other.get("shared", "key").await?.refused(403, "AccessDenied")?;
    // A role goes on trusting the same user.
    let trust = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}}}"#,
        arn("robert")
    );
    let role = [("RoleName", "reader"), ("AssumeRolePolicyDocument", &*trust)];
    let role = root.call("iam", "CreateRole", &role).await?.ok()?.text_of("Arn")?;
    let assume = |user: &S3| {
        let user = user.clone();
        let role = role.clone();
        async move { user.call("sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "monday")]).await }
    };
    assume(&bob).await?.ok()?;
    for name in ["robert", "bob"] {
        let keys = root.call("iam", "ListAccessKeys", &[("UserName", name)]).await?.ok()?.text_of("AccessKeyId")?;
        root.call("iam", "DeleteAccessKey", &[("UserName", name), ("AccessKeyId", &keys)]).await?.ok()?;
        root.call("iam", "DeleteUserPolicy", &[("UserName", name), ("PolicyName", "inline")]).await?.ok()?;
        root.call("iam", "DeleteUser", &[("UserName", name)]).await?.ok()?;
    }
    ensure!(shown().await? == policy(&id), "who is gone is shown by the id: {}", shown().await?);
    let again = root.new_user("robert", nothing).await?;
    again.get("shared", "key").await?.refused(403, "AccessDenied")?;
    assume(&again).await?.refused(403, "AccessDenied")?;
    let shown_role = root.call("iam", "GetRole", &[("RoleName", "reader")]).await?.ok()?;
    ensure!(shown_role.text().contains(&id) && !shown_role.text().contains("robert"), "{}", shown_role.text());
    put(policy(&arn("robert"))).await?.ok()?;
    again.get("shared", "key").await?.ok().map(drop)
}

/// An account as the operator adds it.
struct Account {
    keys: S3,
    number: String,
    canonical: String,
}

async fn account(gateway: &TestGateway, name: &str) -> Result<Account> {
    let added: serde_json::Value =
        serde_json::from_str(&gateway.haulout(&["user", "add", name, "--json"]).ok().await?)?;
    let text = |field: &str| added[field].as_str().map(str::to_owned).with_context(|| format!("{field} in {added}"));
    let keys = gateway.user(&text("access_key")?, &text("secret_key")?);
    let number = text("account")?;
    ensure!(keys.call("sts", "GetCallerIdentity", &[]).await?.ok()?.text_of("Account")? == number);
    Ok(Account { keys, number, canonical: text("canonical_id")? })
}

/// Across accounts the role's account and the caller's account must both allow it, and a denial on either side is the last word.
async fn roles_of_other_accounts_need_both_sides(gateway: &mut TestGateway) -> Result<()> {
    let Account { keys: anna, number: annas, .. } = account(gateway, "anna").await?;
    let Account { keys: bert, number: berts, .. } = account(gateway, "bert").await?;
    let role = format!("arn:aws:iam::{annas}:role/guest");
    let allow = format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"{role}"}}"#);
    let nothing = r#"{"Effect":"Deny","Action":"s3:CreateBucket","Resource":"*"}"#;
    let carl = bert.new_user("carl", nothing).await?;
    let own = anna.new_user("own", nothing).await?;
    let trust = |principal: &str| {
        format!(r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}}}"#)
    };
    let (of_carl, of_bert) = (format!("arn:aws:iam::{berts}:user/carl"), format!("arn:aws:iam::{berts}:root"));
    let made = trust(&format!("arn:aws:iam::{annas}:user/own"));
    let parameters = [("RoleName", "guest"), ("AssumeRolePolicyDocument", made.as_str())];
    anna.call("iam", "CreateRole", &parameters).await?.ok()?;
    let trusts = async |principal: &str| {
        let parameters = [("RoleName", "guest"), ("PolicyDocument", &*trust(principal))];
        anna.call("iam", "UpdateAssumeRolePolicy", &parameters).await?.ok().map(drop)
    };
    let assume =
        async |user: &S3| user.call("sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "monday")]).await;
    assume(&own).await?.ok()?;
    bert.set_user_policy("carl", &allow).await?;
    assume(&carl).await?.refused(403, "AccessDenied")?;
    for principal in [&of_carl, &of_bert] {
        trusts(principal).await?;
        bert.set_user_policy("carl", nothing).await?;
        assume(&carl).await?.refused(403, "AccessDenied")?;
        bert.set_user_policy("carl", &allow).await?;
        let session = carl.in_session(&assume(&carl).await?.ok()?)?;
        let caller = session.call("sts", "GetCallerIdentity", &[]).await?.ok()?;
        ensure!(caller.text_of("Arn")? == format!("arn:aws:sts::{annas}:assumed-role/guest/monday"));
        let denied = format!("{allow},{}", allow.replace("Allow", "Deny"));
        bert.set_user_policy("carl", &denied).await?;
        assume(&carl).await?.refused(403, "AccessDenied")?;
    }
    assume(&own).await?.refused(403, "AccessDenied")?;
    assume(&bert).await?.ok().map(drop)
}

/// What the root user denies an account holds for its own keys as well, also where no permission is needed.
async fn a_denied_account_gets_no_session(gateway: &mut TestGateway) -> Result<()> {
    let root = gateway.root();
    let Account { keys: anna, canonical, .. } = account(gateway, "anna").await?;
    let bob = anna.new_user("bob", r#"{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}"#).await?;
    for user in [&anna, &bob] {
        let session = user.in_session(&user.call("sts", "GetSessionToken", &[]).await?.ok()?)?;
        session.call("sts", "GetCallerIdentity", &[]).await?.ok()?;
    }
    anna.set_user_policy("bob", r#"{"Effect":"Deny","Action":"sts:GetSessionToken","Resource":"*"}"#).await?;
    bob.call("sts", "GetSessionToken", &[]).await?.refused(403, "AccessDenied")?;
    anna.set_user_policy("bob", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#).await?;
    bob.call("sts", "GetSessionToken", &[]).await?.ok()?;
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sts:*","Resource":"*"}}"#;
    let parameters = [("UserName", canonical.as_str()), ("PolicyName", "no-sessions"), ("PolicyDocument", deny)];
    root.call("iam", "PutUserPolicy", &parameters).await?.ok()?;
    for user in [&anna, &bob] {
        user.call("sts", "GetSessionToken", &[]).await?.refused(403, "AccessDenied")?;
    }
    root.call("sts", "GetSessionToken", &[]).await?.ok().map(drop)
}

/// A session that the old secret of the root user began is over when the root user has another.
async fn sessions_end_with_the_secret_that_began_them(gateway: &mut TestGateway) -> Result<()> {
    let root = gateway.root();
    root.create_bucket("kept").await?;
    let session = root.in_session(&root.call("sts", "GetSessionToken", &[]).await?.ok()?)?;
    session.put("kept", "key", "content").await?.ok()?;
    gateway.change_root_secret()?;
    gateway.root().get("kept", "key").await?.ok()?;
    session.get("kept", "key").await?.refused(403, "InvalidAccessKeyId")
}
