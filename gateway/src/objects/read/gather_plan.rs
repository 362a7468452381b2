//! What to read next of a blob's slivers, decided from the results of the reads so far. Pure: `gather` carries it out.
//!
//! No gathering goes on for ever, because every turn but waiting uses up something that is given at most once:
//!
//! - a sliver is read once in part and once whole while its bytes are trusted, and once whole while they are proven;
//! - it is read once more when its backend refused, was asked once whether it is back, and is; and once more when the
//!   rows, which are read again once, name another place for it;
//! - who waits, waits for reads under way, each of which ends, and each of which is late once;
//! - trust ends once, and from then on bytes that do not decrypt cost their sliver, of which there are n.

/// Which bytes of a sliver are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The wanted range, less than the whole blocks.
    Wanted,
    /// Whole blocks.
    Whole,
}

/// Whether whole blocks are proven against the roots in SQL before they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// They are not: the tags of the chunks will show what is wrong.
    Tags,
    /// They are: something did not decrypt, or nothing will be decrypted.
    Proofs,
}

/// Why a sliver could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is missing or damaged.
    Sliver,
    /// Its backend refuses or does not answer; it may be back.
    Backend,
}

/// What a gathering does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Start a read, and ask for the next turn at once.
    Read(u8, Part),
    /// Wait for an answer; with `hedge`, only until the reads under way are late.
    Wait {
        /// Some read under way is not known to be late.
        hedge: bool,
    },
    /// Read the rows again: slivers may have moved. Comes once.
    Reopen,
    /// Ask the backends that refused whether they are back. Comes once for each.
    Probe,
    /// What is held suffices.
    Open,
    /// It does not, and nothing is left to try.
    GiveUp,
}

/// How a backend answers reads lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prospect {
    /// It is passed over while others are to be had.
    pub(crate) troubled: bool,
    /// Mean time of its answers.
    pub(crate) mean_us: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is no row for it, or its backend is not configured.
    Absent,
    Usable,
    /// Its backend failed as a whole.
    Refused,
    /// Missing, damaged, or not to be used.
    Bad,
}

/// One sliver: what may still be read of it, and what is held.
#[derive(Clone, Copy, Debug)]
struct Sliver {
    state: State,
    /// Which part of it is wanted, if any.
    wanted: Option<Part>,
    /// The read of what is wanted has not been decided on.
    due: bool,
    /// Whole blocks may be read.
    whole_left: bool,
    /// Its backend may be asked whether it is back.
    probe_left: bool,
    /// The read under way; there is never more than one.
    out: Option<Part>,
    late: bool,
    holds_wanted: bool,
    holds_whole: bool,
}

/// The state of one gathering.
#[derive(Debug)]
pub(crate) struct Gathering {
    slivers: Vec<Sliver>,
    k: usize,
    trust: Trust,
    /// The wanted ranges are not enough: gather any k whole blocks.
    any_k: bool,
    /// Nothing is wanted but any k whole blocks.
    only_any_k: bool,
    reopen_left: bool,
    /// Proven blocks gave chunks that do not decrypt.
    hopeless: bool,
}

impl Gathering {
    /// A gathering from `n` slivers, of which any `k` suffice. `wanted` names data slivers, each once; when it is empty, any k
    /// whole blocks will do.
    pub(crate) fn new(
        (n, k): (usize, usize),
        trust: Trust,
        wanted: impl IntoIterator<Item = (u8, Part)>,
        is_placed: impl Fn(u8) -> bool,
    ) -> Self {
        let sliver = |index| Sliver {
            state: if is_placed(index) { State::Usable } else { State::Absent },
            wanted: None,
            due: false,
            whole_left: true,
            probe_left: true,
            out: None,
            late: false,
            holds_wanted: false,
            holds_whole: false,
        };
        let mut slivers: Vec<Sliver> = (0..=u8::MAX).take(n).map(sliver).collect();
        let mut only_any_k = true;
        for (index, part) in wanted {
            only_any_k = false;
            if let Some(sliver) = slivers.get_mut(usize::from(index)) {
                // While blocks are proven, only whole ones are read.
                (sliver.wanted, sliver.due) = (Some(part), trust == Trust::Tags);
            }
        }
        let any_k = only_any_k || trust == Trust::Proofs;
        Self { slivers, k, trust, any_k, only_any_k, reopen_left: true, hopeless: false }
    }

    /// Leaves a sliver out.
    pub(crate) fn exclude(&mut self, index: u8) {
        self.with(index, |sliver| sliver.state = State::Bad);
    }

    /// There are no rows to read again.
    pub(crate) fn without_rows(&mut self) {
        self.reopen_left = false;
    }

    /// Whether blocks are proven.
    pub(crate) fn trust(&self) -> Trust {
        self.trust
    }

