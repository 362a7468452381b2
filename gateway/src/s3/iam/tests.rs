//! The table of actions is walked, and forms are read as clients write them.

use crate::domain::IdentityKind;
use crate::s3::auth::Service;
use crate::s3::iam::action::ActionResource;
use crate::s3::iam::actions::tags::read_tags;
use crate::s3::iam::args::Args;
use crate::s3::iam::page::Page;
use crate::s3::iam::table::ACTIONS;

fn args(body: &str) -> Args {
    Args::parse(body.as_bytes()).expect(body)
}

#[test]
fn every_action_has_a_permission() {
    for (name, action) in ACTIONS.iter() {
        assert_eq!(action.permission(), format!("{}:{name}", action.service.word()));
        // Only whoever asks about the own person needs none.
        assert_eq!(action.resource == ActionResource::Caller, action.service == Service::Sts, "{name}");
        for parameter in action.accepts {
            assert!(parameter.starts_with(|letter: char| letter.is_ascii_uppercase()), "{name} {parameter}");
        }
    }
    assert!(ACTIONS.len() > 60, "{}", ACTIONS.len());
}

#[test]
fn parameters_are_found_once() {
    let form = args("Action=CreateUser&Version=2010-05-08&UserName=a+b%2Fc&Path=%2Fx%2F&Tags.member.1.Key=k");
    assert_eq!(form.get("UserName"), Some("a b/c"));
    assert_eq!(form.get("Username"), None);
    assert_eq!(form.path().expect("a path").as_str(), "/x/");
    assert!(form.name("UserName", IdentityKind::User).is_err(), "no name of IAM");
    assert_eq!(form.need("PolicyName").expect_err("missing").code, "ValidationError");
    assert!(form.only(&["UserName", "Path", "Tags"]).is_ok());
    let unknown = form.only(&["UserName", "Path"]).expect_err("a parameter nobody knows");
    assert!(unknown.message.contains("Tags.member.1.Key"), "{}", unknown.message);
    for body in ["UserName=a&UserName=b", "UserName=%zz", "UserName=%ff", &"a=b&".repeat(600)] {
        assert_eq!(Args::parse(body.as_bytes()).expect_err(body).code, "ValidationError");
    }
    assert!(Args::parse(b"\xff").is_err());
    assert!(Args::parse(b"").is_ok());
}

#[test]
fn values_are_checked() {
    let form = args("MaxItems=0&PathPrefix=a&Flag=maybe&Long=12345&Number=7&UserName=u");
    assert!(Page::of(&form).is_err());
    assert!(form.path_prefix().is_err());
    assert!(form.flag("Flag").is_err());
    assert!(form.text("Long", 4).is_err());
    assert_eq!(form.text("Long", 5).expect("fits").as_deref(), Some("12345"));
    assert_eq!(form.number("Number", 1, 7).expect("fits"), Some(7));
    assert!(form.number("Number", 8, 9).is_err());
    assert_eq!(form.number("None", 8, 9).expect("missing is fine"), None);
    let long = args(&format!("UserName={}&GroupName={}", "u".repeat(65), "g".repeat(65)));
    assert!(long.name("UserName", IdentityKind::User).is_err());
    assert!(long.name("GroupName", IdentityKind::Group).is_ok());
}

#[test]
fn tags_are_read_as_sdks_send_them() {
    let pairs = |list: &[(&str, &str)]| -> Vec<_> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let form = args("Tags.member.2.Key=a&Tags.member.2.Value=&Tags.member.1.Key=b&Tags.member.1.Value=x+y");
    assert_eq!(read_tags(&form, 2).expect("tags"), pairs(&[("a", ""), ("b", "x y")]));
    assert_eq!(read_tags(&args("UserName=u"), 2).expect("none"), []);
    for (body, code) in [
        ("Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=A&Tags.member.2.Value=2", "InvalidInput"),
        ("Tags.member.1.Key=&Tags.member.1.Value=1", "ValidationError"),
        ("Tags.member.1.Key=a%00&Tags.member.1.Value=1", "ValidationError"),
        ("Tags.member.1.Key=a&Tags.member.1.Value=%3Cb%3E", "ValidationError"),
        ("Tags.member.1.Key=a&Tags.member.2.Key=b&Tags.member.3.Key=c", "ValidationError"),
        ("Tags=a", "ValidationError"),
        ("Tags.1.Key=a", "ValidationError"),
    ] {
        assert_eq!(read_tags(&args(body), 2).expect_err(body).code, code, "{body}");
    }
}

#[test]
fn a_page_says_where_the_next_begins() {
    let page = Page::of(&args("MaxItems=2&Marker=a")).expect("a page");
    assert_eq!((page.after.as_str(), page.fetch_limit()), ("a", 3));
    let write = |entries: &[&str]| {
        page.write(
            "L",
            entries,
            |entry| (*entry).to_owned(),
            |writer, entry| {
                writer.content(entry);
            },
        )
        .finish()
    };
    assert_eq!(
        write(&["b", "c", "d"]),
        "<L><member>b</member><member>c</member></L><IsTruncated>true</IsTruncated><Marker>c</Marker>"
    );
    assert_eq!(write(&["b"]), "<L><member>b</member></L><IsTruncated>false</IsTruncated>");
}

/// The actions as `gateway/S3.md` shows them.
fn actions_as_markdown() -> String {
    let line = |title: &str, service: Service| {
        let mut names: Vec<_> =
            ACTIONS.values().filter(|action| action.service == service).map(|action| action.name).collect();
        names.sort_unstable();
        format!("- **{title}**: {}\n", names.join(", "))
    };
    format!("{}{}", line("IAM", Service::Iam), line("STS", Service::Sts))
}

#[test]
fn the_page_lists_the_actions() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/S3.md");
    let page = std::fs::read_to_string(path).expect("S3.md");
    let (_, rest) = page.split_once("<!-- actions -->\n").expect("the marker <!-- actions -->");
    let (listed, _) = rest.split_once("<!-- /actions -->").expect("the marker <!-- /actions -->");
    let table = actions_as_markdown();
    assert_eq!(listed.trim(), table.trim(), "paste this between the markers in gateway/S3.md:\n\n{table}\n");
}
