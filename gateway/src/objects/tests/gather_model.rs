//! A model of reading a blob: every state of every sliver, every kind of range, trusting and proving, with the decisions of
//! `gather_plan` and the verdicts of the codec, but without a byte.

use crate::objects::read::gather_plan::{Failure, Gathering, Part, Prospect, Trust, Turn};

/// What a sliver may be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Like {
    Whole,
    /// A bit is wrong.
    Flipped,
    /// Its end is missing.
    Truncated,
    Gone,
    /// Its backend answers when nobody waits for it any more.
    Slow,
    /// Its backend refuses.
    Refusing,
    /// Repair has moved it since the rows were read.
    Moved,
}

const LIKES: [Like; 7] =
    [Like::Whole, Like::Flipped, Like::Truncated, Like::Gone, Like::Slow, Like::Refusing, Like::Moved];

/// What else may be so or so, for all slivers alike: a bit of a number each.
#[derive(Clone, Copy, Debug)]
struct Circumstances {
    /// The bit that is wrong lies in the wanted range.
    flip_is_wanted: bool,
    /// What is missing at the end is wanted.
    cut_is_wanted: bool,
    /// Who refused is back when asked.
    comes_back: bool,
    /// The slow never answer.
    hangs: bool,
    /// The newest read is answered first.
    newest_first: bool,
    /// Damaged slivers have the fastest backends.
    damaged_first: bool,
}

const CIRCUMSTANCES: u64 = 1 << 6;

impl Circumstances {
    fn of(number: u64) -> Self {
        let bit = |at: u32| number >> at & 1 == 1;
        Self {
            flip_is_wanted: bit(0),
            cut_is_wanted: bit(1),
            comes_back: bit(2),
            hangs: bit(3),
            newest_first: bit(4),
            damaged_first: bit(5),
        }
    }
}

/// Most reads of one sliver: in part; whole, trusted; whole, because its backend is back; whole, because it moved; proven.
const READS_MAX: u8 = 5;

/// Far more turns than any gathering takes.
const TURNS_MAX: usize = 200;

struct Case<'a> {
    likes: &'a [Like],
    k: usize,
    wanted: &'a [(u8, Part)],
    trust: Trust,
    given: Circumstances,
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    RightBytes,
    Unavailable,
}

/// What is held: whose, which part, and whether what is wanted is spoiled in it.
type Held = Vec<(u8, Part, bool)>;

struct Run<'a> {
    case: &'a Case<'a>,
    plan: Gathering,
    out: Vec<(u8, Part)>,
    held: Held,
    reopened: bool,
    probed: bool,
    reads: [u8; 8],
}

impl Case<'_> {
    fn like(&self, index: u8) -> Like {
        self.likes[usize::from(index)]
    }

    /// Whether a flipped sliver's whole block is wrong where it matters.
    fn spoils(&self, index: u8) -> bool {
        let all = self.wanted.iter().any(|(_, part)| *part == Part::Whole);
        self.like(index) == Like::Flipped && (all || self.given.flip_is_wanted)
    }

    /// Whether the whole blocks of a sliver can be had.
    fn is_usable(&self, index: u8) -> bool {
        match self.like(index) {
            Like::Whole | Like::Moved => true,
            Like::Slow => !self.given.hangs,
            Like::Refusing => self.given.comes_back,
            Like::Flipped | Like::Truncated | Like::Gone => false,
        }
    }

    /// Whether what is wanted of a sliver is there at the first read.
    fn is_at_hand(&self, index: u8, part: Part) -> bool {
        match self.like(index) {
            Like::Whole => true,
            Like::Flipped => part == Part::Wanted && !self.given.flip_is_wanted,
            Like::Truncated => part == Part::Wanted && !self.given.cut_is_wanted,
            Like::Gone | Like::Slow | Like::Refusing | Like::Moved => false,
        }
    }

    /// Whether reading must end with the right bytes: k slivers can be had, or everything wanted is at hand. With less it may,
    /// when it is lucky in what it tries.
    fn must_succeed(&self) -> bool {
        let indices = (0_u8..).take(self.likes.len());
        let usable = indices.filter(|index| self.is_usable(*index)).count();
        let at_hand = self.wanted.iter().all(|(index, part)| self.is_at_hand(*index, *part));
        usable >= self.k || (self.trust == Trust::Tags && !self.wanted.is_empty() && at_hand)
    }

    /// Reads as `fetch` and `gather` do.
    fn run(&self) -> (End, [u8; 8]) {
        let plan = Gathering::new((self.likes.len(), self.k), self.trust, self.wanted.iter().copied(), |_| true);
        let (out, held, reads) = (Vec::new(), Vec::new(), [0; 8]);
        let mut run = Run { case: self, plan, out, held, reopened: false, probed: false, reads };
        for _ in 0..TURNS_MAX {
            let prospect = |index: u8| Prospect {
                troubled: self.like(index) == Like::Refusing,
                mean_us: match self.like(index) {
                    Like::Flipped | Like::Truncated if self.given.damaged_first => 1,
                    _ => 2,
                },
            };
            match run.plan.next(prospect) {
                Turn::Read(index, part) => {
                    run.reads[usize::from(index)] += 1;
                    run.out.push((index, part));
                }
                Turn::Wait { hedge } => run.wait(hedge),
                Turn::Reopen => run.reopen(),
                Turn::Probe => run.probe(),
                Turn::GiveUp => return (End::Unavailable, run.reads),
                Turn::Open => {
                    if run.open() {
                        return (End::RightBytes, run.reads);
                    }
                }
            }
        }
        panic!("it spins");
    }
}

