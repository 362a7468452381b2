//! The operators: drains, replacements, removals and rebalances, and the configuration that follows them.

use std::sync::Arc;

use crate::admin::{Admin, DrainBackend, DrainRequest, Operation as _, RemoveBackend, begin_replacement};
use crate::tests::simulation::dice::Dice;
use crate::tests::simulation::gateway::{NAMES, backend_row};
use crate::tests::simulation::schedule::Simulation;
use crate::tests::simulation::world::{DISKS, MEMBERS, disk_id};

/// Providers that the widest scheme needs.
const STAY_MIN: usize = 6;

/// What an operator asks for.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Rebalance,
    Drain(usize),
    /// To cancel a drain or a replacement.
    Cancel(usize),
    Remove(usize),
    /// To replace the former by the latter.
    Replace(usize, usize),
}

/// What an operator learns of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Stays(usize),
    /// It is being drained or replaced.
    Leaves(usize),
    /// It was taken out of the cluster.
    Left(usize),
}

/// The disks that belong to the cluster, as the operators know it.
pub(in crate::tests::simulation) struct Membership {
    /// Those in the configuration, as it was written last, and as it was before.
    file: Vec<usize>,
    file_before: Vec<usize>,
    spares: Vec<usize>,
    /// The one that is being drained or replaced, or may be.
    leaving: Option<usize>,
}

impl Default for Membership {
    fn default() -> Self {
        let (file, spares): (Vec<_>, Vec<_>) = (0..DISKS).partition(|disk| *disk < MEMBERS);
        Self { file_before: file.clone(), file, spares, leaving: None }
    }
}

impl Membership {
    /// The disks with which a gateway starts: some have the configuration that was there before.
    pub(super) fn some_file(&self, dice: &mut Dice) -> Vec<usize> {
        if dice.happens(250) { self.file_before.clone() } else { self.file.clone() }
    }

    pub(super) fn some_disk(&self, dice: &mut Dice) -> usize {
        *dice.pick(&self.file)
    }

    /// The disks in the configuration.
    pub(in crate::tests::simulation) fn disks(&self) -> &[usize] {
        &self.file
    }

    /// The one that may be taken out of the cluster, once nothing is there.
    pub(in crate::tests::simulation) fn leaving(&self) -> Option<usize> {
        self.leaving
    }

    /// From now on every gateway starts with the newest configuration.
    pub(super) fn settle(&mut self) {
        self.file_before.clone_from(&self.file);
    }

    fn write_file(&mut self, file: Vec<usize>) {
        self.file_before = std::mem::replace(&mut self.file, file);
    }

    fn learn(&mut self, standing: Standing) {
        match standing {
            Standing::Stays(_) => self.leaving = None,
            Standing::Leaves(disk) => self.leaving = Some(disk),
            Standing::Left(disk) => {
                self.leaving = None;
                let file = self.file.iter().copied().filter(|one| *one != disk).collect();
                self.write_file(file);
            }
        }
    }
}

impl Simulation {
    /// An operator asks a gateway for something, one thing at a time, or starts it again with the newest configuration.
    pub(super) fn operate(&mut self) -> Option<usize> {
        let number = self.some_gateway()?;
        let is_outdated = self.slots[number].disks != self.membership.file;
        if is_outdated && self.dice.happens(400) {
            self.crash(number);
            let disks = self.membership.file.clone();
            self.start_with(number, disks);
            return Some(number);
        }
        if self.slots.iter().any(|slot| slot.operation.is_some()) {
            return None;
        }
        let operation = self.some_operation()?;
        self.note(&format!("an operator asks {}: {operation:?}", NAMES[number]));
        match operation {
            Operation::Drain(disk) => self.membership.leaving = Some(disk),
            Operation::Replace(disk, successor) => {
                self.membership.leaving = Some(disk);
                self.membership.spares.retain(|spare| *spare != successor);
                let file = self.membership.file.iter().copied().chain([successor]).collect();
                self.membership.write_file(file);
            }
            Operation::Rebalance | Operation::Cancel(_) | Operation::Remove(_) => {}
        }
        let is_in_use = matches!(operation, Operation::Replace(_, new) if self.slots[number].disks.contains(&new));
        let gateway = self.slots[number].gateway.as_ref()?;
        let admin = Arc::clone(&gateway.running()?.admin);
        self.slots[number].operation = Some(gateway.spawn(carry_out(admin, operation, is_in_use)));
        Some(number)
    }

