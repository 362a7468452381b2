//! Appends: an object that grew piece by piece reads as a whole, however many pieces it has, and goes like any other.

use anyhow::{Result, ensure};
use harness::{TestGateway, on_both};
use http::Method;

on_both!(an_object_of_very_many_pieces_is_read_replaced_and_deleted_whole);

/// More than are removed in one transaction with their object.
const PIECES: usize = 150;

fn piece(number: usize) -> Vec<u8> {
    format!("{number:>7}|").into_bytes()
}

async fn an_object_of_very_many_pieces_is_read_replaced_and_deleted_whole(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("logs").await?;
    let mut content = Vec::new();
    for key in ["deleted", "replaced"] {
        content.clear();
        for number in 0..PIECES {
            let offset = content.len().to_string();
            let append =
                s3.on(Method::PUT, "logs", key).header("x-amz-write-offset-bytes", &offset).body(piece(number));
            let size = append.send().await?.ok()?.header("x-amz-object-size").to_owned();
            content.extend_from_slice(&piece(number));
            ensure!(size == content.len().to_string(), "{size} after {number}");
        }
    }
    let whole = s3.get("logs", "deleted").await?.ok()?;
    ensure!(whole.body == content && whole.etag().ends_with(&format!("-{PIECES}\"")), "{}", whole.etag());
    let range = s3.on(Method::GET, "logs", "deleted").header("range", "bytes=395-804").send().await?.ok()?;
    ensure!(range.body == content[395..805]);
    let copy = s3.on(Method::PUT, "logs", "copy").header("x-amz-copy-source", "/logs/deleted");
    copy.send().await?.ok()?;
    s3.delete("logs", "deleted").await?.ok()?;
    s3.get("logs", "deleted").await?.refused(404, "NoSuchKey")?;
    s3.put("logs", "replaced", "short").await?.ok()?;
    ensure!(s3.get("logs", "replaced").await?.ok()?.body == "short");
    ensure!(s3.get("logs", "copy").await?.ok()?.body == content, "a copy keeps what it shares");
    s3.delete("logs", "copy").await?.ok()?;
    Ok(())
}
