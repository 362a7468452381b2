//! The OpenAPI document, made of the table.

use serde_json::{Map, Value, json};

use super::parameter::{Kind, Parameter, Place};
use super::route::Route;
use super::route_table::routes;
use super::schema::{refusal, truth};

/// The document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method] = operation(route);
    }
    paths.insert(
        "/v1/openapi.json".to_owned(),
        json!({ "get": {
            "operationId": "openapi",
            "summary": "This document.",
            "responses": responses(json!({ "type": "object" })),
        } }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Haulout admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "On the admin socket of a gateway, which only its owner can open. Amounts are FROST, of which a WAL has 10^9.",
        },
        "paths": paths,
        "components": { "schemas": { "Refusal": refusal() } },
    })
}

fn operation(route: &Route) -> Value {
    let parameter = |parameter: &Parameter| {
        let place = match parameter.place {
            Place::Path => "path",
            Place::Query => "query",
        };
        let schema = match parameter.kind {
            Kind::Text => json!({ "type": "string", "minLength": 1, "maxLength": 1024 }),
            Kind::Integer => json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
            Kind::Truth => truth(),
        };
        json!({
            "name": parameter.name,
            "in": place,
            "required": parameter.is_required,
            "description": parameter.about,
            "schema": schema,
        })
    };
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.about,
        "responses": responses((route.reply)()),
    });
    if !route.parameters.is_empty() {
        operation["parameters"] = route.parameters.iter().map(parameter).collect();
    }
    if let Some(body) = route.body {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": body() } } });
    }
    operation
}

fn responses(reply: Value) -> Value {
    let refused = |about: &str| {
        let schema = json!({ "$ref": "#/components/schemas/Refusal" });
        json!({ "description": about, "content": { "application/json": { "schema": schema } } })
    };
    json!({
        "200": { "description": "Done.", "content": { "application/json": { "schema": reply } } },
        "400": refused("The request is not as this document says."),
        "404": refused("There is no such path."),
        "405": refused("The path has no such method."),
        "409": refused("It is refused: the text says what to change."),
        "413": refused("The body is too long."),
        "503": refused("It cannot be done now: try again later."),
    })
}
