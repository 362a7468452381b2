//! The router, made of the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, get, on};

use super::answer::{Refusal, answer};
use super::document::document;
use super::given::Given;
use super::route::Route;
use super::route_table::routes;
use crate::admin::Admin;

/// The longest body that is read, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;

/// Everything below `/v1`.
pub(in crate::admin) fn router() -> Router<Arc<Admin>> {
    let mut paths: BTreeMap<&str, MethodRouter<Arc<Admin>>> = BTreeMap::new();
    for route in routes() {
        let filter = match route.method {
            "put" => MethodFilter::PUT,
            "post" => MethodFilter::POST,
            _ => MethodFilter::GET,
        };
        let handler = on(
            filter,
            move |State(admin): State<Arc<Admin>>,
                  Path(path): Path<BTreeMap<String, String>>,
                  RawQuery(query),
                  body: Body| { serve(route, admin, path, query, body) },
        );
        let known = paths.remove(route.path).unwrap_or_default();
        paths.insert(route.path, known.merge(handler));
    }
    let not_allowed = || async { answer(Err(Refusal::MethodNotAllowed)) };
    let mut router =
        Router::new().route("/v1/openapi.json", get(|| async { answer(Ok(document())) }).fallback(not_allowed));
    for (path, methods) in paths {
        router = router.route(path, methods.fallback(not_allowed));
    }
    router.route("/v1/{*path}", axum::routing::any(|| async { answer(Err(Refusal::NotFound)) }))
}

async fn serve(
    route: &'static Route,
    admin: Arc<Admin>,
    path: BTreeMap<String, String>,
    query: Option<String>,
    body: Body,
) -> Response {
    let done = async {
        let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| Refusal::TooLarge)?;
        let given = Given::check((route.parameters, route.body.is_some()), path, query.as_deref(), &body)?;
        (route.call)(admin, given).await
    };
    answer(done.await)
}
