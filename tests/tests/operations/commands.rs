//! The commands beside `serve`: the same answers whether the gateway runs or not.

use anyhow::{Result, ensure};
use harness::{TestGateway, on_both, on_sqlite};
use http::Method;

on_both!(users_come_and_go, check_and_backend_list_work_either_way);
on_sqlite!(what_is_wrong_is_said_clearly);

async fn users_come_and_go(gateway: &mut TestGateway) -> Result<()> {
    for running in [true, false] {
        if !running {
            gateway.stop()?;
        }
        let name = format!("dora-{running}");
        let secret = "a-secret-nobody-guesses";
        let add = ["user", "add", &name, "--access-key", &format!("KEY{running}"), "--secret-key", secret];
        gateway.haulout(&add).ok().await?;
        let twice = gateway.haulout(&add).fails().await?;
        ensure!(twice.contains("taken") || twice.contains("exists"), "{twice}");
        let generated = gateway.haulout(&["user", "add", &format!("erik-{running}")]).ok().await?;
        ensure!(generated.len() > 40, "a generated key is printed, once: {generated}");
        let list = gateway.haulout(&["user", "list"]).ok().await?;
        ensure!(list.contains(&name) && list.contains(&format!("erik-{running}")), "{list}");
        ensure!(!list.contains(secret), "a list shows no secret: {list}");
        gateway.haulout(&["user", "remove", &format!("erik-{running}")]).ok().await?;
        gateway.haulout(&["user", "remove", &format!("erik-{running}")]).fails().await?;
        let weak = ["user", "add", "frida", "--access-key", "frida", "--secret-key", "minioadmin"];
        gateway.haulout(&weak).fails().await?;
    }
    gateway.restart()?;
    for key in ["KEYtrue", "KEYfalse"] {
        gateway.user(key, "a-secret-nobody-guesses").request(Method::GET, "/").send().await?.ok()?;
    }
    Ok(())
}

async fn check_and_backend_list_work_either_way(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket("checked").await?;
    s3.put("checked", "small", "x").await?.ok()?;
    s3.put("checked", "large", vec![7; 3 << 20]).await?.ok()?;
    for running in [true, false] {
        if !running {
            gateway.stop()?;
        }
        gateway.check(false).await?.must_be_clean()?;
        gateway.check(true).await?.must_be_clean()?;
        let text = gateway.haulout(&["check"]).ok().await?;
        ensure!(!text.trim().is_empty(), "check says what it looked at");
        let list = gateway.haulout(&["backend", "list"]).ok().await?;
        ensure!((1..=6).all(|number| list.contains(&format!("b{number}"))), "{list}");
    }
    let sliver = &gateway.slivers_of(3)?[0];
    std::fs::remove_file(sliver)?;
    let said = gateway.haulout(&["check"]).fails().await?;
    ensure!(said.contains("b3"), "check names the backend: {said}");
    gateway.restart()?;
    let said = gateway.haulout(&["check"]).fails().await?;
    ensure!(said.contains("b3"), "and so it does while the gateway runs: {said}");
    gateway.leaves_damage();
    Ok(())
}

async fn what_is_wrong_is_said_clearly(gateway: &mut TestGateway) -> Result<()> {
    gateway.stop()?;
    let unknown = gateway.haulout(&["frobnicate"]).fails().await?;
    ensure!(unknown.contains("frobnicate"), "{unknown}");
    gateway.scribble_into_configuration("\n[[backend]]\nname = \"b1\"\nurl = \"/tmp/x\"\nflavour = \"sour\"\n")?;
    let said = gateway.haulout(&["check"]).fails().await?;
    ensure!(said.contains("flavour") && said.contains("haulout.toml"), "an unknown key is named with its file: {said}");
    gateway.reconfigure(|settings| settings.set("s3", "region = \"us-east-1\""))?;
    let said = gateway.haulout(&["serve"]).env("HAULOUT_ROOT_SECRET_KEY", "minioadmin").fails().await?;
    ensure!(said.contains("default") || said.contains("well-known"), "default secrets are refused: {said}");
    gateway.restart()
}
