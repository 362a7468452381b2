//! Calls of IAM and STS, as far as scenarios need them.

use anyhow::Result;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Reply, S3};

impl S3 {
    /// Calls an action of `iam` or `sts`.
    ///
    /// # Errors
    /// No reply.
    pub async fn call(&self, service: &str, action: &str, parameters: &[(&str, &str)]) -> Result<Reply> {
        let version = if service == "sts" { "2011-06-15" } else { "2010-05-08" };
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            form.push_str(&format!("&{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        }
        let client = self.for_service(service);
        let request = client.request(Method::POST, "/").header("content-type", "application/x-www-form-urlencoded");
        request.body(form).send().await
    }

    /// A new user of this account, with one inline policy of these statements.
    ///
    /// # Errors
    /// One of the calls was refused.
    pub async fn new_user(&self, name: &str, statements: &str) -> Result<Self> {
        self.call("iam", "CreateUser", &[("UserName", name)]).await?.ok()?;
        self.set_user_policy(name, statements).await?;
        let key = self.call("iam", "CreateAccessKey", &[("UserName", name)]).await?.ok()?;
        Ok(self.with_keys(&key.text_of("AccessKeyId")?, &key.text_of("SecretAccessKey")?, None))
    }

    /// Gives a user of this account other statements as the inline policy.
    ///
    /// # Errors
    /// It was refused.
    pub async fn set_user_policy(&self, name: &str, statements: &str) -> Result<()> {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let parameters = [("UserName", name), ("PolicyName", "inline"), ("PolicyDocument", policy.as_str())];
        self.call("iam", "PutUserPolicy", &parameters).await?.ok().map(drop)
    }

    /// Whoever the credentials in a reply of STS make of this user.
    ///
    /// # Errors
    /// The reply has none.
    pub fn in_session(&self, reply: &Reply) -> Result<Self> {
        let [id, secret, token] = ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(|name| reply.text_of(name));
        Ok(self.with_keys(&id?, &secret?, Some(&token?)))
    }

    fn with_keys(&self, access_key: &str, secret_key: &str, token: Option<&str>) -> Self {
        let mut client = self.clone();
        client.keys.access_key = access_key.into();
        client.keys.secret_key = secret_key.into();
        client.keys.token = token.map(str::to_owned);
        client
    }
}
