//! The schedule: one step after the other, each chosen by the dice of the seed, until there were enough of them.

use std::fmt::Write as _;
use std::time::Duration;

use backends::{Fault, Operation};
use harness::Ending;

use crate::tests::simulation::account::{Account, Ended, KEYS_OF_VERSIONS, REGISTERS, VERSIONED};
use crate::tests::simulation::dice::Dice;
use crate::tests::simulation::gates::{Gate, Pass, Place as GatePlace};
use crate::tests::simulation::gateway::{Gateway, NAMES, Task};
use crate::tests::simulation::request::{Condition, Found, Place, Reply, Request, Service};
use crate::tests::simulation::world::{BUCKETS, DISKS, World, disk_id};

/// Clients, each of which has one request under way at most.
const CLIENTS: usize = 5;

/// Steps of workers that are under way in a gateway, at most.
const WORKER_STEPS_MAX: usize = 3;

/// How many of a thousand steps are spent on what; what is left opens gates.
const BEGIN_REQUEST: usize = 60;
const BEGIN_WORK: usize = 25;
const DISTURB: usize = 12;

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

/// A request under way.
struct Pending {
    gateway: usize,
    request: Request,
    invoked: Duration,
    found: Found,
    task: Task<Reply>,
}

/// A gateway that runs, or is to be started.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) gateway: Option<Gateway>,
    /// It is stopped, as by SIGSTOP, for so many steps; or started after so many.
    wait: usize,
    /// Steps of workers that are under way, with their places in the list.
    work: Vec<(usize, Task<()>)>,
    /// What operators asked for.
    operations: Vec<Task<()>>,
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
    /// The disk that is being drained.
    drained: Option<usize>,
}

impl Simulation {
    pub(super) fn new(seed: u64, defect: Defect) -> Self {
        let mut dice = Dice::new(seed);
        let world = World::new(seed);
        let (faults, victim) = (*dice.pick(&[0, 0, 10, 40]), dice.below(DISKS));
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
            drained: None,
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
        } else if roll < DISTURB + BEGIN_WORK + BEGIN_REQUEST {
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
        let caches_as_if_alone = self.defect == Defect::CachesAsIfAlone;
        let (gateway, described) = Gateway::start(&self.world, number, &mut self.dice, caches_as_if_alone);
        self.slots[number] = Slot { gateway: Some(gateway), ..Slot::default() };
        self.note(&format!("{} starts: {described}", NAMES[number]));
    }

