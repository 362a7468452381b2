//! A storage node that nobody knows comes by an invitation, once, and has a small share.

use anyhow::{Context as _, Result, ensure};
use harness::{StorageNode, TestGateway, on_both};
use serde_json::Value;

on_both!(a_node_comes_by_invitation_once);

async fn a_node_comes_by_invitation_once(gateway: &mut TestGateway) -> Result<()> {
    let (node, other) = (StorageNode::start("n1").await?, StorageNode::start("n2").await?);
    let token = gateway.haulout(&["provider", "invite", "--quota", "1000000000"]).ok().await?.trim().to_owned();
    let larger = token.replacen(",1000000000,", ",9000000000,", 1);
    let refused = join(&node, &larger).fails().await?;
    ensure!(refused.contains("signature"), "a token is its gateway's word: {refused}");

    let acceptance = join(&node, &token).ok().await?.trim().to_owned();
    let used = join(&other, &token).ok().await?.trim().to_owned();
    let renamed = acceptance.replacen(",n1,", ",n9,", 1);
    for (line, flags, why) in [
        (&acceptance, &[][..], "no address of the open internet"),
        (&renamed, &["--allow-internal"][..], "signature"),
        (&token, &["--allow-internal"][..], "this is no acceptance"),
    ] {
        let said = admit(gateway, line, flags).fails().await?;
        ensure!(said.contains(why), "{said}");
    }
    let block = admit(gateway, &acceptance, &["--allow-internal"]).ok().await?;
    ensure!(block.contains("[[backend]]") && block.contains(&node.url()) && !block.contains("trusted"), "{block}");
    for (line, why) in [(&acceptance, "n1 belongs to the cluster"), (&used, "by another node")] {
        let said = admit(gateway, line, &["--allow-internal"]).fails().await?;
        ensure!(said.contains(why), "{said}");
    }

    let key = block.split("node_key = \"").nth(1).and_then(|rest| rest.split('"').next()).context("a key")?.to_owned();
    gateway.reconfigure(|settings| settings.backend_at("n1", &node.url(), &[("node_key", &key)]))?;
    gateway.restart()?;
    let s3 = gateway.root();
    s3.create_bucket("shared").await?;
    for number in 0..20 {
        s3.put("shared", &number.to_string(), vec![7; 1_200_000]).await?.ok()?;
    }
    let listed = gateway.haulout(&["provider", "list", "--json"]).ok().await?;
    let listed: Value = serde_json::from_str(&listed)?;
    let of = |name: &str| listed.as_array().into_iter().flatten().find(|one| one["name"] == name).cloned();
    let (newcomer, own) = (of("n1").context("n1 is listed")?, of("b1").context("b1 is listed")?);
    ensure!(newcomer["kind"] == "node" && newcomer["vetting_until"] == 100 && newcomer["state"] == "ok", "{newcomer}");
    ensure!(own["vetting_until"].is_null() && own["standing"] == "trusted", "{own}");
    ensure!(newcomer["bytes"] == newcomer["reported_bytes"], "both sides count alike: {newcomer}");
    let (less, more) = (newcomer["slivers"].as_u64(), own["slivers"].as_u64());
    ensure!(less < more, "a small share: {less:?} where others have {more:?}");
    let evaluated = gateway.haulout(&["placement", "evaluate"]).ok().await?;
    ensure!(evaluated.contains("with a small share until it has passed its audits"), "{evaluated}");
    gateway.keep(node);
    Ok(())
}

fn join(node: &StorageNode, token: &str) -> harness::Program {
    let address = node.url().replacen("node://", "", 1);
    node.haulout(&["join", token, "--name", &node.name, "--listen", &address])
}

fn admit(gateway: &TestGateway, acceptance: &str, flags: &[&str]) -> harness::Program {
    gateway.haulout(&[&["provider", "admit", acceptance], flags].concat())
}
