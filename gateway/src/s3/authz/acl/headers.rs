//! The headers that ask for an access list: `x-amz-acl` and `x-amz-grant-*`.

use http::HeaderMap;

use crate::domain::{AccessList, Grant, Grantee, Right};
use crate::policy::Value;
use crate::s3::authz::acl::canned::Canned;
use crate::s3::authz::acl::grantee::{account, group, group_uri};
use crate::s3::error::{Code, S3Error};

const CANNED: &str = "x-amz-acl";
const GRANTS: [(&str, Right); 5] = [
    ("x-amz-grant-read", Right::Read),
    ("x-amz-grant-write", Right::Write),
    ("x-amz-grant-read-acp", Right::ReadAcp),
    ("x-amz-grant-write-acp", Right::WriteAcp),
    ("x-amz-grant-full-control", Right::FullControl),
];

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RequestedAcl {
    /// Nothing.
    #[default]
    Nothing,
    /// A canned list.
    Canned(Canned),
    /// These grants, and none besides.
    Grants(AccessList),
}

/// Reads the headers.
///
/// # Errors
/// `InvalidArgument` for what is no list; `InvalidRequest` for two kinds of lists at once.
pub fn requested(headers: &HeaderMap) -> Result<RequestedAcl, S3Error> {
    let mut list = AccessList::default();
    for (name, right) in GRANTS {
        for value in headers.get_all(name) {
            let text = value.to_str().map_err(|_| S3Error::argument("Argument format not recognized", name, ""))?;
            for part in text.split(',').filter(|part| !part.trim().is_empty()) {
                list.grants.push(Grant { to: grantee(part, name)?, right });
            }
        }
    }
    let canned = headers.get(CANNED).map(|value| value.to_str().unwrap_or("?")).filter(|word| !word.is_empty());
    match canned {
        Some(_) if !list.grants.is_empty() => {
            let message = "Specifying both Canned ACLs and Header Grants is not allowed";
            Err(S3Error::with(Code::InvalidRequest, message))
        }
        Some(word) => Canned::parse(word).map(RequestedAcl::Canned).ok_or_else(|| S3Error::argument("", CANNED, word)),
        None if list.grants.is_empty() => Ok(RequestedAcl::Nothing),
        None => Ok(RequestedAcl::Grants(list)),
    }
}

/// The value of the condition key of one of these headers, without `s3:`, in the one way it is written whatever the
/// client wrote: `id=...` and `uri=...`, parted by commas.
#[must_use]
pub fn condition_value(requested: &RequestedAcl, name: &str) -> Option<Value<'static>> {
    match requested {
        RequestedAcl::Canned(canned) if name == CANNED => Some(Value::from(canned.name())),
        RequestedAcl::Grants(list) => {
            let (_, right) = GRANTS.into_iter().find(|(header, _)| *header == name)?;
            let given: Vec<_> =
                list.grants.iter().filter(|grant| grant.right == right).map(|grant| word(&grant.to)).collect();
            (!given.is_empty()).then(|| Value::from(given.join(",")))
        }
        RequestedAcl::Nothing | RequestedAcl::Canned(_) => None,
    }
}

fn word(grantee: &Grantee) -> String {
    match (grantee, group_uri(grantee)) {
        (Grantee::Account(id), _) => format!("id={id}"),
        (_, uri) => format!("uri={}", uri.unwrap_or_default()),
    }
}

/// One of `id="..."`, `uri="..."`, `emailAddress="..."`.
fn grantee(part: &str, header: &str) -> Result<Grantee, S3Error> {
    let malformed = || S3Error::argument("Argument format not recognized", header, part.trim());
    let (kind, value) = part.trim().split_once('=').ok_or_else(malformed)?;
    let value = value.trim().trim_matches('"');
    match kind.trim() {
        word if word.eq_ignore_ascii_case("id") => account(value, "id"),
        word if word.eq_ignore_ascii_case("uri") => group(value, "uri"),
        word if word.eq_ignore_ascii_case("emailAddress") => {
            Err(S3Error::new(Code::UnresolvableGrantByEmailAddress).field("emailAddress", value))
        }
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<RequestedAcl, Code> {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        requested(&pairs.iter().map(pair).collect()).map_err(|error| error.code)
    }

    #[test]
    fn lists_come_in_headers() {
        let id = "a".repeat(64);
        let both = format!("id=\"{id}\", uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"");
        let account = Grantee::Account(id.clone());
        let grants = vec![
            Grant { to: account.clone(), right: Right::Read },
            Grant { to: Grantee::Everybody, right: Right::Read },
            Grant { to: account, right: Right::FullControl },
        ];
        let full = format!("id={id}");
        assert_eq!(read(&[]), Ok(RequestedAcl::Nothing));
        assert_eq!(read(&[("x-amz-acl", "")]), Ok(RequestedAcl::Nothing));
        assert_eq!(read(&[("x-amz-acl", "public-read")]), Ok(RequestedAcl::Canned(Canned::PublicRead)));
        assert_eq!(
            read(&[("x-amz-grant-full-control", &full), ("x-amz-grant-read", &both)]),
            Ok(RequestedAcl::Grants(AccessList { grants }))
        );
    }

    #[test]
    fn conditions_see_what_was_understood() {
        let id = "a".repeat(64);
        let everybody = "URI = \"http://acs.amazonaws.com/groups/global/AllUsers\"";
        let grants =
            read(&[("x-amz-grant-read", &format!("ID=\"{}\", {everybody}", id.to_uppercase()))]).expect("a list");
        let both = format!("id={id},uri=http://acs.amazonaws.com/groups/global/AllUsers");
        assert_eq!(condition_value(&grants, "x-amz-grant-read"), Some(Value::from(both)));
        assert_eq!(condition_value(&grants, "x-amz-grant-write"), None);
        assert_eq!(condition_value(&grants, "x-amz-acl"), None);
        let canned = read(&[("x-amz-acl", "public-read")]).expect("a word");
        assert_eq!(condition_value(&canned, "x-amz-acl"), Some(Value::from("public-read")));
        assert_eq!(condition_value(&read(&[("x-amz-acl", "")]).expect("nothing"), "x-amz-acl"), None);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let full = format!("id={}", "a".repeat(64));
        for (pairs, code) in [
            (&[("x-amz-acl", "public-ready")][..], Code::InvalidArgument),
            (&[("x-amz-grant-read", "id=_foo")], Code::InvalidArgument),
            (&[("x-amz-grant-read", "anna")], Code::InvalidArgument),
            (&[("x-amz-grant-read", "name=anna")], Code::InvalidArgument),
            (&[("x-amz-grant-read", "uri=\"http://example.com/\"")], Code::InvalidArgument),
            (&[("x-amz-grant-read", "emailAddress=\"a@example.com\"")], Code::UnresolvableGrantByEmailAddress),
            (&[("x-amz-grant-read", &full), ("x-amz-acl", "private")], Code::InvalidRequest),
        ] {
            assert_eq!(read(pairs), Err(code), "{pairs:?}");
        }
    }
}
