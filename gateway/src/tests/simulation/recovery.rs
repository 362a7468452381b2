//! The database is lost when all is at rest, and built again from the disks, as `haulout recover` does it.

use std::sync::Arc;

use crate::admin::{ConfirmDatabase, Operation as _};
use crate::app::incarnation_lease::{IncarnationLease, LeaseTiming};
use crate::metadata::MetadataStore;
use crate::metadata::simulated::{Simulated, enter};
use crate::objects::{Backend, Committee, Heartbeats};
use crate::recover::{Recorded, Recovery, SliverSource};
use crate::tests::simulation::dice::ambient;
use crate::tests::simulation::gateway::{CLUSTER, NAMES, backend_row, cluster_key, heartbeat_settings};
use crate::tests::simulation::schedule::Simulation;
use crate::tests::simulation::world::{World, disk_id};

/// Whose incarnation what came late is imported in.
const NAME: &str = "recover";

impl Simulation {
    /// Both gateways go down, the database is built again, and an operator confirms it. Nothing may be missing or come back: the journal has
    /// everything.
    pub(super) fn lose_database(&mut self) -> Result<(), String> {
        self.note("the database is lost");
        let gateway = self.gateway(0);
        let started = gateway.running().ok_or("a gateway stopped")?;
        gateway.run(started.objects.await_journal()).map_err(|error| error.to_string())?;
        (0..NAMES.len()).for_each(|number| self.crash(number));
        self.world.lose_database();
        rebuild(&self.world, self.membership.disks(), self.dice.roll()).map_err(|error| format!("{error:#}"))?;
        self.start_again()?;
        let gateway = self.gateway(0);
        let admin = Arc::clone(&gateway.running().ok_or("a gateway stopped")?.admin);
        let confirmed = gateway.run(ConfirmDatabase {}.run(&admin)).map_err(|error| error.to_string())?;
        self.note(&format!("an operator confirms it: {confirmed:?}"));
        Ok(())
    }
}

/// Builds the new database from these disks.
fn rebuild(world: &World, disks: &[usize], seed: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    enter(Some(Simulated {
        gateway: NAME,
        clock: Arc::clone(&world.clock),
        caches_as_if_alone: false,
        gate: Arc::new(|_| Box::pin(async { false })),
    }));
    let rebuilt = runtime.block_on(rebuild_from(world, disks, seed));
    drop(runtime);
    enter(None);
    rebuilt
}

async fn rebuild_from(world: &World, disks: &[usize], seed: u64) -> anyhow::Result<()> {
    let ambient = ambient(&world.clock, 0, seed);
    let metadata = MetadataStore::open(&world.url(), ambient.clone()).await?;
    let source = |disk: &usize| SliverSource { id: disk_id(*disk), store: Arc::new(world.disks[*disk].clone()) };
    let sources: Vec<_> = disks.iter().map(source).collect();
    let backends = disks.iter().zip(&sources).map(|(disk, source)| {
        let row = backend_row(*disk);
        Backend::new(row.id, row.provider, row.zone, row.url, Arc::clone(&source.store))
    });
    let committee = Committee::new(backends.collect());
    let recovery = Recovery { sources, cluster: CLUSTER, key: cluster_key(), until: None };
    let mut rebuilt = recovery.rebuild(&metadata, async |_: &[Recorded]| Vec::new()).await?;
    let heartbeats =
        Heartbeats::new(metadata.clone(), &committee, CLUSTER, cluster_key(), ambient, heartbeat_settings());
    let round = heartbeats.look().await?;
    let lease = IncarnationLease::begin(&metadata, NAME, LeaseTiming::default(), round.incarnation).await?;
    recovery.import_late(&metadata, lease.incarnation, &mut rebuilt).await?;
    lease.end().await;
    metadata.close().await;
    let report = rebuilt.report;
    let is_whole = report.is_whole() && report.imported.is_empty() && round.segment <= report.last_segment;
    anyhow::ensure!(is_whole, "segment {} was recorded; the database was rebuilt with {report:?}", round.segment);
    Ok(())
}