impl Run<'_> {
    /// One answer, or the moment at which all are late.
    fn wait(&mut self, hedge: bool) {
        let prompt = |(index, _): &(u8, Part)| self.case.like(*index) != Like::Slow;
        let at = match self.case.given.newest_first {
            true => self.out.iter().rposition(prompt),
            false => self.out.iter().position(prompt),
        };
        match at {
            None if hedge => self.plan.late(drop),
            at => {
                assert!(!self.out.is_empty(), "it waits for nothing");
                let (index, part) = self.out.remove(at.unwrap_or(0));
                let answer = self.answer(index, part);
                if let Ok(spoiled) = answer {
                    self.held.push((index, part, spoiled));
                }
                self.plan.answered(index, part, answer.map(drop));
            }
        }
    }

    /// What a read brings: whether it is spoiled.
    fn answer(&self, index: u8, part: Part) -> Result<bool, Failure> {
        let Circumstances { flip_is_wanted, cut_is_wanted, comes_back, hangs, .. } = self.case.given;
        let proves = self.plan.trust() == Trust::Proofs;
        match (self.case.like(index), part) {
            (Like::Slow, _) if hangs => Err(Failure::Backend),
            (Like::Whole | Like::Slow, _) => Ok(false),
            (Like::Flipped, Part::Wanted) => Ok(flip_is_wanted),
            (Like::Flipped, Part::Whole) if proves => Err(Failure::Sliver),
            (Like::Flipped, Part::Whole) => Ok(self.case.spoils(index)),
            (Like::Truncated, Part::Wanted) if !cut_is_wanted => Ok(false),
            (Like::Truncated | Like::Gone, _) => Err(Failure::Sliver),
            (Like::Refusing, _) if self.probed && comes_back => Ok(false),
            (Like::Refusing, _) => Err(Failure::Backend),
            (Like::Moved, _) if self.reopened => Ok(false),
            (Like::Moved, _) => Err(Failure::Sliver),
        }
    }

    fn reopen(&mut self) {
        assert!(!std::mem::replace(&mut self.reopened, true), "once");
        let indices = (0_u8..).take(self.case.likes.len());
        for index in indices.filter(|index| self.case.like(*index) == Like::Moved) {
            self.plan.moved(index);
        }
    }

    /// A backend that hangs says that it is back, and hangs again.
    fn probe(&mut self) {
        self.probed = true;
        let back = |index: &u8| self.case.like(*index) == Like::Slow || self.case.given.comes_back;
        let back: Vec<u8> = self.plan.refused().filter(back).collect();
        self.plan.probed(&back);
    }

    /// Reconstructs, decrypts, and notes in the plan what did not decrypt; whether everything did.
    fn open(&mut self) -> bool {
        let whole = |(_, part, _): &&(u8, Part, bool)| *part == Part::Whole;
        for (index, _) in self.case.wanted {
            let own = self.held.iter().rev().find(|(of, ..)| of == index);
            let made = own.is_none();
            let spoiled = match own {
                Some((_, _, spoiled)) => *spoiled,
                None => {
                    let from: Vec<bool> = self.held.iter().filter(whole).take(self.case.k).map(|held| held.2).collect();
                    assert_eq!(from.len(), self.case.k, "enough to reconstruct");
                    from.contains(&true)
                }
            };
            if spoiled {
                self.plan.undecipherable(*index, made);
                self.out.clear();
                self.held.clear();
                return false;
            }
        }
        true
    }
}

