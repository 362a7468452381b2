//! The end of a simulation: when the faults are over everything comes to rest, and then every promise must have been kept.

use harness::Ending;

use crate::audit::{CheckReport, How, Scrub, check};
use crate::tests::simulation::account::Ended;
use crate::tests::simulation::gateway::{CLUSTER, Gateway, NAMES, Started};
use crate::tests::simulation::request::{Found, Reply, Sight};
use crate::tests::simulation::schedule::{Defect, Simulation};
use crate::tests::simulation::service::Service;

/// Rounds of all background work after which a gateway that is left alone must be at rest.
const ROUNDS_MAX: usize = 40;

/// Steps of one worker in a round.
const STEPS_MAX: usize = 50;

/// So many of a thousand simulations lose their database in the end.
const LOST_DATABASES: usize = 200;

/// What brings a cluster to rest.
const WORKERS: [&str; 8] =
    ["reclaim", "compact", "repair", "rebalance", "misplaced", "orphans", "journal", "snapshots"];

impl Simulation {
    /// Ends all faults and checks that everything that should be so is so.
    pub(super) fn come_to_rest(&mut self) -> Result<(), String> {
        self.heal();
        self.let_requests_end()?;
        self.start_again()?;
        if self.defect == Defect::LostRow {
            self.lose_a_row();
        }
        self.scrub()?;
        self.work_until_rest()?;
        if let Some(disk) = self.membership.leaving() {
            self.remove_what_leaves(disk)?;
            self.start_again()?;
            self.work_until_rest()?;
        }
        if self.defect == Defect::None && self.dice.happens(LOST_DATABASES) {
            self.lose_database()?;
            self.work_once()?;
            // The next start looks for what the lost database wrote of its journal: there is a snapshot now that makes it superfluous.
            self.start_again()?;
            self.work_until_rest()?;
        }
        self.judge_disks()?;
        self.read_everything()?;
        self.account.judge()
    }

    /// Starts both gateways again, with the newest configuration.
    pub(super) fn start_again(&mut self) -> Result<(), String> {
        for number in 0..self.slots.len() {
            if self.slots[number].gateway.is_some() {
                self.crash(number);
            }
        }
        // The pauses after failures are over.
        self.world.pass_time(3_600_000);
        (0..NAMES.len()).for_each(|number| self.start(number));
        self.await_starts()
    }

    fn let_requests_end(&mut self) -> Result<(), String> {
        for _ in 0..120 {
            self.collect()?;
            if !self.is_busy() {
                return Ok(());
            }
            self.pass_time(1_000);
        }
        Err("a request has not ended two minutes after the faults did".to_owned())
    }

    fn await_starts(&mut self) -> Result<(), String> {
        for _ in 0..60 {
            self.pass_time(1_000);
            self.collect()?;
            let started = |number: usize| self.slots[number].gateway.as_ref().is_some_and(|it| it.running().is_some());
            if (0..NAMES.len()).all(started) {
                return Ok(());
            }
            let failed = self.slots.iter().filter_map(|slot| slot.gateway.as_ref()?.started()?.err());
            if let Some(error) = failed.map(str::to_owned).next() {
                return Err(format!("a gateway does not start although there are no faults: {error}"));
            }
        }
        Err("a gateway has not started a minute after the faults ended".to_owned())
    }

    fn lose_a_row(&self) {
        let gateway = self.gateway(0);
        gateway
            .run(gateway.running().unwrap().metadata.meddle("DELETE FROM version WHERE is_current AND NOT is_marker"));
    }

    pub(super) fn gateway(&self, number: usize) -> &Gateway {
        self.slots[number].gateway.as_ref().expect("it was started")
    }

    fn work_until_rest(&mut self) -> Result<(), String> {
        let mut last = String::new();
        for round in 0..ROUNDS_MAX {
            last = self.work_once()?;
            let report = self.check(false)?;
            let jobs = self.jobs()?;
            if jobs.is_empty() && is_at_rest(&report, self.slivers()) {
                return Ok(());
            }
            last = format!("{}{last}; waiting: {jobs:?}", describe(&report, self.slivers()));
            // Short pauses first: most is done at once. What repair announced and gave up stays for an hour.
            let (times, seconds) = if round < 4 {
                (2, 1)
            } else if round < 16 {
                (15, 2)
            } else {
                (60, 5)
            };
            (0..times).for_each(|_| self.pass_time(seconds * 1_000));
            self.collect()?;
        }
        Err(format!("it does not come to rest: {last}"))
    }

    /// A round of the background work in each gateway; what failed.
    fn work_once(&self) -> Result<String, String> {
        let mut failed = String::new();
        for number in 0..NAMES.len() {
            let gateway = self.gateway(number);
            let started = gateway.running().ok_or("a gateway stopped although there are no faults")?;
            failed = gateway.run(work(started)).map_or_else(|error| format!("; {error}"), |()| String::new());
        }
        Ok(failed)
    }

