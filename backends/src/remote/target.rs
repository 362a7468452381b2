//! From a URL and options to a client of an object store.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig};

use crate::spec::{TIMEOUT_SECONDS, URL_KINDS};
use crate::{BackendSpec, StoreError};

/// A whole request, however much it carries, in seconds; deadlines above are shorter for small ones.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// Silence in the middle of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Options for WebDAV: basic authentication.
const USERNAME: &str = "username";
const PASSWORD: &str = "password";

/// Where slivers go: a client, the path below it, and what the far end can do.
pub(super) struct Target {
    /// The client.
    pub(super) store: Arc<dyn ObjectStore>,
    /// The path of the backend's root.
    pub(super) prefix: Path,
    /// Whether an object can be refused because its name is taken.
    pub(super) creates: bool,
    /// Whether objects can be uploaded in parts.
    pub(super) multipart: bool,
}

impl std::fmt::Debug for Target {
    /// Shows where it leads; a client's own text may hold more than a log should.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Target({}, {:?})", self.store, self.prefix.as_ref())
    }
}

impl Target {
    /// Builds the client; makes no request.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] for a URL or an option that is not known.
    pub(super) fn new(spec: &BackendSpec) -> Result<Self, StoreError> {
        let (scheme, rest) = spec.url.split_once(':').ok_or_else(|| unknown_url(spec))?;
        let rest = rest.strip_prefix("//").unwrap_or_default();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = Path::from_url_path(path).map_err(StoreError::misconfigured)?;
        let root = format!("{scheme}://{authority}");
        let cloud = |store| Ok(Self { store, prefix: prefix.clone(), creates: true, multipart: true });
        match scheme {
            "memory" => cloud(memory(&spec.options)?),
            _ if authority.is_empty() => Err(unknown_url(spec)),
            "s3" | "s3a" => cloud(amazon(root, &spec.options)?),
            "gs" => cloud(google(root, &spec.options)?),
            "az" | "azure" | "abfs" | "abfss" => cloud(azure(root, &spec.options)?),
            "http" | "https" => {
                let store = webdav(&root, scheme == "http", &spec.options)?;
                Ok(Self { store, prefix, creates: false, multipart: false })
            }
            _ => Err(unknown_url(spec)),
        }
    }
}

fn unknown_url(spec: &BackendSpec) -> StoreError {
    StoreError::misconfigured(format!("the url of backend {:?} is not {URL_KINDS}", spec.name))
}

fn memory(options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    match options.keys().find(|key| key.as_str() != TIMEOUT_SECONDS) {
        Some(key) => Err(unknown_option(key)),
        None => Ok(Arc::new(InMemory::new())),
    }
}

fn amazon(url: String, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let builder = AmazonS3Builder::new().with_url(url).with_retry(retries()).with_client_options(client());
    let builder = configure(builder, options, AmazonS3Builder::with_config)?;
    Ok(Arc::new(builder.build().map_err(StoreError::misconfigured)?))
}

fn google(url: String, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let builder = GoogleCloudStorageBuilder::new().with_url(url).with_retry(retries()).with_client_options(client());
    let builder = configure(builder, options, GoogleCloudStorageBuilder::with_config)?;
    Ok(Arc::new(builder.build().map_err(StoreError::misconfigured)?))
}

fn azure(url: String, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let builder = MicrosoftAzureBuilder::new().with_url(url).with_retry(retries()).with_client_options(client());
    let builder = configure(builder, options, MicrosoftAzureBuilder::with_config)?;
    Ok(Arc::new(builder.build().map_err(StoreError::misconfigured)?))
}

fn webdav(url: &str, plain: bool, options: &BTreeMap<String, String>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let mut options = options.clone();
    let user = options.remove(USERNAME);
    let password = options.remove(PASSWORD);
    let (scheme, authority) = url.split_once("://").unwrap_or_default();
    if authority.contains('@') {
        return Err(StoreError::misconfigured("give user and password as options, not in the url"));
    }
    // An http URL is the operator's word that no TLS is wanted.
    let mut client = client().with_allow_http(plain);
    if let Some(user) = user {
        let pair = format!("{user}:{}", password.unwrap_or_default());
        let text = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        let mut value = HeaderValue::from_str(&text).map_err(StoreError::misconfigured)?;
        value.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value);
        client = client.with_default_headers(headers);
    }
    let builder = HttpBuilder::new().with_url(format!("{scheme}://{authority}"));
    let builder = builder.with_retry(retries()).with_client_options(client);
    let builder = configure(builder, &options, HttpBuilder::with_config)?;
    Ok(Arc::new(builder.build().map_err(StoreError::misconfigured)?))
}