/// Every kind of range of `k` data slivers.
fn ranges(k: u8) -> Vec<Vec<(u8, Part)>> {
    let last = k - 1;
    let mixed = |index| (index, if index == last { Part::Wanted } else { Part::Whole });
    vec![
        vec![(0, Part::Wanted)],
        vec![(last, Part::Whole)],
        vec![(last - 1, Part::Wanted), (last, Part::Whole)],
        (0..k).map(|index| (index, Part::Wanted)).collect(),
        (0..k).map(|index| (index, Part::Whole)).collect(),
        (0..k).map(mixed).collect(),
        Vec::new(),
    ]
}

/// Runs every state of `n` slivers for one range, with those circumstances that `pick` names for the how-many-th case.
fn exhaust((n, k): (u32, usize), wanted: &[(u8, Part)], trust: Trust, pick: impl Fn(u64) -> std::ops::Range<u64>) {
    let mut served = 0_u64;
    for state in 0..7_u64.pow(n) {
        let like = |at: u32| LIKES[usize::try_from(state / 7_u64.pow(at) % 7).expect("below seven")];
        let likes: Vec<Like> = (0..n).map(like).collect();
        for number in pick(state) {
            let given = Circumstances::of(number);
            let case = Case { likes: &likes, k, wanted, trust, given };
            let (end, reads) = case.run();
            let what = || format!("{likes:?}, {wanted:?}, {trust:?}, {given:?}: {end:?} after {reads:?}");
            assert!(end == End::RightBytes || !case.must_succeed(), "{}", what());
            assert!(reads.iter().all(|reads| *reads <= READS_MAX), "{}", what());
            served += u64::from(end == End::RightBytes);
        }
    }
    assert!(served > 0);
}

/// Six slivers, of which four suffice: all 117,649 states, each in one of the circumstances, spread so that neighbours do not
/// meet the same.
fn exhaust_six(wanted: &[(u8, Part)], trust: Trust) {
    let spread = |state: u64| (state.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % CIRCUMSTANCES;
    exhaust((6, 4), wanted, trust, |state| spread(state)..spread(state) + 1);
}

#[test]
fn one_chunk_from_any_six_slivers() {
    exhaust_six(&[(0, Part::Wanted)], Trust::Tags);
}

#[test]
fn chunks_of_several_from_any_six_slivers() {
    exhaust_six(&[(1, Part::Wanted), (2, Part::Whole), (3, Part::Wanted)], Trust::Tags);
}

#[test]
fn whole_blocks_of_all_data_from_any_six_slivers() {
    let wanted: Vec<_> = (0..4).map(|index| (index, Part::Whole)).collect();
    exhaust_six(&wanted, Trust::Tags);
}

/// As repair gathers them, to make others from.
#[test]
fn proven_blocks_of_any_four_from_any_six_slivers() {
    exhaust_six(&[], Trust::Proofs);
}

/// Fewer slivers, so that every range, with proofs from the start or not, meets all circumstances.
#[test]
fn every_range_from_any_three_slivers_in_all_circumstances() {
    for wanted in ranges(2) {
        for trust in [Trust::Tags, Trust::Proofs] {
            exhaust((3, 2), &wanted, trust, |_| 0..CIRCUMSTANCES);
        }
    }
}

#[test]
fn one_copy_of_three_in_all_circumstances() {
    for wanted in [vec![(0, Part::Wanted)], vec![(0, Part::Whole)], Vec::new()] {
        for trust in [Trust::Tags, Trust::Proofs] {
            exhaust((3, 1), &wanted, trust, |_| 0..CIRCUMSTANCES);
        }
    }
}
