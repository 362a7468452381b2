//! What a configuration may say, and what is said about one that may not.

use std::path::{Path, PathBuf};

use super::*;

fn parsed(text: &str) -> Result<Config, ConfigError> {
    parse(text, Some(Path::new("/etc/haulout/haulout.toml")), &Overrides::default(), &Environment::default())
}

fn refused(text: &str) -> String {
    parsed(text).expect_err("this configuration is wrong").to_string()
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let config = load(None, &Overrides::default(), &Environment::default()).unwrap();
    assert_eq!(config.data, PathBuf::from("haulout-data"));
    assert_eq!(config.database, "sqlite:haulout-data/metadata.sqlite");
    assert_eq!(config.scheme.to_string(), "rs-4-2");
    assert_eq!(config.s3.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(config.ops.listen.to_string(), "127.0.0.1:9001");
    let names: Vec<_> = config.backends.iter().map(|backend| (backend.name.as_str(), backend.provider())).collect();
    assert_eq!(names, [("b1", "b1"), ("b2", "b2"), ("b3", "b3"), ("b4", "b4"), ("b5", "b5"), ("b6", "b6")]);
    assert_eq!(config.backends[5].url, "haulout-data/backends/b6");
}

#[test]
fn the_example_is_a_configuration() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/haulout.example.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    // Every variable it speaks of is given, as its reader would.
    let names: std::collections::BTreeSet<&str> =
        text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect();
    let environment = names.iter().fold(Environment::default(), |all, name| all.with(name, "value"));
    let config = parse(&text, Some(&file), &Overrides::default(), &environment).unwrap();
    let urls: Vec<&str> = config.backends.iter().map(|backend| backend.url.as_str()).collect();
    for beginning in ["s3://", "gs://", "az://", "https://"] {
        assert!(urls.iter().any(|url| url.starts_with(beginning)), "no backend with {beginning} in {urls:?}");
    }
    assert_eq!(urls.iter().filter(|url| url.starts_with('/')).count(), 6, "six folders: {urls:?}");
}

#[test]
fn the_configuration_of_the_container_is_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/container.toml");
    let config = load(Some(&file), &Overrides::default(), &Environment::default()).unwrap();
    assert!(config.s3.listen.ip().is_unspecified() && config.ops.listen.ip().is_unspecified());
    assert_eq!(config.data, PathBuf::from("/var/lib/haulout"));
}

#[test]
fn what_the_example_says_are_defaults_are_the_defaults() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/haulout.example.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let before_backends = text.split("[[backend]]").next().unwrap();
    let config = parsed(before_backends).unwrap();
    assert_eq!(config.s3, S3Config::default());
    assert_eq!(config.ops, OpsConfig::default());
    assert_eq!(config.limits, LimitsConfig::default());
    assert_eq!(config.objects, ObjectsConfig::default());
    assert_eq!(config.log, LogConfig::default());
}

#[test]
fn unknown_keys_are_refused_with_their_line() {
    for (text, location, word) in [
        ("schema = \"rs-4-2\"", ":1:1", "schema"),
        ("\n[s3]\nlisen = \"127.0.0.1:9000\"", ":3:1", "lisen"),
        ("[limits]\n\n\nmemory = 1", ":4:1", "memory"),
        ("[tls]\ncertificate = \"a\"\nkey = \"b\"\nca = \"c\"", ":4:1", "ca"),
        ("[[backend]]\nname = \"a\"\nurl = \"/a\"\npath = \"/a\"", ":4:1", "path"),
        ("[console]\n", ":1:2", "console"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(&format!("/etc/haulout/haulout.toml{location}: ")), "{error}");
        assert!(error.contains(&format!("unknown field `{word}`")), "{error}");
    }
}

#[test]
fn values_of_the_wrong_kind_are_refused_with_their_line() {
    for (text, location) in [
        ("[s3]\nlisten = \"localhost\"", ":2:10"),
        ("[limits]\nconnections = -1", ":2:15"),
        ("[log]\nformat = \"xml\"", ":2:10"),
        ("scheme = \"rs-4-2", ":1:"),
        ("[tls]\ncertificate = \"a\"", ":1:1"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(&format!("/etc/haulout/haulout.toml{location}")), "{text:?}: {error}");
    }
}

