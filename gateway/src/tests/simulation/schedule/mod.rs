//! The schedule: one step after the other, each chosen by the dice of the seed, until there were enough of them.

mod clients;
mod faults;
mod operators;

use std::fmt::Write as _;
use std::time::Duration;

use crate::tests::simulation::account::Account;
use crate::tests::simulation::dice::Dice;
use crate::tests::simulation::gates::Pass;
use crate::tests::simulation::gateway::{Gateway, NAMES, Task};
use crate::tests::simulation::schedule::clients::Pending;
use crate::tests::simulation::schedule::operators::{Membership, Standing};
use crate::tests::simulation::world::{MEMBERS, World};

/// Clients, each of which has one request under way at most.
const CLIENTS: usize = 5;

/// Steps of workers that are under way in a gateway, at most.
const WORKER_STEPS_MAX: usize = 3;

/// How many of a thousand steps are spent on what; what is left opens gates.
const BEGIN_REQUEST: usize = 69;
const BEGIN_WORK: usize = 25;
const DISTURB: usize = 11;
const OPERATE: usize = 8;

/// What is planted, to see whether the simulation notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defect {
    /// Nothing.
    None,
    /// More disks lose what they took than a code survives.
    ForgetfulDisks,
    /// The gateways cache versions as if the other one changed none.
    CachesAsIfAlone,
    /// A committed object is taken out of the database.
    LostRow,
}

/// A gateway that runs, or is to be started.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) gateway: Option<Gateway>,
    /// It is stopped, as by SIGSTOP, for so many steps; or started after so many.
    wait: usize,
    /// Steps of workers that are under way, with their places in the list.
    work: Vec<(usize, Task<()>)>,
    /// What an operator asked for.
    operation: Option<Task<Option<Standing>>>,
    /// The disks in its configuration.
    disks: Vec<usize>,
}

/// One simulation.
pub(super) struct Simulation {
    pub(super) world: World,
    pub(super) slots: Vec<Slot>,
    pub(super) account: Account,
    pub(super) dice: Dice,
    pub(super) defect: Defect,
    /// What was done, line by line.
    pub(super) trace: String,
    clients: Vec<Option<Pending>>,
    /// The instant, in steps.
    now: u64,
    /// How many of a thousand gates open with a fault.
    faults: usize,
    /// The one disk that loses and spoils slivers for good.
    victim: usize,
    /// The disks that belong to the cluster, as the operators know it.
    pub(super) membership: Membership,
}

impl Simulation {
    pub(super) fn new(seed: u64, defect: Defect) -> Self {
        let mut dice = Dice::new(seed);
        let world = World::new(seed);
        let (faults, victim) = (*dice.pick(&[0, 0, 10, 40]), dice.below(MEMBERS));
        let slots = NAMES.iter().map(|_| Slot::default()).collect();
        let clients = (0..CLIENTS).map(|_| None).collect();
        if defect == Defect::ForgetfulDisks {
            world.disks.iter().skip(1).for_each(|disk| disk.be_forgetful());
        }
        Self {
            world,
            slots,
            account: Account::new(seed),
            dice,
            defect,
            trace: String::new(),
            clients,
            now: 0,
            faults,
            victim,
            membership: Membership::default(),
        }
    }

