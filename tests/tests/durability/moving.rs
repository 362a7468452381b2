//! Backends come, are replaced and are filled by their weights, whatever happens meanwhile.

use anyhow::{Context as _, Result, ensure};
use harness::{Payload, S3, TestGateway, number_before, on_both, on_sqlite, wait_until};

on_both!(a_rebalance_fills_newcomers_and_survives_a_kill, a_replaced_backend_goes_by_itself);
on_sqlite!(a_backend_is_checked_before_it_is_added, what_cannot_be_repaired_is_named);

const BUCKET: &str = "moving";

fn payload(number: usize) -> Payload {
    let len = [1, 4_096, 1 << 20, 2_500_000][number % 4];
    Payload::new(&number.to_string(), 1, len)
}

async fn write(s3: &S3, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        s3.put(BUCKET, &number.to_string(), payload(number).bytes()).await?.ok()?;
    }
    Ok(())
}

async fn read(s3: &S3, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        let reply = s3.get(BUCKET, &number.to_string()).await?.ok()?;
        ensure!(reply.body == payload(number).bytes(), "object {number} came back wrong");
    }
    Ok(())
}

/// Writes the `[[backend]]` of a folder beside the others.
fn block(gateway: &TestGateway, name: &str) -> Result<String> {
    let folder = gateway.data().join("backends").join(name);
    let file = gateway.scratch("blocks").join(format!("{name}.toml"));
    std::fs::write(&file, format!("[[backend]]\nname = \"{name}\"\nurl = \"{}\"\n", folder.display()))?;
    Ok(file.display().to_string())
}

async fn a_rebalance_fills_newcomers_and_survives_a_kill(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket(BUCKET).await?;
    write(&s3, 0..32).await?;
    let settled = "everything lies where the weights want it";
    ensure!(gateway.haulout(&["backend", "rebalance"]).ok().await?.contains(settled));
    gateway.reconfigure(|settings| settings.folders(8))?;
    gateway.restart()?;
    let plan = gateway.haulout(&["backend", "rebalance", "--dry-run"]).ok().await?;
    ensure!(plan.contains("would move") && plan.contains("b7") && plan.contains("b8"), "{plan}");
    ensure!(gateway.slivers_of(7)?.is_empty(), "a plan moves nothing");
    gateway.haulout(&["backend", "rebalance", "--cancel"]).fails().await?;

    gateway.haulout(&["backend", "rebalance"]).ok().await?;
    gateway.kill();
    gateway.restart()?;
    // Whoever else fails meanwhile: nothing has less redundancy than before.
    gateway.take_away(1)?;
    gateway.take_away(2)?;
    read(&s3, 0..32).await?;
    gateway.bring_back(1)?;
    gateway.bring_back(2)?;
    gateway.wait_for_backends().await?;
    let done = gateway.haulout(&["backend", "rebalance", "--follow"]).ok().await?;
    ensure!(done.contains("rebalance: done") || done.contains(settled), "{done}");
    wait_until("nothing is left to move", async || {
        let plan = gateway.haulout(&["backend", "rebalance", "--dry-run"]).ok().await?;
        Ok(plan.contains(settled).then_some(()))
    })
    .await?;
    for number in [7, 8] {
        ensure!(!gateway.slivers_of(number)?.is_empty(), "b{number} has its share");
    }
    gateway.wait_for_repair().await?;
    read(&s3, 0..32).await
}