    /// Whether bytes that were proven did not decrypt.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.hopeless
    }

    /// What to do next. A read that is answered here must be started.
    pub(crate) fn next(&mut self, prospect: impl Fn(u8) -> Prospect) -> Turn {
        if self.hopeless {
            return Turn::GiveUp;
        }
        if self.suffices() {
            return Turn::Open;
        }
        if let Some(read) = self.next_wanted(&prospect).or_else(|| self.next_whole(&prospect)) {
            return read;
        }
        if self.slivers.iter().any(|sliver| sliver.out.is_some()) {
            return Turn::Wait { hedge: self.slivers.iter().any(|sliver| sliver.out.is_some() && !sliver.late) };
        }
        if std::mem::take(&mut self.reopen_left) {
            return Turn::Reopen;
        }
        if self.refused().next().is_some() { Turn::Probe } else { Turn::GiveUp }
    }

    /// A read has ended.
    pub(crate) fn answered(&mut self, index: u8, part: Part, answer: Result<(), Failure>) {
        self.with(index, |sliver| {
            (sliver.out, sliver.late) = (None, false);
            match (answer, part) {
                (Ok(()), Part::Wanted) => sliver.holds_wanted = true,
                (Ok(()), Part::Whole) => sliver.holds_whole = true,
                (Err(Failure::Sliver), _) => sliver.state = State::Bad,
                (Err(Failure::Backend), _) => sliver.state = State::Refused,
            }
        });
        self.any_k |= answer.is_err();
    }

    /// Every read under way is late: it may yet win, but it no longer counts on the way to k. `each` is called for those that were
    /// not known to be late.
    pub(crate) fn late(&mut self, mut each: impl FnMut(u8)) {
        for (index, sliver) in (0_u8..).zip(&mut self.slivers) {
            if sliver.out.is_some() && !std::mem::replace(&mut sliver.late, true) {
                each(index);
            }
        }
        self.any_k = true;
    }

    /// Slivers whose backends refused and may be asked whether they are back.
    pub(crate) fn refused(&self) -> impl Iterator<Item = u8> + '_ {
        let refused = |sliver: &Sliver| sliver.state == State::Refused && sliver.probe_left;
        (0_u8..).zip(&self.slivers).filter(move |(_, sliver)| refused(sliver)).map(|(index, _)| index)
    }

    /// The backends of all [`Self::refused`] were asked; those of `back` are back.
    pub(crate) fn probed(&mut self, back: &[u8]) {
        for (index, sliver) in (0_u8..).zip(&mut self.slivers) {
            if sliver.state == State::Refused && std::mem::take(&mut sliver.probe_left) && back.contains(&index) {
                sliver.state = State::Usable;
                sliver.whole_left = true;
            }
        }
    }

    /// The rows were read again, and name another place for a sliver.
    pub(crate) fn moved(&mut self, index: u8) {
        self.with(index, |sliver| {
            sliver.state = State::Usable;
            sliver.whole_left = true;
        });
    }

    /// What was held is used up, and a chunk of this sliver does not decrypt. A sliver whose own bytes they are is bad; of one
    /// that was `made` from others, one among those is, which the proof alone can name.
    pub(crate) fn undecipherable(&mut self, index: u8, made: bool) {
        if !made {
            self.exclude(index);
        } else if self.trust == Trust::Proofs {
            self.hopeless = true;
        }
        let again = self.trust == Trust::Tags;
        self.trust = Trust::Proofs;
        self.any_k = true;
        for sliver in &mut self.slivers {
            // Nobody waits any longer for what was under way.
            sliver.whole_left |= again || sliver.out == Some(Part::Whole);
            (sliver.due, sliver.out, sliver.late, sliver.holds_wanted) = (false, None, false, false);
            sliver.holds_whole &= !again && sliver.state != State::Bad;
        }
    }

    /// Whether what is held suffices: every wanted range, or k whole blocks.
    fn suffices(&self) -> bool {
        let covered = |sliver: &Sliver| sliver.wanted.is_none() || sliver.holds_wanted || sliver.holds_whole;
        let direct = !self.only_any_k && self.slivers.iter().all(covered);
        direct || self.slivers.iter().filter(|sliver| sliver.holds_whole).count() >= self.k
    }

    /// The first reads: what is wanted, from the slivers that have it.
    fn next_wanted(&mut self, prospect: &impl Fn(u8) -> Prospect) -> Option<Turn> {
        for (index, sliver) in (0_u8..).zip(&mut self.slivers) {
            if !std::mem::take(&mut sliver.due) {
                continue;
            }
            match sliver.wanted.filter(|_| sliver.state == State::Usable && !prospect(index).troubled) {
                Some(part) => {
                    sliver.out = Some(part);
                    sliver.whole_left &= part != Part::Whole;
                    return Some(Turn::Read(index, part));
                }
                None => self.any_k = true,
            }
        }
        None
    }

    /// The next read of whole blocks, so that k are held or on their way: those not known to be in trouble first, then
    /// data before parity, then fast before slow.
    fn next_whole(&mut self, prospect: &impl Fn(u8) -> Prospect) -> Option<Turn> {
        let counts = |sliver: &&Sliver| sliver.holds_whole || (sliver.out == Some(Part::Whole) && !sliver.late);
        if !self.any_k || self.slivers.iter().filter(counts).count() >= self.k {
            return None;
        }
        let free = |sliver: &Sliver| {
            sliver.state == State::Usable && sliver.whole_left && sliver.out.is_none() && !sliver.holds_whole
        };
        let k = self.k;
        let rank = |index: u8| {
            let Prospect { troubled, mean_us } = prospect(index);
            (troubled, usize::from(index) >= k, mean_us)
        };
        let candidates = (0_u8..).zip(&mut self.slivers).filter(|(_, sliver)| free(sliver));
        let (index, sliver) = candidates.min_by_key(|(index, _)| rank(*index))?;
        (sliver.out, sliver.whole_left) = (Some(Part::Whole), false);
        Some(Turn::Read(index, Part::Whole))
    }

    fn with(&mut self, index: u8, change: impl FnOnce(&mut Sliver)) {
        if let Some(sliver) = self.slivers.get_mut(usize::from(index)) {
            change(sliver);
        }
    }
}