    fn some_operation(&mut self) -> Option<Operation> {
        if self.dice.happens(200) {
            return Some(Operation::Rebalance);
        }
        let Some(leaving) = self.membership.leaving else {
            // The emptier of two: what holds much is seldom empty before the faults are over.
            let (one, other) = (self.membership.some_disk(&mut self.dice), self.membership.some_disk(&mut self.dice));
            let disk = *[one, other].iter().min_by_key(|disk| self.world.disks[**disk].names().len()).unwrap();
            return match self.membership.spares.first() {
                Some(spare) if self.dice.happens(500) => Some(Operation::Replace(disk, *spare)),
                _ if self.membership.file.len() > STAY_MIN => Some(Operation::Drain(disk)),
                _ => None,
            };
        };
        Some(if self.dice.happens(300) { Operation::Cancel(leaving) } else { Operation::Remove(leaving) })
    }

    /// Takes down what the answer to an operation says of a disk.
    pub(super) fn learn(&mut self, standing: Option<Standing>) {
        let Some(standing) = standing else { return };
        self.note(&format!("the operator learns: {standing:?}"));
        self.membership.learn(standing);
    }

    /// Takes the disk out that was being drained or replaced, when all is at rest, and writes the configuration without it.
    pub(in crate::tests::simulation) fn remove_what_leaves(&mut self, disk: usize) -> Result<(), String> {
        self.note(&format!("disk {disk} leaves"));
        let gateway = self.slots[0].gateway.as_ref().expect("it was started");
        let admin = Arc::clone(&gateway.running().ok_or("a gateway stopped")?.admin);
        let standing = gateway.run(carry_out(admin, Operation::Remove(disk), false));
        if standing == Some(Standing::Leaves(disk)) {
            return Err(format!("disk {disk} does not leave although all is at rest: {standing:?}"));
        }
        self.learn(standing);
        self.membership.settle();
        Ok(())
    }
}

/// Carries out what an operator asks for; how the disk stands after that, if it is known.
async fn carry_out(admin: Arc<Admin>, operation: Operation, is_in_use: bool) -> Option<Standing> {
    let name = |disk| disk_id(disk).to_string();
    let disk = match operation {
        Operation::Rebalance => {
            drop(admin.metadata.begin_rebalance(0, 0).await);
            return None;
        }
        Operation::Drain(disk) => {
            drop(DrainBackend { name: name(disk), request: DrainRequest::Begin }.run(&admin).await);
            disk
        }
        Operation::Cancel(disk) => {
            drop(DrainBackend { name: name(disk), request: DrainRequest::Cancel }.run(&admin).await);
            disk
        }
        Operation::Remove(disk) => {
            drop(RemoveBackend { name: name(disk), lost: false }.run(&admin).await);
            disk
        }
        Operation::Replace(disk, successor) => {
            // As adding it does, which would format it.
            if admin.metadata.record_backend(backend_row(successor)).await.is_ok() {
                drop(begin_replacement(&admin, &disk_id(disk), &disk_id(successor), is_in_use).await);
            }
            disk
        }
    };
    // What was answered with an error may have been done.
    let is_left = admin.metadata.removed_backends().await.ok()?.contains(&disk_id(disk));
    let is_leaving = admin.metadata.draining_backends().await.ok()?.contains_key(&disk_id(disk));
    Some(match (is_left, is_leaving) {
        (true, _) => Standing::Left(disk),
        (false, true) => Standing::Leaves(disk),
        (false, false) => Standing::Stays(disk),
    })
}