async fn a_replaced_backend_goes_by_itself(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket(BUCKET).await?;
    write(&s3, 0..16).await?;
    let held = gateway.slivers_of(3)?.len();
    let file = block(gateway, "b7")?;
    let plan = gateway.haulout(&["backend", "replace", "b3", &file, "--dry-run"]).ok().await?;
    // With those of the journal.
    ensure!(
        plan.contains("b3: ") && number_before(&plan, "slivers") >= Some(held) && plan.contains("would move to b7"),
        "{plan}"
    );
    ensure!(!gateway.data().join("backends/b7").join("slivers").exists() && !plan.contains("is formatted"), "{plan}");
    gateway.haulout(&["backend", "replace", "b3", "--cancel"]).fails().await?;

    let begun = gateway.haulout(&["backend", "replace", "b3", &file]).ok().await?;
    ensure!(begun.contains("[[backend]]") && begun.contains("once the gateways have it"), "{begun}");
    // The gateway does not know b7 yet: b3 takes slivers as before, so nothing is written with fewer.
    write(&s3, 16..24).await?;
    ensure!(gateway.slivers_of(3)?.len() > held, "b3 is a member until b7 is");
    gateway.reconfigure(|settings| settings.folders(7))?;
    gateway.restart()?;
    gateway.kill();
    gateway.restart()?;
    write(&s3, 24..32).await?;
    let empty = wait_until("b3 is empty", async || Ok(gateway.slivers_of(3)?.is_empty().then_some(()))).await;
    empty.with_context(|| format!("{:?}", gateway.slivers_of(3)))?;
    gateway.take_away(1)?;
    gateway.take_away(2)?;
    read(&s3, 0..32).await?;
    gateway.bring_back(1)?;
    gateway.bring_back(2)?;
    gateway.wait_for_backends().await?;
    let followed = gateway.haulout(&["backend", "list"]).ok().await?;
    ensure!(followed.contains("drained") || followed.contains("removed"), "{followed}");
    gateway.wait_for_log("it was replaced and left the cluster").await?;
    gateway.reconfigure(|settings| settings.without_backend("b3"))?;
    gateway.restart()?;
    gateway.wait_for_repair().await?;
    read(&s3, 0..32).await
}

async fn a_backend_is_checked_before_it_is_added(gateway: &mut TestGateway) -> Result<()> {
    let file = block(gateway, "b7")?;
    for (text, why) in [
        ("[[backend]]\nname = \"b1\"\nurl = \"/elsewhere\"\n", "two backends named \"b1\""),
        ("[[backend]]\nname = \"b9\"\nurl = \"x\"\nweigth = 2\n", "weigth"),
        ("[[backend]]\nname = \"B 9\"\nurl = \"x\"\n", "a backend name is"),
        ("[[backend]]\nname = \"b9\"\nurl = \"node://127.0.0.1:1\"\n", "node_key"),
        ("name = \"b9\"\n", "backend"),
    ] {
        let refused = gateway.scratch("blocks").join("refused.toml");
        std::fs::write(&refused, text)?;
        let said = gateway.haulout(&["backend", "add", &refused.to_string_lossy()]).fails().await?;
        ensure!(said.contains(why), "{said}");
    }
    let checked = gateway.haulout(&["backend", "add", &file, "--dry-run"]).ok().await?;
    ensure!(checked.contains("was reached") && checked.contains("14.2 %"), "{checked}");
    let added = gateway.haulout(&["backend", "add", &file]).ok().await?;
    ensure!(added.contains("is formatted") && added.contains("[[backend]]"), "{added}");
    let again = gateway.haulout(&["backend", "add", &file]).ok().await?;
    ensure!(again.contains("is formatted"), "it may be repeated: {again}");
    gateway.reconfigure(|settings| settings.folders(7))?;
    gateway.restart()?;
    let listed = gateway.haulout(&["provider", "list", "--json"]).ok().await?;
    let listed: serde_json::Value = serde_json::from_str(&listed)?;
    let seventh = listed.as_array().into_iter().flatten().find(|one| one["name"] == "b7");
    let seventh = seventh.ok_or_else(|| anyhow::anyhow!("b7 is missing in {listed}"))?;
    ensure!(seventh["kind"] == "folder" && seventh["standing"] == "trusted" && seventh["state"] == "ok", "{seventh}");
    Ok(())
}

async fn what_cannot_be_repaired_is_named(gateway: &mut TestGateway) -> Result<()> {
    let s3 = gateway.root();
    s3.create_bucket(BUCKET).await?;
    write(&s3, 0..4).await?;
    let idle = gateway.haulout(&["repair", "status"]).ok().await?;
    ensure!(idle.contains("nothing waits"), "{idle}");
    for number in [1, 2, 3] {
        gateway.take_away(number)?;
    }
    gateway.haulout(&["backend", "remove", "b1", "--lost"]).run().await?;
    wait_until("it is said that blobs cannot be repaired", async || {
        let status = gateway.haulout(&["repair", "status"]).run().await?.stdout;
        Ok((status.contains("cannot be repaired now") && status.contains("moving/")).then_some(()))
    })
    .await?;
    for number in [1, 2, 3] {
        gateway.bring_back(number)?;
    }
    gateway.haulout(&["backend", "accept", "b1"]).ok().await?;
    gateway.wait_for_backends().await?;
    gateway.wait_for_repair().await?;
    read(&s3, 0..4).await
}