    /// Starts both gateways, and makes so many steps.
    pub(super) fn run(&mut self, steps: usize) -> Result<(), String> {
        self.world.gates.keep_open(true);
        (0..NAMES.len()).for_each(|number| self.start(number));
        self.pass_time(1_000);
        self.world.gates.keep_open(false);
        for _ in 0..steps {
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        self.start_what_waits();
        let roll = self.dice.below(1_000);
        let ran = if roll < DISTURB {
            self.disturb()
        } else if roll < DISTURB + BEGIN_WORK {
            self.begin_work()
        } else if roll < DISTURB + BEGIN_WORK + OPERATE {
            self.operate()
        } else if roll < DISTURB + BEGIN_WORK + OPERATE + BEGIN_REQUEST {
            self.begin_request()
        } else {
            self.open_a_gate()
        };
        match ran {
            Some(gateway) => self.run_one(gateway, 1),
            None => self.pass_time(20),
        }
        self.collect()
    }

    pub(super) fn note(&mut self, line: &str) {
        let _ = writeln!(self.trace, "{:>5} {line}", self.now);
    }

    /// The instant on the clock of the history.
    pub(super) fn instant(&mut self) -> Duration {
        self.now += 1;
        Duration::from_micros(self.now)
    }

    /// Starts gateways that are down long enough, and lets those go on that stood still.
    fn start_what_waits(&mut self) {
        for number in 0..self.slots.len() {
            let slot = &mut self.slots[number];
            slot.wait = slot.wait.saturating_sub(1);
            if slot.wait == 0 && slot.gateway.is_none() {
                self.start(number);
            }
        }
    }

    pub(super) fn start(&mut self, number: usize) {
        let disks = self.membership.some_file(&mut self.dice);
        self.start_with(number, disks);
    }

    fn start_with(&mut self, number: usize, disks: Vec<usize>) {
        let caches_as_if_alone = self.defect == Defect::CachesAsIfAlone;
        let (gateway, described) = Gateway::start(&self.world, number, &disks, &mut self.dice, caches_as_if_alone);
        self.note(&format!("{} starts: {described}, disks {disks:?}", NAMES[number]));
        self.slots[number] = Slot { gateway: Some(gateway), disks, ..Slot::default() };
    }

    /// Drops a gateway in the middle of whatever it does.
    pub(super) fn crash(&mut self, number: usize) {
        self.note(&format!("{} crashes", NAMES[number]));
        let wait = self.dice.below(60);
        self.slots[number] = Slot { wait, ..Slot::default() };
        self.world.gates.forget(number);
        self.break_off(number);
    }

    /// Lets a gateway run until everything in it waits, for so much of its time.
    fn run_one(&mut self, number: usize, milliseconds: u64) {
        self.world.pass_time(milliseconds);
        let slot = &self.slots[number];
        if let Some(gateway) = slot.gateway.as_ref().filter(|_| slot.wait == 0) {
            gateway.run_for(milliseconds);
        }
    }

    /// Lets time pass everywhere.
    pub(super) fn pass_time(&mut self, milliseconds: u64) {
        self.world.pass_time(milliseconds);
        for slot in self.slots.iter().filter(|slot| slot.wait == 0) {
            if let Some(gateway) = &slot.gateway {
                gateway.run_for(milliseconds);
            }
        }
    }

    /// Opens one gate; in which gateway.
    fn open_a_gate(&mut self) -> Option<usize> {
        let mut gates = self.world.gates.waiting();
        gates.retain(|gate| self.slots[gate.gateway].wait == 0);
        if gates.is_empty() {
            return None;
        }
        let gate = *self.dice.pick(&gates);
        let pass = self.pass_of(&gate);
        let fault = if pass == Pass::Well { String::new() } else { format!(" {pass:?}") };
        self.note(&format!("{} {}{fault}", NAMES[gate.gateway], gate.place));
        self.world.gates.open(gate.number, pass);
        Some(gate.gateway)
    }

    /// A gateway that has started and is not stopped.
    fn some_gateway(&mut self) -> Option<usize> {
        let running = |slot: &Slot| slot.wait == 0 && slot.gateway.as_ref().is_some_and(|it| it.running().is_some());
        let running: Vec<_> = (0..self.slots.len()).filter(|number| running(&self.slots[*number])).collect();
        if running.is_empty() { None } else { Some(*self.dice.pick(&running)) }
    }

    /// Begins a step of some worker.
    fn begin_work(&mut self) -> Option<usize> {
        let number = self.some_gateway()?;
        let workers = self.slots[number].gateway.as_ref()?.running()?.workers.clone();
        // What is drained comes off only by repair.
        let moves = self.membership.leaving().is_some() && self.dice.happens(300);
        let repair = workers.iter().position(|worker| moves && worker.name() == "repair");
        let at = repair.unwrap_or_else(|| self.dice.below(workers.len()));
        let slot = &mut self.slots[number];
        if slot.work.len() >= WORKER_STEPS_MAX || slot.work.iter().any(|(busy, _)| *busy == at) {
            return Some(number);
        }
        let worker = workers[at].clone();
        let name = worker.name();
        // A step that fails is repeated later.
        let task = slot.gateway.as_ref()?.spawn(async move { drop(worker.step().await) });
        slot.work.push((at, task));
        self.note(&format!("{} begins a step of {name}", NAMES[number]));
        Some(number)
    }

    /// Takes down what has ended, and ends what cannot go on.
    pub(super) fn collect(&mut self) -> Result<(), String> {
        self.collect_replies()?;
        for (number, name) in NAMES.iter().enumerate() {
            let slot = &mut self.slots[number];
            slot.work.retain(|(_, task)| task.take().is_none());
            if let Some(standing) = slot.operation.as_ref().and_then(Task::take) {
                slot.operation = None;
                self.learn(standing);
            }
            let slot = &self.slots[number];
            let Some(gateway) = &slot.gateway else { continue };
            let reason = match gateway.started() {
                Some(Ok(started)) => started.why_it_stops().map(str::to_owned),
                Some(Err(error)) => Some(error.to_owned()),
                None => None,
            };
            if let Some(reason) = reason {
                self.note(&format!("{name} ends: {reason}"));
                self.crash(number);
            }
        }
        Ok(())
    }

    /// Nothing stands still, every disk is reached, and no fault is injected any more.
    pub(super) fn heal(&mut self) {
        self.note("all faults end");
        self.world.gates.heal();
        self.membership.settle();
        self.slots.iter_mut().for_each(|slot| slot.wait = 0);
        while let Some(gate) = self.world.gates.waiting().first().copied() {
            self.world.gates.open(gate.number, Pass::Well);
            self.run_one(gate.gateway, 1);
        }
        self.world.gates.keep_open(true);
    }
}
