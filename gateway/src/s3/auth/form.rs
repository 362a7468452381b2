//! The signature of a form's policy, in its fields: version 4 or version 2.

use aws_sigv4::sign::v4;
use subtle::ConstantTimeEq;

use crate::domain::Timestamp;
use crate::s3::auth::service::Service;
use crate::s3::auth::signature::{Signature, SignaturePlace, SignatureVersion};
use crate::s3::auth::v2::verify;
use crate::s3::auth::v4::claim::{ALGORITHM, Credential, SignatureLocation, signature};
use crate::s3::auth::{Identity, Verifier, refusal, time, token};
use crate::s3::error::{Code, S3Error};

impl Verifier {
    /// Verifies the signature of a form's policy. `field` returns the value of a field by its name in lower case. The
    /// policy itself is not looked at: that is the form's business.
    pub(in crate::s3) async fn verify_form<'a>(
        &self,
        field: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Identity, S3Error> {
        let any = |names: &[&str]| names.iter().any(|name| field(name).is_some());
        let version4 = any(&["x-amz-algorithm", "x-amz-credential", "x-amz-signature"]);
        let version2 = any(&["awsaccesskeyid", "signature"]);
        // Errors call a field as Amazon's documents do.
        let need = |name: &'static str| {
            field(&name.to_ascii_lowercase()).ok_or_else(|| {
                let text = format!(
                    "Bucket POST must contain a field named '{name}'.  If it is specified, please check the order of \
                     the fields."
                );
                S3Error::argument(text, name, "")
            })
        };
        match (version4, version2) {
            (false, false) if field("policy").is_none() => Ok(Identity::Anonymous),
            (false, false) => Err(Code::AccessDenied.into()),
            (true, true) => Err(S3Error::with(Code::InvalidArgument, "Only one auth mechanism allowed")),
            (true, false) => {
                if need("X-Amz-Algorithm")? != ALGORITHM {
                    return Err(
                        SignatureLocation::Query.malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")
                    );
                }
                let fields =
                    [need("policy")?, need("X-Amz-Credential")?, need("X-Amz-Date")?, need("X-Amz-Signature")?];
                self.verify_form_4(fields, token::check(field("x-amz-security-token"))?).await
            }
            (false, true) => {
                let (policy, access_key) = (need("policy")?, need("AWSAccessKeyId")?);
                let signature = need("Signature")?;
                self.check_v2()?;
                let token = token::check(field("x-amz-security-token"))?;
                verify::prove(self, access_key, token, signature, &[policy.to_owned()]).await
            }
        }
    }

    async fn verify_form_4(
        &self,
        [policy, credential, date, given]: [&str; 4],
        token: Option<&str>,
    ) -> Result<Identity, S3Error> {
        let location = SignatureLocation::Query;
        let credential = Credential::parse(credential, location, &[Service::S3])?;
        let seconds = time::parse_basic(date).ok_or_else(|| {
            location.malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        })?;
        credential.check_date(seconds, location)?;
        self.check_region(credential.region, location)?;
        let given = signature(given)?;
        let key = self.key(credential.access_key, token).await?;
        let secret = key.as_ref().map_or(self.dummy_secret.as_str(), |key| key.secret.as_str());
        let signing_key = v4::generate_signing_key(secret, time::system(seconds), credential.region, "s3");
        let expected = signature(&v4::calculate_signature(signing_key, policy.as_bytes()))?;
        let right = bool::from(expected.ct_eq(&given));
        let key = key.ok_or_else(|| refusal::unknown_key(credential.access_key))?;
        if right {
            self.keys.used(&key, Service::S3.word(), credential.region);
            Ok(Identity::Known(key))
        } else {
            Err(refusal::mismatch(credential.access_key, policy, &hex::encode(given)))
        }
    }

    /// The signature of a form whose policy was verified by [`Verifier::verify_form`], from the same fields.
    pub(in crate::s3) fn signature_of_form<'a>(
        &self,
        identity: &Identity,
        field: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<Signature> {
        let Identity::Known(_) = identity else { return None };
        let signed_at = field("x-amz-date").and_then(time::parse_basic);
        let (version, signed_at) = match field("x-amz-signature") {
            Some(_) => (SignatureVersion::V4, signed_at),
            None => (SignatureVersion::V2, None),
        };
        Some(Signature { version, location: SignaturePlace::Form, signed_at, covers_payload: false })
    }

    /// The time by which policies expire.
    pub(in crate::s3) fn now(&self) -> Timestamp {
        self.ambient.clock.now()
    }
}