#[test]
fn each_problem_is_named_with_its_line() {
    let backends = "[[backend]]\nname = \"a\"\nurl = \"/a\"\n".to_owned();
    for (text, expected) in [
        ("scheme = \"rs-0-2\"", "toml:1: scheme: there is no scheme \"rs-0-2\""),
        (&*backends, "scheme: rs-4-2 puts each blob with 6 different providers, but there are only 1 (1 backends)"),
        (
            "scheme = \"rs-8-4\"",
            "toml:1: scheme: rs-8-4 puts each blob with 12 different providers, but there are only 6",
        ),
        (
            &format!("{backends}[[backend]]\nname = \"a\"\nurl = \"/b\""),
            "toml:5: backend.1.name: there are two backends named \"a\"",
        ),
        (
            &format!("{backends}[[backend]]\nname = \"b\"\nurl = \"/a/\""),
            "toml:6: backend.1.url: \"a\" has the same location",
        ),
        ("[[backend]]\nname = \"A b\"\nurl = \"/a\"", "toml:2: backend.0.name: a backend name is"),
        ("[[backend]]\nname = \"a\"\nurl = \"\"", "toml:3: backend.0.url: a backend needs a location"),
        (
            "[[backend]]\nname = \"a\"\nurl = \"/a\"\nprovider = \"\"",
            "toml:4: backend.0.provider: a provider has a name",
        ),
        (
            "[[backend]]\nname = \"a\"\nurl = \"/a\"\n[backend.options]\nkey = \"x${NO_SUCH}\"",
            "toml:5: backend.0.options.key: the environment variable NO_SUCH is not set",
        ),
        ("database = \"mysql://root:hunter2@db/haulout\"", "toml:1: database: a database is"),
        (
            "database = \"postgres://u:${PGPASS}@db/haulout\"",
            "toml:1: database: the environment variable PGPASS is not set",
        ),
        ("[ops]\nlisten = \"127.0.0.1:9000\"", "toml:2: ops.listen: 127.0.0.1:9000 is already taken by s3.listen"),
        (
            "[s3]\nbase_domains = [\"s3.example.org\", \"Example.org:9000\"]",
            "toml:2: s3.base_domains.1: \"Example.org:9000\" is no host name",
        ),
        ("[s3]\nregion = \"\"", "toml:2: s3.region: a region is"),
        ("[s3]\nobject_bytes_max = 0", "toml:2: s3.object_bytes_max: choose"),
        ("[limits]\nmemory_bytes = 1000", "toml:2: limits.memory_bytes: at least"),
        ("[limits]\nconnections = 0", "toml:2: limits.connections: choose"),
        ("[limits]\nidle_seconds = 0", "toml:2: limits.idle_seconds: choose"),
        ("[objects]\nblob_bytes_max = 5", "toml:2: objects.blob_bytes_max: choose"),
        ("[objects]\nquilt_bytes_max = 99_000_000", "toml:2: objects.quilt_bytes_max: a quilt is a blob"),
        (
            "[objects]\nquilt_object_bytes_max = 17_000_000",
            "toml:2: objects.quilt_object_bytes_max: an object must fit",
        ),
        ("[objects]\nlinger_ms = 2000", "toml:2: objects.linger_ms: every small PUT"),
        ("[objects]\ngrace_seconds = -1", "toml:2: objects.grace_seconds: time does not"),
        ("[log]\nfilter = \"=loud\"", "toml:2: log.filter: "),
    ] {
        let error = refused(text);
        assert!(error.contains(expected), "{text:?} should say {expected:?}, says: {error}");
        assert!(!error.contains("hunter2"), "a password was repeated: {error}");
    }
}