    /// What waits: repairs, which only a scrub of everything may have asked for, and slivers that are to be moved.
    fn jobs(&self) -> Result<Vec<(String, u64)>, String> {
        let gateway = self.gateway(1);
        let started = gateway.running().ok_or("a gateway stopped")?;
        let mut jobs = gateway.run(started.metadata.jobs()).map_err(|error| error.to_string())?;
        jobs.retain(|(kind, _)| kind == "repair");
        for disk in gateway.run(started.metadata.draining_backends()).map_err(|error| error.to_string())?.into_keys() {
            let slivers = gateway.run(started.metadata.slivers_on(&disk)).map_err(|error| error.to_string())?;
            jobs.extend((slivers > 0).then(|| (format!("slivers on {disk}"), slivers)));
        }
        Ok(jobs)
    }

    fn scrub(&self) -> Result<(), String> {
        let gateway = self.gateway(0);
        let started = gateway.running().ok_or("a gateway stopped")?;
        let scrub = Scrub::new(started.metadata.clone(), CLUSTER, started.objects.committee().stores());
        let mut last = None;
        loop {
            let done = gateway.run(scrub.go_on(last, u64::MAX)).map_err(|error| error.to_string())?;
            match done.last {
                Some(blob) => last = Some(blob),
                None => return Ok(()),
            }
        }
    }

    fn check(&self, deep: bool) -> Result<CheckReport, String> {
        let gateway = self.gateway(1);
        let started = gateway.running().ok_or("a gateway stopped")?;
        let stores = started.objects.committee().stores();
        gateway
            .run(check(&started.metadata, &stores, CLUSTER, How { deep, repair: false }))
            .map_err(|error| error.to_string())
    }

    /// Slivers on the disks that belong to the cluster.
    fn slivers(&self) -> u64 {
        self.membership.disks().iter().map(|disk| self.world.disks[*disk].names().len() as u64).sum()
    }

    fn judge_disks(&self) -> Result<(), String> {
        let (report, slivers) = (self.check(true)?, self.slivers());
        if is_at_rest(&report, slivers) { Ok(()) } else { Err(describe(&report, slivers)) }
    }

    /// Through both gateways.
    fn read_everything(&mut self) -> Result<(), String> {
        for request in self.account.last_requests() {
            for number in 0..NAMES.len() {
                let (invoked, found) = (self.instant(), Found::default());
                let gateway = self.gateway(number);
                let started = gateway.running().ok_or("a gateway stopped")?;
                let service = Service::of(started, self.world.seed);
                let reply = gateway.run(service.carry_out(request, Found::clone(&found)));
                if reply == Reply::Unknown {
                    return Err(format!("{request:?} is not answered although there are no faults"));
                }
                let ending = Ending::Done(self.instant());
                let client = number as u64 + 100;
                self.account.take_down(&Ended {
                    client,
                    request,
                    invoked,
                    found: Sight::None,
                    ending,
                    reply: Some(reply),
                })?;
            }
        }
        Ok(())
    }
}

/// A round of the background work.
async fn work(started: &Started) -> Result<(), String> {
    let mut failed = Ok(());
    for worker in started.workers.iter().filter(|worker| WORKERS.contains(&worker.name())) {
        for _ in 0..STEPS_MAX {
            match worker.step().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    failed = Err(format!("{}: {error}", worker.name()));
                    break;
                }
            }
        }
    }
    failed
}

/// Nothing is missing, wrong or too much.
fn is_at_rest(report: &CheckReport, slivers: u64) -> bool {
    let expected: u64 = report.backends.iter().map(|backend| backend.expected).sum();
    report.clean() && expected == slivers && report.backends.iter().all(|backend| backend.in_flight == 0)
}

fn describe(report: &CheckReport, slivers: u64) -> String {
    let expected: u64 = report.backends.iter().map(|backend| backend.expected).sum();
    let sum = |count: fn(&crate::audit::BackendReport) -> u64| report.backends.iter().map(count).sum::<u64>();
    let named = report.backends.iter().flat_map(|backend| {
        let problems = [("missing", &backend.missing), ("wrong", &backend.wrong), ("orphaned", &backend.orphaned)];
        problems.into_iter().flat_map(move |(what, problems)| {
            problems
                .named
                .iter()
                .take(2)
                .map(move |one| format!("{what} {} on {}: {}", one.sliver, backend.backend, one.reason))
        })
    });
    let named: Vec<_> = named.take(6).collect();
    format!(
        "{slivers} slivers where {expected} are expected; {} missing, {} wrong, {} orphaned, {} in flight; {} blobs unreadable, {} degraded; {:?} {:?}",
        sum(|it| it.missing.count),
        sum(|it| it.wrong.count),
        sum(|it| it.orphaned.count),
        sum(|it| it.in_flight),
        report.unreadable_blobs,
        report.degraded_blobs,
        report.metadata,
        named
    )
}
