//! The circuit breaker's decisions, without a clock and without a store.

use std::time::Duration;

use tokio::time::Instant;

/// When a circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitPolicy {
    /// So many failures in a row open it.
    pub failures: u32,
    /// The first pause.
    pub backoff_min: Duration,
    /// Each failed trial doubles the pause up to this.
    pub backoff_max: Duration,
}

impl Default for CircuitPolicy {
    /// Five failures; pauses from one second to 30.
    fn default() -> Self {
        Self { failures: 5, backoff_min: Duration::from_secs(1), backoff_max: Duration::from_secs(30) }
    }
}

/// Whether an operation may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Go on.
    Pass,
    /// Go on, as the trial that detects recovery.
    Trial,
    /// Fail at once.
    Refused,
}

/// Counts failures; once open, lets one operation at a time try after each pause.
#[derive(Debug, Clone, Copy)]
pub struct Circuit {
    policy: CircuitPolicy,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, backoff: Duration },
    Trying { since: Instant, backoff: Duration },
}

impl Circuit {
    /// A closed circuit.
    #[must_use]
    pub fn new(policy: CircuitPolicy) -> Self {
        Self { policy, state: State::Closed { failures: 0 } }
    }

    /// Whether operations pass freely.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// An operation wants to begin.
    pub fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until, backoff } if now >= until => {
                self.state = State::Trying { since: now, backoff };
                Admission::Trial
            }
            // A trial that never came back does not keep the circuit open for ever.
            State::Trying { since, backoff } if now >= since + self.policy.backoff_max => {
                self.state = State::Trying { since: now, backoff };
                Admission::Trial
            }
            State::Open { .. } | State::Trying { .. } => Admission::Refused,
        }
    }

    /// The backend did its work, or said why it cannot do this one.
    pub fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// The backend as a whole failed.
    pub fn failed(&mut self, now: Instant) {
        let open = |backoff| State::Open { until: now + backoff, backoff };
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < self.policy.failures => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } => open(self.policy.backoff_min),
            State::Trying { backoff, .. } => open((backoff * 2).min(self.policy.backoff_max)),
            // A late failure of an operation that began before it opened.
            open @ State::Open { .. } => open,
        };
    }

    /// A trial ended without an answer, because nobody waited for it any more: the next operation is the trial.
    pub fn abandoned(&mut self, now: Instant) {
        if let State::Trying { backoff, .. } = self.state {
            self.state = State::Open { until: now, backoff };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    enum Event {
        Admit(Admission),
        Succeed,
        Fail,
        Abandon,
    }
    use Admission::{Pass, Refused, Trial};
    use Event::{Abandon, Admit, Fail, Succeed};

    /// Plays events at seconds since the start against three failures, pauses from 1 to 4 seconds.
    fn check_events(name: &str, events: &[(u64, Event)]) {
        let policy =
            CircuitPolicy { failures: 3, backoff_min: Duration::from_secs(1), backoff_max: Duration::from_secs(4) };
        let start = Instant::now();
        let mut circuit = Circuit::new(policy);
        for (step, (second, event)) in events.iter().enumerate() {
            let now = start + Duration::from_secs(*second);
            match event {
                Admit(expected) => assert_eq!(circuit.admit(now), *expected, "{name}, step {step} at {second} s"),
                Succeed => circuit.succeeded(),
                Fail => circuit.failed(now),
                Abandon => circuit.abandoned(now),
            }
        }
    }

    #[test]
    fn transitions() {
        check_events("two failures are not enough", &[(0, Fail), (0, Fail), (0, Admit(Pass))]);
        check_events(
            "only failures in a row count",
            &[(0, Fail), (0, Fail), (0, Succeed), (0, Fail), (0, Fail), (0, Admit(Pass))],
        );
        let opened = || vec![(0, Fail), (0, Fail), (0, Fail), (0, Admit(Refused)), (1, Admit(Trial))];
        let then = |more: Vec<(u64, Event)>| opened().into_iter().chain(more).collect::<Vec<_>>();
        check_events("one trial at a time", &then(vec![(1, Admit(Refused)), (1, Succeed), (1, Admit(Pass))]));
        check_events(
            "a failed trial doubles the pause",
            &then(vec![(1, Fail), (2, Admit(Refused)), (3, Admit(Trial))]),
        );
        check_events(
            "the pause has an end",
            &then(vec![
                (1, Fail),
                (3, Admit(Trial)),
                (3, Fail),
                (7, Admit(Trial)),
                (7, Fail),
                (10, Admit(Refused)),
                (11, Admit(Trial)),
            ]),
        );
        check_events("an abandoned trial is tried again at once", &then(vec![(1, Abandon), (1, Admit(Trial))]));
        check_events("a lost trial is replaced", &then(vec![(4, Admit(Refused)), (5, Admit(Trial))]));
        check_events(
            "late failures do not prolong the pause",
            &[(0, Fail), (0, Fail), (0, Fail), (0, Fail), (1, Admit(Trial))],
        );
        check_events(
            "a success opens the way however it came",
            &[(0, Fail), (0, Fail), (0, Fail), (0, Succeed), (0, Admit(Pass))],
        );
    }
}