/// Hands the options on, and refuses those that this kind of backend does not have: a mistyped one, or a directory's floor of
/// free bytes, must not be silently lost.
fn configure<B, K: FromStr>(
    builder: B,
    options: &BTreeMap<String, String>,
    with: impl Fn(B, K, String) -> B,
) -> Result<B, StoreError> {
    options.iter().filter(|(key, _)| key.as_str() != TIMEOUT_SECONDS).try_fold(builder, |builder, (key, value)| {
        let known = key.to_ascii_lowercase().parse::<K>();
        let known = known.map_err(|_| unknown_option(key))?;
        Ok(with(builder, known, value.clone()))
    })
}

fn unknown_option(key: &str) -> StoreError {
    StoreError::misconfigured(format!("unknown option {key:?}"))
}

/// Few and short: another backend is asked long before a patient client gives up.
fn retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 2, retry_timeout: Duration::from_secs(10) }
}

fn client() -> ClientOptions {
    ClientOptions::new()
        .with_timeout(REQUEST_TIMEOUT)
        .with_read_timeout(READ_TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Options<'a> = &'a [(&'a str, &'a str)];

    fn spec(url: &str, options: Options<'_>) -> BackendSpec {
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        BackendSpec { name: "b".into(), url: url.into(), provider: None, zone: None, options }
    }

    #[test]
    fn every_kind_of_url_builds_its_client() {
        let keys = [("access_key_id", "k"), ("secret_access_key", "s"), ("region", "eu-west-1")];
        let local = [("endpoint", "http://127.0.0.1:9000"), ("allow_http", "true")];
        let s3: Vec<_> = keys.into_iter().chain(local).collect();
        let azure = [("account_name", "a"), ("account_key", "a2V5")];
        let cases: [(&str, Options<'_>, &str); 7] = [
            ("memory:", &[], ""),
            ("s3://bucket", &s3, ""),
            ("s3://bucket/some/prefix/", &s3, "some/prefix"),
            ("gs://bucket/p", &[("skip_signature", "true"), ("timeout_seconds", "3")], "p"),
            ("az://container/p", &azure, "p"),
            ("http://dav.example:8080/a/b", &[("username", "u"), ("password", "p")], "a/b"),
            ("https://dav.example/a%20b", &[], "a b"),
        ];
        for (url, options, prefix) in cases {
            let target = Target::new(&spec(url, options)).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(target.prefix, Path::parse(prefix).unwrap(), "{url}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let cases: [(&str, Options<'_>, &str); 11] = [
            ("ftp://host/dir", &[], "not a path"),
            ("s3://", &[], "not a path"),
            ("s3:///prefix", &[], "not a path"),
            ("s3://bucket", &[("acess_key", "typo")], "unknown option \"acess_key\""),
            ("gs://bucket", &[("aws_region", "r")], "unknown option"),
            ("memory:", &[("region", "r")], "unknown option"),
            ("memory:", &[("free_floor_bytes", "1")], "unknown option \"free_floor_bytes\""),
            ("s3://bucket", &[("free_floor_bytes", "1")], "unknown option \"free_floor_bytes\""),
            ("az://bucket", &[("free_floor_bytes", "1")], "unknown option \"free_floor_bytes\""),
            ("https://dav.example/", &[("free_floor_bytes", "1")], "unknown option \"free_floor_bytes\""),
            ("https://user:pw@dav.example/", &[], "as options"),
        ];
        for (url, options, says) in cases {
            match Target::new(&spec(url, options)) {
                Err(StoreError::Misconfigured { reason }) => assert!(reason.contains(says), "{url}: {reason}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}
