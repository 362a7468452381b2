//! The bucket of a host, and the `Location` of redirects.

use http::HeaderValue;
use http::request::Parts;

use crate::domain::BucketName;
use crate::s3::pipeline::connection_info::ConnectionInfo;
use crate::s3::pipeline::request_target::RequestTarget;
use crate::s3::pipeline::target::{bucket_of_host, without_port};
use crate::s3::uri;
use crate::web::{Protocol, Redirection};

/// The bucket of a website: what stands before one of the domains, or the whole host of a domain of its own.
pub(super) fn bucket_of(host: &str, domains: &[String]) -> Option<BucketName> {
    let name = match bucket_of_host(host, domains) {
        Some(label) => label,
        None => without_port(host).to_ascii_lowercase(),
    };
    let domain = |domain: &String| domain.eq_ignore_ascii_case(&name);
    if domains.iter().any(domain) { None } else { name.parse().ok() }
}

/// Where a redirect leads: within this website unless it names a host or a protocol.
pub(super) fn location(to: &Redirection, head: &Parts, target: &RequestTarget) -> Option<HeaderValue> {
    let mut url = String::new();
    if to.host.is_some() || to.protocol.is_some() {
        let own = if ConnectionInfo::of(head).encrypted { Protocol::Https } else { Protocol::Http };
        url.push_str(to.protocol.unwrap_or(own).name());
        url.push_str("://");
        url.push_str(to.host.as_deref().unwrap_or_else(|| target.host()));
    }
    let start = url.len();
    url.push('/');
    push_given(&to.start, &mut url);
    uri::encode_path(to.rest.as_bytes(), &mut url);
    keep_within(&mut url, start);
    if to.keeps_query && !target.raw_query().is_empty() {
        url.push('?');
        url.push_str(target.raw_query());
    }
    HeaderValue::try_from(url).ok()
}

/// The address of a folder of this website.
pub(super) fn folder(path: &str) -> Option<HeaderValue> {
    let mut url = "/".to_owned();
    uri::encode_path(path.as_bytes(), &mut url);
    keep_within(&mut url, 0);
    url.push('/');
    HeaderValue::try_from(url).ok()
}

/// Two slashes at the beginning would make the next name a host.
fn keep_within(url: &mut String, start: usize) {
    if start == 0 && url.starts_with("//") {
        url.replace_range(1..2, "%2F");
    }
}

/// The owner's own text, which may be a query or a fragment: only what no URL can hold is encoded.
fn push_given(text: &str, url: &mut String) {
    for character in text.chars() {
        if character.is_ascii_graphic() && !"\"<>\\^`{|}".contains(character) {
            url.push(character);
        } else {
            let mut bytes = [0; 4];
            uri::encode_path(character.encode_utf8(&mut bytes).as_bytes(), url);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_host_is_a_bucket_under_a_domain_or_by_itself() {
        let domains = ["sites.example.com".to_owned()];
        for (host, bucket) in [
            ("photos.sites.example.com", Some("photos")),
            ("Photos.Sites.example.com:8080", Some("photos")),
            ("a.b.sites.example.com.", Some("a.b")),
            ("www.example.org", Some("www.example.org")),
            ("WWW.example.org:80", Some("www.example.org")),
            ("sites.example.com", None),
            ("127.0.0.1:9002", None),
            ("[::1]:9002", None),
            ("", None),
            ("a_b.example.org", None),
        ] {
            assert_eq!(bucket_of(host, &domains).as_ref().map(BucketName::as_str), bucket, "{host}");
        }
    }

    fn to(host: Option<&str>, protocol: Option<Protocol>, start: &str, rest: &str) -> Redirection {
        Redirection {
            status: 301,
            protocol,
            host: host.map(str::to_owned),
            start: start.to_owned(),
            rest: rest.to_owned(),
            keeps_query: true,
        }
    }

    #[test]
    fn a_redirect_stays_here_unless_it_says_otherwise() {
        let (head, ()) = Request::builder().uri("/").body(()).unwrap().into_parts();
        for (redirection, query, expected) in [
            (to(None, None, "", "a b/ü"), "", "/a%20b/%C3%BC"),
            (to(None, None, "#!/", "a#b"), "", "/#!/a%23b"),
            (to(None, None, "find?key=", "a&b"), "", "/find?key=a%26b"),
            (to(None, None, "", "/evil.example"), "", "/%2Fevil.example"),
            (to(None, None, "/evil.example", ""), "", "/%2Fevil.example"),
            (to(None, None, "a\r\nb", ""), "", "/a%0D%0Ab"),
            (to(Some("example.com"), None, "", "a"), "x=1", "http://example.com/a?x=1"),
            (to(None, Some(Protocol::Https), "", "a"), "", "https://www.example.org:8080/a"),
            (to(Some("h"), Some(Protocol::Https), "b/", "c"), "", "https://h/b/c"),
        ] {
            let target = RequestTarget::parse("www.example.org:8080", &format!("/?{query}"), &[]).unwrap();
            assert_eq!(location(&redirection, &head, &target).unwrap(), expected);
        }
        assert_eq!(folder("a b").unwrap(), "/a%20b/");
        assert_eq!(folder("/a").unwrap(), "/%2Fa/");
    }
}
