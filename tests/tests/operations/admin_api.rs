//! The admin HTTP API: every route of its document answers as the document says, and so does every refusal.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use harness::{Database, Settings, TestGateway, on_both};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

on_both!(charged => the_document_is_kept);

/// Stake and votes are for money that is charged.
fn charged(database: Database) -> Settings {
    Settings::new(database).env("HAULOUT_EPOCH", "3600").set("money", "mode = \"on\"")
}

/// What paths name.
const NAMED: [(&str, &str); 3] = [("{bucket}", "known"), ("{provider}", "b1"), ("{stake}", "stake-of-nobody")];

/// Operations that have nothing to do here and are refused.
const REFUSED: [&str; 3] = ["confirmEpochs", "registerPriceFloor", "withdrawStake"];

async fn call(gateway: &TestGateway, method: &str, path: &str, body: &[u8]) -> Result<(u16, Value)> {
    let mut stream = UnixStream::connect(gateway.data().join("admin.sock")).await?;
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    // Whoever has seen enough may close before it has read everything.
    let _ = stream.write_all(body).await;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    let text = String::from_utf8(reply)?;
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| text.clone())?;
    let status = head.split(' ').nth(1).context("a status")?.parse()?;
    let body =
        if head.to_lowercase().contains("transfer-encoding: chunked") { unchunked(body)? } else { body.to_owned() };
    Ok((status, serde_json::from_str(&body).with_context(|| format!("{method} {path}: {text}"))?))
}

fn unchunked(body: &str) -> Result<String> {
    let (mut rest, mut whole) = (body, String::new());
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16)?;
        whole.push_str(after.get(..length).context("a chunk")?);
        rest = after.get(length + 2..).unwrap_or_default();
    }
    Ok(whole)
}

/// What is wrong with a value by its schema, if anything is.
fn wrong(document: &Value, schema: &Value, value: &Value) -> Option<String> {
    let complain = |text: &str| Some(format!("{text}: {value} by {schema}"));
    if let Some(name) = schema["$ref"].as_str() {
        return wrong(document, &document["components"]["schemas"][name.rsplit('/').next()?], value);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().map(|one| wrong(document, one, value)).min().flatten();
    }
    if let Some(texts) = schema["enum"].as_array()
        && !texts.contains(value)
    {
        return complain("none of the texts");
    }
    match schema["type"].as_str() {
        Some("string") if value.is_string() => None,
        Some("integer") if value.is_i64() || value.is_u64() => None,
        Some("boolean") if value.is_boolean() => None,
        Some("null") if value.is_null() => None,
        Some("array") if value.is_array() => {
            let items = value.as_array().into_iter().flatten();
            if schema["items"].is_null() {
                None
            } else {
                items.filter_map(|item| wrong(document, &schema["items"], item)).next()
            }
        }
        Some("object") if value.is_object() => {
            let fields = value.as_object()?;
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for name in required {
                if !fields.contains_key(name) {
                    return complain(&format!("{name} is missing"));
                }
            }
            if schema["additionalProperties"] == false {
                for (name, field) in fields {
                    if schema["properties"][name].is_null() {
                        return complain(&format!("{name} is not in the document"));
                    }
                    if let Some(text) = wrong(document, &schema["properties"][name], field) {
                        return Some(text);
                    }
                }
            }
            None
        }
        _ => complain("of another type"),
    }
}

/// Checks that an answer is as the document says of this operation.
fn is_documented(document: &Value, operation: &Value, answer: &(u16, Value), line: &str) -> Result<()> {
    let (status, body) = answer;
    let schema = &operation["responses"][status.to_string()]["content"]["application/json"]["schema"];
    ensure!(!schema.is_null(), "{line} answered {status}, which is not in the document: {body}");
    let wrong = wrong(document, schema, body);
    ensure!(wrong.is_none(), "{line}: {wrong:?}");
    Ok(())
}

/// A path with its parameters, those of the query that are required included.
fn path_of(path: &str, operation: &Value, bucket: &str) -> String {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let needed = parameters.iter().filter(|one| one["in"] == "query" && one["required"] == true);
    let query: Vec<_> = needed.map(|one| format!("{}=7", one["name"].as_str().unwrap_or_default())).collect();
    let path = NAMED.iter().fold(path.replace("{bucket}", bucket), |path, (name, value)| path.replace(name, value));
    format!("{path}?{}", query.join("&"))
}

/// A body that does something harmless.
fn body_of(name: &str) -> Option<Value> {
    Some(match name {
        "setPayer" => json!({ "payer": null, "own_funds": false }),
        "setSpendLimit" => json!({ "frost": 5_000_000_000_u64 }),
        "decideArrears" => json!({ "decision": "keep", "days": null }),
        "moveMoney" => json!({ "direction": "credit", "account": "root", "amount": 5, "reference": "an invoice" }),
        "registerProvider" => json!({ "owner": null, "account": null, "commission_bp": 1_000 }),
        "registerPriceFloor" => json!({ "statement": "haulout-price-floor-1" }),
        "addStake" => {
            json!({ "provider": "b1", "amount": 2_000_000_000_u64, "staker": "anna", "reference": "the first" })
        }
        "castVote" => json!({ "provider": "b1", "vote": { "prices": { "storage": 5, "write": 5 } } }),
        "propose" => json!({ "parameter": "slash_bp", "value": 200, "voting_until": null, "in_force": null }),
        _ => return None,
    })
}