    /// Drops a gateway in the middle of whatever it does.
    pub(super) fn crash(&mut self, number: usize) {
        self.note(&format!("{} crashes", NAMES[number]));
        let wait = self.dice.below(60);
        self.slots[number] = Slot { wait, ..Slot::default() };
        self.world.gates.forget(number);
        let at = self.instant();
        for client in 0..self.clients.len() {
            if self.clients[client].as_ref().is_some_and(|pending| pending.gateway == number) {
                let pending = self.clients[client].take().unwrap();
                self.end(client, &pending, Ending::UnknownUntil(at), None);
            }
        }
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

    fn pass_of(&mut self, gate: &Gate) -> Pass {
        // There are many more reads of the database than of disks.
        let rarer = if matches!(gate.place, GatePlace::Database(_)) { 5 } else { 1 };
        if !self.dice.happens(self.faults / rarer) {
            return Pass::Well;
        }
        match gate.place {
            GatePlace::Database(_) => Pass::Fails,
            GatePlace::Replied(..) => Pass::Well,
            GatePlace::Asked(disk, operation) => {
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

    /// A gateway that has started and is not stopped.
    fn some_gateway(&mut self) -> Option<usize> {
        let running = |slot: &Slot| slot.wait == 0 && slot.gateway.as_ref().is_some_and(|it| it.running().is_some());
        let running: Vec<_> = (0..self.slots.len()).filter(|number| running(&self.slots[*number])).collect();
        if running.is_empty() { None } else { Some(*self.dice.pick(&running)) }
    }

    fn begin_request(&mut self) -> Option<usize> {
        let client = self.clients.iter().position(Option::is_none)?;
        let gateway = self.some_gateway()?;
        let request = self.some_request();
        self.note(&format!("client {client} asks {}: {request:?}", NAMES[gateway]));
        self.account.begins(&request);
        let (invoked, found) = (self.instant(), Found::default());
        let gateway_of = self.slots[gateway].gateway.as_ref()?;
        let service = Service::of(gateway_of.running()?, self.world.seed);
        let task = gateway_of.spawn(service.carry_out(request, Found::clone(&found)));
        self.clients[client] = Some(Pending { gateway, request, invoked, found, task });
        Some(gateway)
    }

    fn some_request(&mut self) -> Request {
        let place = Place { bucket: self.dice.below(BUCKETS.len()), key: self.dice.below(REGISTERS) };
        let nth = self.dice.below(1_000);
        match self.dice.below(100) {
            0..24 => Request::Put(place, self.account.new_value(), Condition::None),
            24..30 => Request::Put(place, self.account.new_value(), Condition::Absent),
            30..36 => match self.account.old_value(nth) {
                Some((value, tag)) => Request::Put(place, self.account.new_value(), Condition::Holds(value, tag)),
                None => Request::Get(place),
            },
            36..42 => Request::Upload(place, self.account.new_upload()),
            42..44 => Request::Abort(place, self.account.new_value()),
            44..52 => Request::Delete(place),
            52..60 => {
                let to = Place { bucket: self.dice.below(BUCKETS.len()), key: self.dice.below(REGISTERS) };
                Request::Copy(place, to)
            }
            60..68 => Request::List(place.bucket),
            68..76 => {
                let place = Place { bucket: VERSIONED, key: *self.dice.pick(&KEYS_OF_VERSIONS) };
                Request::Put(place, self.account.new_value(), Condition::None)
            }
            76..80 => match self.account.some_version(nth) {
                Some((place, id)) => Request::DeleteVersion(place, id),
                None => Request::Get(place),
            },
            80..84 => match self.account.some_version(nth) {
                Some((place, id)) => Request::GetVersion(place, id),
                None => Request::Get(place),
            },
            _ => Request::Get(place),
        }
    }

    /// Begins a step of some worker.
    fn begin_work(&mut self) -> Option<usize> {
        let number = self.some_gateway()?;
        let workers = self.slots[number].gateway.as_ref()?.running()?.workers.clone();
        let at = self.dice.below(workers.len());
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

    /// Something happens that should not.
    fn disturb(&mut self) -> Option<usize> {
        let number = self.dice.below(self.slots.len());
        let disk = self.dice.below(DISKS);
        match self.dice.below(100) {
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
            86..100 => self.operate(disk),
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

    /// A client goes away in the middle of its request.
    fn hang_up(&mut self) -> Option<usize> {
        let client = self.dice.below(self.clients.len());
        let pending = self.clients[client].take()?;
        self.note(&format!("client {client} hangs up"));
        self.end(client, &pending, Ending::Unknown, None);
        let gateway = pending.gateway;
        pending.task.abort();
        Some(gateway)
    }

    /// An operator drains a disk or has enough of that, or asks for a rebalance.
    fn operate(&mut self, disk: usize) -> Option<usize> {
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

    /// Takes down what has ended, and ends what cannot go on.
    pub(super) fn collect(&mut self) -> Result<(), String> {
        for client in 0..self.clients.len() {
            let Some(reply) = self.clients[client].as_ref().and_then(|pending| pending.task.take()) else { continue };
            let pending = self.clients[client].take().unwrap();
            self.note(&format!("client {client}: {reply:?}"));
            let ending = Ending::Done(self.instant());
            self.try_end(client, &pending, ending, Some(reply))?;
        }
        for (number, name) in NAMES.iter().enumerate() {
            let slot = &mut self.slots[number];
            slot.work.retain(|(_, task)| task.take().is_none());
            slot.operations.retain(|task| task.take().is_none());
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

    fn end(&mut self, client: usize, pending: &Pending, ending: Ending, reply: Option<Reply>) {
        self.try_end(client, pending, ending, reply).expect("nothing is wrong with what nobody was answered");
    }

    fn try_end(
        &mut self,
        client: usize,
        pending: &Pending,
        ending: Ending,
        reply: Option<Reply>,
    ) -> Result<(), String> {
        let found = *pending.found.lock().unwrap();
        let (client, request, invoked) = (client as u64, pending.request, pending.invoked);
        self.account.take_down(&Ended { client, request, invoked, found, ending, reply })
    }

    /// Whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.clients.iter().any(Option::is_some)
    }

    /// Nothing stands still, every disk is reached, and no fault is injected any more.
    pub(super) fn heal(&mut self) {
        self.note("all faults end");
        self.world.gates.heal();
        self.slots.iter_mut().for_each(|slot| slot.wait = 0);
        while let Some(gate) = self.world.gates.waiting().first().copied() {
            self.world.gates.open(gate.number, Pass::Well);
            self.run_one(gate.gateway, 1);
        }
        self.world.gates.keep_open(true);
    }
}
