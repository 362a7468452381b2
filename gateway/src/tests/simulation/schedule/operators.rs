//! The operators: drains and rebalances.

use crate::tests::simulation::schedule::Simulation;
use crate::tests::simulation::world::disk_id;

impl Simulation {
    /// An operator drains a disk or has enough of that, or asks for a rebalance.
    pub(super) fn operate(&mut self, disk: usize) -> Option<usize> {
        let number = self.some_gateway()?;
        let gateway = self.slots[number].gateway.as_ref()?;
        let started = gateway.running()?;
        let (metadata, heartbeats) = (started.metadata.clone(), started.heartbeats());
        let (task, line) = match self.drained {
            Some(drained) => {
                let work = async move { drop(metadata.cancel_drain(&disk_id(drained)).await) };
                (gateway.spawn(work), format!("the drain of disk {drained} is cancelled"))
            }
            None if self.dice.happens(300) => {
                let work = async move { drop(metadata.begin_rebalance(0, 0).await) };
                (gateway.spawn(work), "a rebalance is asked for".to_owned())
            }
            None => {
                let work = async move {
                    drop(metadata.begin_drain(&disk_id(disk)).await);
                    drop(heartbeats.refresh().await);
                };
                self.drained = Some(disk);
                (gateway.spawn(work), format!("disk {disk} is drained"))
            }
        };
        if line.contains("cancelled") {
            self.drained = None;
        }
        self.slots[number].operations.push(task);
        self.note(&line);
        Some(number)
    }
}