#[test]
fn all_problems_are_named_at_once() {
    let error = refused("[limits]\nconnections = 0\nrequests = 0\n[s3]\nregion = \"\"");
    assert!(error.starts_with("the configuration has 3 problems:\n  "), "{error}");
    assert_eq!(error.lines().count(), 4, "{error}");
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let overrides = Overrides { data: Some("/elsewhere".into()), s3_listen: Some(([0, 0, 0, 0], 80).into()) };
    let environment = Environment::from([
        ("HAULOUT_DATABASE_URL", "postgres://db/haulout"),
        ("HAULOUT_ROOT_ACCESS_KEY", "operator"),
        ("HAULOUT_ROOT_SECRET_KEY", "a long enough secret".split(' ').collect::<String>().as_str()),
    ]);
    let text = "data = \"d\"\ndatabase = \"sqlite:x\"\n[s3]\nlisten = \"127.0.0.1:1\"";
    let config = parse(text, None, &overrides, &environment).unwrap();
    assert_eq!(config.data, PathBuf::from("/elsewhere"));
    assert_eq!(config.s3.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.database, "postgres://db/haulout");
    assert_eq!(config.root.as_ref().map(|root| root.access_key.as_str()), Some("operator"));
    assert!(!format!("{config:?}").contains("alongenoughsecret"), "debug output shows the secret");
}

#[test]
fn paths_are_relative_to_the_file() {
    let text = "data = \"data\"\ndatabase = \"sqlite:db\"\n[tls]\ncertificate = \"tls/a.pem\"\nkey = \"/abs/key.pem\"";
    let config = parsed(text).unwrap();
    assert_eq!(config.data, PathBuf::from("/etc/haulout/data"));
    assert_eq!(config.database, "sqlite:/etc/haulout/db");
    let tls = config.tls.unwrap();
    assert_eq!((tls.certificate, tls.key), ("/etc/haulout/tls/a.pem".into(), "/abs/key.pem".into()));
    assert_eq!(config.base, PathBuf::from("/etc/haulout"));
}

#[test]
fn variables_are_put_where_they_stand() {
    let environment = Environment::from([("A", "one"), ("B", "two")]);
    assert_eq!(environment.expand("${A}-${B} $A ${"), Ok("one-two $A ${".to_owned()));
    assert_eq!(environment.expand("${C}"), Err("C".to_owned()));
}

#[test]
fn default_secrets_are_refused() {
    for (access_key, secret) in [
        ("minioadmin", "minioadmin"),
        ("admin", "admin"),
        ("admin", "password"),
        ("root", "changeme"),
        ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AKIAIOSFODNN7EXAMPLE", "9mbWWtmvOnfCWjNnGvEEtm"),
        ("operator", "short"),
        ("operator", "aaaaaaaaaaaaaaaa"),
        ("operator-key", "operator-key"),
        ("operator", "with a space in it"),
        ("ab", "9mbWWtmvOnfCWjNnGvEEtm"),
        ("with/slash", "9mbWWtmvOnfCWjNnGvEEtm"),
    ] {
        assert!(refused_secret(access_key, secret).is_some(), "{access_key} with {secret} is accepted");
    }
    assert_eq!(refused_secret("operator", "9mbWWtmvOnfCWjNnGvEEtm"), None);
}

#[test]
fn a_refused_root_secret_stops_the_start() {
    let environment =
        Environment::from([("HAULOUT_ROOT_ACCESS_KEY", "minioadmin"), ("HAULOUT_ROOT_SECRET_KEY", "minioadmin")]);
    let error = parse("", None, &Overrides::default(), &environment).expect_err("a default secret").to_string();
    assert!(error.contains("HAULOUT_ROOT_SECRET_KEY: this is a well-known default"), "{error}");

    let half = Environment::from([("HAULOUT_ROOT_ACCESS_KEY", "operator")]);
    let error = parse("", None, &Overrides::default(), &half).expect_err("half a key").to_string();
    assert!(error.contains("HAULOUT_ROOT_SECRET_KEY: set both halves"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let missing = Path::new("/no/such/haulout.toml");
    let error = load(Some(missing), &Overrides::default(), &Environment::default()).expect_err("no such file");
    assert!(error.to_string().starts_with("cannot read /no/such/haulout.toml: "), "{error}");
}
