//! One operation of a history: what a client did to one key, and when.

use std::fmt;
use std::time::Duration;

/// What a key holds: each write has a value of its own, so that a read shows the write that it saw.
pub type Value = u64;

/// What an operation means for the register that a key is. `None` is a key that holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// PUT, a copy's target, CompleteMultipartUpload; DELETE writes nothing.
    Write(Option<Value>),
    /// GET, HEAD, an entry of a listing or its absence, a copy's source.
    Read(Option<Value>),
    /// A refused condition, or an entry whose value is not known: the key holds something, but not this.
    ReadOther(Option<Value>),
    /// A conditional PUT: what it found and what it wrote, at once.
    Swap {
        /// What the condition asked for.
        from: Option<Value>,
        /// What it wrote.
        to: Value,
    },
    /// A rename's source: it found this and left nothing, at once.
    Take(Value),
    /// An append that was refused for its offset: the key does not hold this, and may hold nothing.
    ReadNot(Option<Value>),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Acknowledged at this instant.
    Done(Duration),
    /// Refused at this instant: it must have no effect.
    Refused(Duration),
    /// No reply, a broken one, or a 5xx: it may take effect at any time after it began, or never.
    Unknown,
    /// The same, but whoever it was sent to was dead at this instant: not later than that.
    UnknownUntil(Duration),
}

/// What one client did to one key. Instants are those of the history's monotonic clock.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Who did it.
    pub client: u64,
    /// What it is called: `PUT`, `COPY (target)`.
    pub name: &'static str,
    /// Bucket and key.
    pub key: String,
    /// What it does, or what it saw.
    pub effect: Effect,
    /// When it was sent.
    pub invoked: Duration,
    /// How and when it ended.
    pub ending: Ending,
}

impl Effect {
    /// What the key holds afterwards; `None` if this cannot happen while it holds `state`.
    pub(super) fn after(self, state: Option<Value>) -> Option<Option<Value>> {
        match self {
            Self::Write(value) => Some(value),
            Self::Read(value) => (state == value).then_some(state),
            Self::ReadOther(value) => (state.is_some() && state != value).then_some(state),
            Self::Swap { from, to } => (state == from).then_some(Some(to)),
            Self::Take(value) => (state == Some(value)).then_some(None),
            Self::ReadNot(value) => (state != value).then_some(state),
        }
    }

    /// The value that it read, if it is a read that found one.
    #[must_use]
    pub fn value_read(self) -> Option<Value> {
        match self {
            Self::Read(value) => value,
            _ => None,
        }
    }

    /// Whether it changes what the key holds.
    pub(super) fn writes(self) -> bool {
        self.written().is_some()
    }

    /// What it leaves, if it writes.
    pub(super) fn written(self) -> Option<Option<Value>> {
        match self {
            Self::Write(value) => Some(value),
            Self::Swap { to, .. } => Some(Some(to)),
            Self::Take(_) => Some(None),
            Self::Read(_) | Self::ReadOther(_) | Self::ReadNot(_) => None,
        }
    }

    /// Whether it finds something and writes at once.
    pub(super) fn observes_and_writes(self) -> bool {
        matches!(self, Self::Swap { .. } | Self::Take(_))
    }
}

impl Operation {
    /// When it was acknowledged; an unknown one never was.
    pub(super) fn returned(&self) -> Option<Duration> {
        match self.ending {
            Ending::Done(instant) => Some(instant),
            Ending::Refused(_) | Ending::Unknown | Ending::UnknownUntil(_) => None,
        }
    }

    /// When it can no longer take effect, if it was not acknowledged.
    pub(super) fn expires(&self) -> Option<Duration> {
        match self.ending {
            Ending::UnknownUntil(instant) => Some(instant),
            Ending::Done(_) | Ending::Refused(_) | Ending::Unknown => None,
        }
    }

    /// The value that it saw, if it saw one.
    pub(super) fn seen(&self) -> Option<Value> {
        match self.effect {
            Effect::Read(value) | Effect::Swap { from: value, .. } => value,
            Effect::Take(value) => Some(value),
            Effect::Write(_) | Effect::ReadOther(_) | Effect::ReadNot(_) => None,
        }
    }

    /// Whether it may have happened, so that it has a place in the order of all.
    pub(super) fn may_have_happened(&self) -> bool {
        !matches!(self.ending, Ending::Refused(_)) && (self.effect.writes() || self.returned().is_some())
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |value: &Option<Value>| value.map_or_else(|| "nothing".to_owned(), |value| format!("value {value}"));
        match self {
            Self::Write(value) => write!(out, "wrote {}", name(value)),
            Self::Read(value) => write!(out, "read {}", name(value)),
            Self::ReadOther(None) => write!(out, "read something"),
            Self::ReadOther(value) => write!(out, "read something other than {}", name(value)),
            Self::Swap { from, to } => write!(out, "found {} and wrote value {to}", name(from)),
            Self::Take(value) => write!(out, "found value {value} and left nothing"),
            Self::ReadNot(value) => write!(out, "did not find {}", name(value)),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, name, key, effect, invoked, ending } = self;
        let end = match ending {
            Ending::Done(instant) => format!("to {:.4} s", instant.as_secs_f64()),
            Ending::Refused(instant) => format!("to {:.4} s, refused", instant.as_secs_f64()),
            Ending::Unknown => "and nobody knows how it ended".to_owned(),
            Ending::UnknownUntil(instant) => format!("to {:.4} s at most, unknown", instant.as_secs_f64()),
        };
        write!(out, "client {client}'s {name} of {key} ({:.4} s {end}) {effect}", invoked.as_secs_f64())
    }
}
