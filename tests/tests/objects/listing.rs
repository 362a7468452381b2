//! Listings against a model: every key exactly once, in the order of its bytes, however it is cut into pages.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use harness::{S3, TestGateway, on_both};
use http::Method;

on_both!(pages_agree_with_the_model, a_listing_survives_changes_between_pages, old_style_markers_work);

const ODD_KEYS: [&str; 21] = [
    "a",
    "a.txt",
    "a/",
    "a/b",
    "a//b",
    "A",
    "dir.b/x",
    "dir/x",
    "dir/y/z",
    "dir0",
    "é",
    "z",
    "\u{ffff}",
    "\u{10000}",
    " leading",
    "with space",
    "plus+sign",
    "per%cent",
    "<xml>&amp;\"'",
    "tab\tand\u{1}control",
    "~",
];

/// The odd keys and some folders of plain ones.
fn keys() -> BTreeSet<String> {
    let plain = (0..90).map(|number| format!("folder{}/sub{}/{number:03}", number % 3, number % 5));
    plain.chain(ODD_KEYS.map(str::to_owned)).collect()
}

async fn fill(gateway: &TestGateway) -> Result<S3> {
    let s3 = gateway.root();
    s3.create_bucket("list").await?;
    let put = |key: String| {
        let s3 = s3.clone();
        async move { s3.put("list", &key, key.clone()).await?.ok().map(drop) }
    };
    stream::iter(keys()).map(put).buffer_unordered(16).try_collect::<()>().await?;
    Ok(s3)
}

/// What a listing must hold: keys, and common prefixes.
fn model(keys: &BTreeSet<String>, prefix: &str, delimiter: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let (mut plain, mut prefixes) = (Vec::new(), Vec::<String>::new());
    for key in keys.iter().filter(|key| key.starts_with(prefix) && key.as_str() > after) {
        match key[prefix.len()..].find(delimiter).filter(|_| !delimiter.is_empty()) {
            None => plain.push(key.clone()),
            Some(position) => {
                let common = &key[..prefix.len() + position + delimiter.len()];
                if prefixes.last().is_none_or(|last| last != common) {
                    prefixes.push(common.to_owned());
                }
            }
        }
    }
    (plain, prefixes)
}

async fn pages_agree_with_the_model(gateway: &mut TestGateway) -> Result<()> {
    let s3 = fill(gateway).await?;
    let keys = keys();
    for prefix in ["", "a", "a/", "dir", "folder1/", "folder1/sub", "é", "nothing"] {
        for delimiter in ["", "/", "sub", "r"] {
            for size in ["1", "7", "1000"] {
                let query = [("prefix", prefix), ("delimiter", delimiter), ("max-keys", size)];
                let query: Vec<_> = query.into_iter().filter(|(_, value)| !value.is_empty()).collect();
                if size == "1" && prefix.is_empty() && delimiter.is_empty() {
                    continue; // a hundred requests that say no more than the others
                }
                let listed = s3.list("list", &query).await?;
                ensure!(listed == model(&keys, prefix, delimiter, ""), "{query:?}: {listed:?}");
            }
        }
    }
    for after in ["a", "dir", "folder1/sub2/", "é"] {
        let listed = s3.list("list", &[("start-after", after), ("max-keys", "10")]).await?;
        ensure!(listed == model(&keys, "", "", after), "after {after}: {listed:?}");
    }
    for key in &keys {
        ensure!(s3.get("list", key).await?.ok()?.text() == *key, "{key:?} holds something else");
    }
    let page = s3.list_page("list", &[("max-keys", "0")]).await?;
    ensure!(page.keys.is_empty() && page.next.is_none() && page.count == 0, "max-keys=0 is an empty, complete page");
    Ok(())
}

async fn a_listing_survives_changes_between_pages(gateway: &mut TestGateway) -> Result<()> {
    let s3 = fill(gateway).await?;
    let first = s3.list_page("list", &[("max-keys", "30")]).await?;
    let token = first.next.clone().unwrap_or_default();
    // The key the token stands on goes, and a new one comes before it: neither may shift the rest.
    s3.delete("list", first.keys.last().unwrap()).await?.ok()?;
    s3.put("list", " a new first key", "x").await?.ok()?;
    let mut seen = first.keys.clone();
    seen.extend(s3.list("list", &[("max-keys", "30"), ("continuation-token", &token)]).await?.0);
    ensure!(seen == keys().into_iter().collect::<Vec<_>>(), "{seen:?}");
    Ok(())
}

async fn old_style_markers_work(gateway: &mut TestGateway) -> Result<()> {
    let s3 = fill(gateway).await?;
    let (mut seen, mut marker) = (Vec::new(), String::new());
    loop {
        let request = s3.request(Method::GET, "/list").query("max-keys", "13").query("prefix", "folder");
        let page = request.query("marker", &marker).send().await?.ok()?;
        let keys = page.texts_of("Key");
        marker = keys.last().cloned().unwrap_or_default();
        seen.extend(keys);
        if page.text_of("IsTruncated")? == "false" {
            break;
        }
    }
    ensure!(seen == model(&keys(), "folder", "", "").0, "{seen:?}");
    let request = s3.request(Method::GET, "/list").query("delimiter", "/").query("prefix", "folder");
    let page = request.query("max-keys", "2").send().await?.ok()?;
    ensure!(page.text_of("NextMarker")? == "folder1/", "with a delimiter a page says where the next one begins");
    Ok(())
}
