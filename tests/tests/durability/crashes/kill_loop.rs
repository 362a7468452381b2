//! kill -9 in the middle of uploads, again and again: what was acknowledged reads back, nothing partial is visible.
//!
//! By hand: `HAULOUT_KILLS=50 tests/run kill_loop`.

use anyhow::{Context, Result, ensure};
use harness::{TestGateway, number_from_environment, on_both};

use super::writers::Writers;

on_both!(what_was_acknowledged_survives_every_kill);

const WRITERS: u64 = 6;

async fn what_was_acknowledged_survives_every_kill(gateway: &mut TestGateway) -> Result<()> {
    let kills = number_from_environment("HAULOUT_KILLS", 6);
    gateway.root().create_bucket("kill").await?;
    let mut writers = Writers::new("kill", WRITERS);
    for round in 0..kills {
        let working = writers.start(&gateway.root());
        // Each time elsewhere in the turns of PUTs, uploads and sizes.
        working.acknowledge(1 + (round * 11) % 30).await?;
        gateway.kill();
        writers.end(working).await?;
        gateway.restart().with_context(|| format!("after kill {round}"))?;
        writers.read_back(&gateway.root()).await.with_context(|| format!("after kill {round}"))?;
    }
    ensure!(writers.have_all_written(), "the loop was too short for anything to be written");
    gateway.wait_for_collection().await
}