async fn the_document_is_kept(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("known").await?;
    s3.put("known", "a", vec![1; 100_000]).await?.ok()?;
    let mode = std::fs::metadata(gateway.data().join("admin.sock"))?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "nobody else can open it: {mode:o}");

    let credit = ["account", "credit", "staker/anna", "5WAL", "--reference", "funds of anna"];
    gateway.haulout(&credit).ok().await?;
    gateway.haulout(&["provider", "register", "b1"]).ok().await?;
    let (status, document) = call(gateway, "GET", "/v1/openapi.json", b"").await?;
    ensure!(status == 200 && document["openapi"] == "3.1.0", "{document}");
    let mut answered = 0;
    for (path, methods) in document["paths"].as_object().context("paths")? {
        for (method, operation) in methods.as_object().context("methods")? {
            let name = operation["operationId"].as_str().context("a name")?;
            let (verb, body) = (method.to_uppercase(), body_of(name));
            let bytes = body.as_ref().map(Value::to_string).unwrap_or_default();
            let line = path_of(path, operation, "known");
            let answer = call(gateway, &verb, &line, bytes.as_bytes()).await?;
            is_documented(&document, operation, &answer, &line)?;
            let expected = if REFUSED.contains(&name) { 409 } else { 200 };
            ensure!(answer.0 == expected, "{line}: {answer:?}");
            answered += 1;
            refusals(gateway, &document, (path, method, operation)).await?;
        }
    }
    ensure!(answered > 22, "{answered}");
    stake_and_votes_are_shown(gateway).await?;

    let (status, refusal) = call(gateway, "GET", "/v1/nothing", b"").await?;
    ensure!(status == 404 && refusal["kind"] == "not_found", "{refusal}");
    let usage = call(gateway, "GET", "/v1/usage?bucket=known", b"").await?.1;
    ensure!(usage[0]["spend_limit"] == 5_000_000_000_u64, "what was set is shown: {usage}");
    let again = body_of("moveMoney").context("a body")?.to_string();
    let (status, moved) = call(gateway, "POST", "/v1/movements", again.as_bytes()).await?;
    ensure!(status == 200 && moved["is_new"] == false, "a reference counts once: {moved}");
    ensure!(gateway.ops("/v1/openapi.json")?.0 == 404, "it is on the admin socket and nowhere else");
    let on_s3 =
        harness::send_raw(gateway.address(), b"GET /v1/usage HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await?;
    ensure!(
        on_s3.text.contains("InvalidBucketName"),
        "on the S3 listener `v1` would be a bucket's name: {}",
        on_s3.text
    );
    Ok(())
}

/// What was done about stake and votes by the API is there, and what it names can be withdrawn.
async fn stake_and_votes_are_shown(gateway: &TestGateway) -> Result<()> {
    let stakes = call(gateway, "GET", "/v1/stakes?staker=anna", b"").await?.1;
    ensure!(stakes[0]["principal"] == 2_000_000_000_u64 && stakes[0]["state"] == "arriving", "{stakes}");
    let line = format!("/v1/stakes/{}/withdrawal", stakes[0]["stake"].as_str().context("a name")?);
    let (status, left) = call(gateway, "POST", &line, b"").await?;
    ensure!(
        status == 200 && left["is_new"] == true && left["stake"]["state"] == "paid",
        "it did not count yet: {left}"
    );
    let left = call(gateway, "GET", "/v1/stakes", b"").await?.1;
    let all = call(gateway, "GET", "/v1/stakes?all=true", b"").await?.1;
    ensure!((left.as_array().map(Vec::len), all.as_array().map(Vec::len)) == (Some(0), Some(1)), "{left} {all}");
    let history = call(gateway, "GET", "/v1/votes/history", b"").await?.1;
    ensure!(history["votes"][0]["vote"]["prices"]["storage"] == 5, "{history}");
    ensure!(history["proposals"][0]["parameter"] == "slash_bp", "{history}");
    Ok(())
}

/// Whatever is wrong with a request, the refusal has the documented form.
async fn refusals(
    gateway: &TestGateway,
    document: &Value,
    (path, method, operation): (&str, &str, &Value),
) -> Result<()> {
    let verb = method.to_uppercase();
    let line = path_of(path, operation, "known");
    let takes_body = !operation["requestBody"].is_null();
    let long = vec![b' '; 100_000];
    let mut table: Vec<(String, String, &[u8], u16)> = vec![("DELETE".to_owned(), line.clone(), b"", 405)];
    if path != "/v1/openapi.json" {
        table.push((verb.clone(), format!("{line}&other=1"), b"", 400));
        table.push((verb.clone(), line.clone(), &long, 413));
        table.push((verb.clone(), line.clone(), if takes_body { b"{\"other\":1}" } else { b"{}" }, 400));
    }
    if line.contains("/buckets/known/") && !path.ends_with("invoice") {
        let body = body_of(operation["operationId"].as_str().unwrap_or_default());
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = call(gateway, &verb, &path_of(path, operation, "unknown"), body.as_bytes()).await?;
        ensure!(answer.0 == 409, "{path}: {answer:?}");
        is_documented(document, operation, &answer, path)?;
    }
    for (verb, line, body, expected) in table {
        let answer = call(gateway, &verb, &line, body).await?;
        ensure!(answer.0 == expected, "{verb} {line} answered {answer:?} and not {expected}");
        is_documented(document, operation, &answer, &line)?;
    }
    Ok(())
}
