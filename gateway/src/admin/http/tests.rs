//! Requests as the table checks them, and the document that is made of it.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Refusal;
use super::document::document;
use super::given::Given;
use super::parameter::Place;
use super::route::Route;
use super::route_table::routes;

fn route(name: &str) -> &'static Route {
    routes().find(|route| route.name == name).unwrap()
}

fn check(name: &str, query: &str, body: &str) -> Result<Given, Refusal> {
    let path = route(name).parameters.iter().filter(|parameter| parameter.place == Place::Path);
    let path = path.map(|parameter| (parameter.name.to_owned(), "some-bucket".to_owned())).collect();
    let route = route(name);
    Given::check((route.parameters, route.body.is_some()), path, Some(query), body.as_bytes())
}

#[test]
fn what_is_not_in_the_table_is_refused() {
    assert_eq!(check("quote", "bytes=5&epochs=0", "").unwrap().number("bytes"), Some(5));
    for fee in ["parts", "read_requests", "write_requests", "egress_bytes"] {
        assert_eq!(check("quote", &format!("bytes=5&{fee}=7"), "").unwrap().number(fee), Some(7));
    }
    assert_eq!(check("showUsage", "bucket=a%20b", "").unwrap().text("bucket"), Some("a b".to_owned()));
    let long = format!("bucket={}", "x".repeat(2_000));
    let table = [
        ("quote", "", ""),
        ("quote", "bytes=-1", ""),
        ("quote", "bytes=05", ""),
        ("quote", "bytes=5&bytes=6", ""),
        ("quote", "bytes=5&other=1", ""),
        ("quote", "bytes=99999999999999999999", ""),
        ("showUsage", "bucket=", ""),
        ("showUsage", "bucket=%zz", ""),
        ("showUsage", &long, ""),
        ("showUsage", "", "{}"),
        ("setSpendLimit", "", ""),
        ("setSpendLimit", "", "{"),
        ("showInvoice", "bucket=b", ""),
    ];
    for (name, query, body) in table {
        assert!(matches!(check(name, query, body), Err(Refusal::Malformed(_))), "{name} {query} {body}");
    }
    let missing = Given::check((route("showFunds").parameters, false), BTreeMap::new(), None, b"");
    assert!(matches!(missing, Err(Refusal::Malformed(_))));
}

#[test]
fn the_document_has_every_route_and_parameters_match_their_paths() {
    let document = document();
    let mut names = BTreeSet::new();
    for route in routes() {
        let operation = &document["paths"][route.path][route.method];
        assert_eq!(operation["operationId"], route.name);
        assert!(names.insert(route.name), "{} is there twice", route.name);
        for status in ["200", "400", "404", "405", "409", "413", "503"] {
            assert!(
                operation["responses"][status]["content"]["application/json"]["schema"].is_object(),
                "{}",
                route.name
            );
        }
        let in_path: BTreeSet<_> = route.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let named = route.parameters.iter().filter(|parameter| parameter.place == Place::Path);
        assert_eq!(in_path, named.map(|parameter| parameter.name).collect(), "{}", route.path);
    }
}
