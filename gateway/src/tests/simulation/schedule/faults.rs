//! What should not happen and does: crashes, disks that are out of reach, full or damaged, clocks that jump.

use backends::{Fault, Operation};

use crate::tests::simulation::gates::{Gate, Pass, Place};
use crate::tests::simulation::gateway::NAMES;
use crate::tests::simulation::schedule::Simulation;

impl Simulation {
    /// How a gate opens.
    pub(super) fn pass_of(&mut self, gate: &Gate) -> Pass {
        // There are many more reads of the database than of disks.
        let rarer = if matches!(gate.place, Place::Database(_)) { 5 } else { 1 };
        if !self.dice.happens(self.faults / rarer) {
            return Pass::Well;
        }
        match gate.place {
            Place::Database(_) => Pass::Fails,
            Place::Replied(..) => Pass::Well,
            Place::Asked(disk, operation) => {
                let mut faults = vec![Fault::Down, Fault::Reset, Fault::Io];
                if Operation::STORING.contains(&operation) {
                    faults.push(Fault::Full);
                }
                // What is spoiled on its way stays spoiled, which may befall one disk.
                if [Operation::Read, Operation::Prove].contains(&operation)
                    || (disk == self.victim && operation == Operation::Put)
                {
                    faults.extend([Fault::Short, Fault::Flipped, Fault::Stale, Fault::Swapped]);
                }
                Pass::Meets(*self.dice.pick(&faults))
            }
        }
    }

    /// Something happens that should not.
    pub(super) fn disturb(&mut self) -> Option<usize> {
        let number = self.dice.below(self.slots.len());
        let disk = self.membership.some_disk(&mut self.dice);
        match self.dice.below(86) {
            0..14 if self.slots[number].gateway.is_some() => {
                self.crash(number);
                None
            }
            14..22 if self.slots[number].gateway.is_some() => {
                self.slots[number].wait = 10 + self.dice.below(200);
                self.note(&format!("{} stands still", NAMES[number]));
                None
            }
            22..40 => self.cut_or_reach(number, disk),
            40..46 => self.fill_or_empty(disk),
            46..60 => self.damage(),
            60..72 => {
                let seconds = *self.dice.pick(&[1, 5, 20, 70]);
                self.note(&format!("{seconds} s pass"));
                (0..seconds).for_each(|_| self.pass_time(1_000));
                None
            }
            72..76 => {
                let seconds = *self.dice.pick(&[2, 30, 90]);
                self.note(&format!("the database's clock jumps {seconds} s"));
                self.world.pass_time(seconds * 1_000);
                None
            }
            76..86 => self.hang_up(),
            _ => None,
        }
    }

    fn cut_or_reach(&mut self, number: usize, disk: usize) -> Option<usize> {
        let is_cut = !self.world.gates.is_cut(number, disk);
        self.world.gates.set_cut(number, disk, is_cut);
        self.note(&format!("{} {} disk {disk}", NAMES[number], if is_cut { "loses" } else { "reaches" }));
        None
    }

    fn fill_or_empty(&mut self, disk: usize) -> Option<usize> {
        let is_full = self.dice.happens(500);
        self.world.gates.set_full(disk, is_full);
        self.note(&format!("disk {disk} {}", if is_full { "is full" } else { "has space" }));
        None
    }

    /// The victim loses or spoils a sliver, and nobody notices.
    fn damage(&mut self) -> Option<usize> {
        let disk = self.world.disks[self.victim].clone();
        let names = disk.names();
        if names.is_empty() {
            return None;
        }
        let name = *self.dice.pick(&names);
        if self.dice.happens(500) {
            disk.lose(&name);
        } else {
            disk.rot(&name, self.dice.below(1 << 20));
        }
        self.note(&format!("disk {} damages {name}", self.victim));
        None
    }
}
