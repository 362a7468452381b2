//! Goes through the leaves of an export, epoch by epoch.
//!
//! Each leaf has two witnesses of its hash: its own text and the tile. Where they differ, the root of the next checkpoint says
//! which is wrong, and reading goes on with the other, so that one damaged file is not the end of the report.

use super::epoch::{Place, Plan, inputs_of, planned_from};
use super::files::LogFiles;
use super::report::Report;
use super::state::LedgerState;
use crate::domain::money::account::Book;
use crate::ledger::log::export::{CHECKPOINT_FILE, POLICY_FILE, checkpoint_file};
use crate::ledger::log::leaf::Leaf;
use crate::ledger::log::note::{Accepted, Checkpoint, NOTE_BYTES_MAX, POLICY_BYTES_MAX, Policy, SignedNote};
use crate::ledger::log::tree::{
    ENTRY_BYTES_MAX, Frontier, Hash, TILE_WIDTH, TileBuilder, TileKind, TilePath, bundles_of, decode_hashes, leaf_hash,
    split_bundle,
};

/// What an export is verified against.
pub struct Verification<'a> {
    /// What is trusted. Without it, what the export says about itself, which the report notes.
    pub policy: Option<Policy>,
    /// Checkpoints of the same log that were seen elsewhere or earlier: the export must extend them.
    pub seen: Vec<SignedNote>,
    /// The rules. Without them only sums and hashes are verified, which the report notes.
    pub plan: Option<Plan<'a>>,
}

/// A leaf of the section that is being read.
struct Entry {
    place: Place,
    /// Where its hash stands: the tile and the number there, from 1.
    tile: Place,
    /// Its hash by its text, and what the text says; none if it cannot be taken from its bundle.
    text: Option<(Hash, Result<Leaf, String>)>,
    /// Its hash by the tile.
    listed: Option<Hash>,
}

/// What is known after some leaves.
struct Verifier<'a> {
    files: &'a dyn LogFiles,
    policy: Policy,
    plan: Option<Plan<'a>>,
    head: Checkpoint,
    seen: Vec<Checkpoint>,
    report: Report,
    frontier: Frontier,
    tiles: TileBuilder,
    state: LedgerState,
    section: Vec<Entry>,
}

/// Verifies an export.
#[must_use]
pub fn verify(files: &dyn LogFiles, against: Verification<'_>) -> Report {
    let mut report = Report::default();
    let Some((policy, accepted)) = trusted_head(files, against.policy, &mut report) else { return report };
    let head = accepted.checkpoint;
    report.origin.clone_from(&head.origin);
    report.head = Some((head.size, head.root));
    report.cosigned = accepted.cosigned;
    report.checkpoints = 1;
    if against.plan.is_none() {
        report.notes.push("the rules were not checked: whether transfers follow from the inputs is open".to_owned());
    }
    let mut seen = Vec::new();
    for note in &against.seen {
        match policy.accept_unwitnessed(note) {
            Ok(accepted) if accepted.checkpoint.size > head.size => {
                let cause = format!("a checkpoint with {} leaves has been seen", accepted.checkpoint.size);
                report.fault(CHECKPOINT_FILE, Some(2), cause);
            }
            Ok(accepted) => seen.push(accepted.checkpoint),
            Err(error) => report.fault("a checkpoint that was seen", None, error),
        }
    }
    let (frontier, tiles, plan) = (Frontier::default(), TileBuilder::default(), against.plan);
    let (state, section) = (LedgerState::default(), Vec::new());
    let mut verifier = Verifier { files, policy, plan, head, seen, report, frontier, tiles, state, section };
    verifier.run();
    verifier.report
}

/// The policy, and the latest checkpoint if the policy accepts it.
fn trusted_head(files: &dyn LogFiles, policy: Option<Policy>, report: &mut Report) -> Option<(Policy, Accepted)> {
    let policy = match policy {
        Some(policy) => policy,
        None => {
            report.notes.push("the policy is the export's own: it shows no more than that the files agree".to_owned());
            let read = read(files, POLICY_FILE, POLICY_BYTES_MAX, report)?;
            Policy::read(&read).map_err(|error| report.fault(POLICY_FILE, lossless(error.line), error.cause)).ok()?
        }
    };
    let content = read(files, CHECKPOINT_FILE, NOTE_BYTES_MAX, report)?;
    let note = SignedNote::read(&content).map_err(|error| report.fault(CHECKPOINT_FILE, None, error)).ok()?;
    let accepted = policy.accept(&note).map_err(|error| report.fault(CHECKPOINT_FILE, None, error)).ok()?;
    Some((policy, accepted))
}

/// Reads a file that must be there.
fn read(files: &dyn LogFiles, path: &str, bytes_max: usize, report: &mut Report) -> Option<Vec<u8>> {
    match files.read(path, u64::try_from(bytes_max).unwrap_or(u64::MAX)) {
        Ok(Some(content)) => return Some(content),
        Ok(None) => report.fault(path, None, "missing"),
        Err(cause) => report.fault(path, None, cause),
    }
    None
}

fn lossless(line: usize) -> Option<u64> {
    u64::try_from(line).ok()
}

impl Verifier<'_> {
    fn run(&mut self) {
        for bundle in bundles_of(self.head.size) {
            // A file that is missing or of the wrong length is a fault of its own; one that cannot be read at all ends the reading.
            let listed = self.hashes_of(TilePath { kind: TileKind::Hashes(0), ..bundle });
            let entries = self.entries_of(bundle, listed.as_deref());
            if listed.is_none() && entries.iter().any(|entry| entry.text.is_none()) {
                return;
            }
            for entry in entries {
                let is_end = matches!(&entry.text, Some((_, Ok(Leaf::End { .. }))));
                self.section.push(entry);
                if is_end {
                    self.end_section();
                }
            }
        }
        if let Some(entry) = self.section.last() {
            let (file, line) = entry.place.clone();
            self.report.fault(file, Some(line), "the log ends within an epoch");
            self.end_section();
        }
        let partial: Vec<_> = self.tiles.partial().map(|(path, hashes)| (path, hashes.to_vec())).collect();
        partial.iter().for_each(|(path, hashes)| self.compare_tile(*path, hashes));
        for book in [Book::Track, Book::On] {
            if self.state.sums.difference(book) != 0 {
                self.report.fault(CHECKPOINT_FILE, None, format!("the sums of the book {book:?} differ"));
            }
        }
        self.report.accounts = self.state.sums.accounts();
    }

    /// The hashes of a tile.
    fn hashes_of(&mut self, path: TilePath) -> Option<Vec<Hash>> {
        let bytes_max = usize::from(TILE_WIDTH) * 32;
        let content = read(self.files, &path.to_string(), bytes_max, &mut self.report)?;
        decode_hashes(&content, path.width).map_err(|error| self.report.fault(path, None, error)).ok()
    }

    /// The entries of a bundle. Where it is damaged in its form, what follows the damage is unknown and stands in no entry.
    fn entries_of(&mut self, bundle: TilePath, listed: Option<&[Hash]>) -> Vec<Entry> {
        let file = bundle.to_string();
        let tile = TilePath { kind: TileKind::Hashes(0), ..bundle }.to_string();
        let bytes_max = usize::from(TILE_WIDTH) * (ENTRY_BYTES_MAX + 2);
        let content = read(self.files, &file, bytes_max, &mut self.report);
        let (texts, error) = content.as_deref().map(|bytes| split_bundle(bytes, bundle.width)).unwrap_or_default();
        let listed_at = |index: usize| listed.and_then(|hashes| hashes.get(index)).copied();
        let mut known = texts.len();
        if let Some(error) = error {
            // A wrong length makes wrong entries of all that follow.
            let differs = |index: &usize| listed_at(*index).is_some_and(|hash| hash != leaf_hash(texts[*index]));
            known = (0..texts.len()).find(differs).unwrap_or(texts.len());
            self.report.fault(&file, lossless(known + 1), error);
        }
        let entry = |index: usize| {
            let text = texts
                .get(index)
                .filter(|_| index < known)
                .map(|text| (leaf_hash(text), Leaf::read(text).map_err(|error| error.to_string())));
            let number = lossless(index + 1).unwrap_or(u64::MAX);
            Entry { place: (file.clone(), number), tile: (tile.clone(), number), text, listed: listed_at(index) }
        };
        (0..usize::from(bundle.width)).map(entry).collect()
    }

    /// A section is complete, or the log ends: settles its hashes, then what its leaves say.
    fn end_section(&mut self) {
        let section = std::mem::take(&mut self.section);
        let added = u64::try_from(section.len()).unwrap_or(u64::MAX);
        let size = self.frontier.size() + added;
        let kept = self.kept_checkpoint(size);
        let is_known = self.settle_hashes(&section, size, kept);
        if is_known {
            self.read_section(&section);
        } else {
            self.state.forget();
        }
    }

    /// The root that the log signed for this size, with the file that says it.
    fn kept_checkpoint(&mut self, size: u64) -> Option<(String, Hash)> {
        let file = checkpoint_file(size);
        let content = read(self.files, &file, NOTE_BYTES_MAX, &mut self.report);
        let good = content.and_then(|content| {
            let accepted = SignedNote::read(&content)
                .map_err(|error| error.to_string())
                .and_then(|note| self.policy.accept_unwitnessed(&note).map_err(|error| error.to_string()));
            let accepted = accepted.map_err(|cause| self.report.fault(&file, None, cause)).ok()?;
            if accepted.checkpoint.size == size {
                return Some(accepted.checkpoint.root);
            }
            self.report.fault(&file, Some(2), "the checkpoint is of another size");
            None
        });
        self.report.checkpoints += u64::from(good.is_some());
        let head = (size == self.head.size).then(|| (CHECKPOINT_FILE.to_owned(), self.head.root));
        good.map(|root| (file, root)).or(head)
    }

    /// Appends a section to the tree. Answers whether what its leaves say can be used: every text is there, and it is what was
    /// signed.
    fn settle_hashes(&mut self, section: &[Entry], size: u64, kept: Option<(String, Hash)>) -> bool {
        let own = |entry: &Entry| entry.text.as_ref().map(|(hash, _)| *hash);
        let by_text: Option<Vec<_>> = section.iter().map(|entry| own(entry).or(entry.listed)).collect();
        let by_tile: Option<Vec<_>> = section.iter().map(|entry| entry.listed.or(own(entry))).collect();
        let (Some(by_text), Some(by_tile)) = (by_text, by_tile) else { return false };
        let frontier_of = |hashes: &[Hash]| {
            let mut frontier = self.frontier.clone();
            hashes.iter().for_each(|hash| frontier.push(*hash));
            frontier
        };
        let (text_frontier, tile_frontier) = (frontier_of(&by_text), frontier_of(&by_tile));
        let is_signed = |frontier: &Frontier| kept.as_ref().is_some_and(|(_, root)| *root == frontier.root());
        let (text_is_signed, tile_is_signed) = (is_signed(&text_frontier), is_signed(&tile_frontier));
        if let Some((file, _)) = kept.as_ref().filter(|_| !text_is_signed && !tile_is_signed) {
            self.report.fault(file, Some(3), "this is not the root of the entries");
        }
        let mut is_complete = true;
        for entry in section {
            let differs = entry.listed.is_some_and(|listed| own(entry).is_some_and(|hash| hash != listed));
            if differs && !text_is_signed {
                self.report.fault(
                    &entry.place.0,
                    Some(entry.place.1),
                    "this is not the entry whose hash is in the tree",
                );
            }
            if differs && !tile_is_signed {
                self.report.fault(&entry.tile.0, Some(entry.tile.1), "this is not the hash of the entry");
            }
            is_complete &= entry.text.is_some() && (text_is_signed || !differs);
        }
        let hashes = if text_is_signed { by_text } else { by_tile };
        for hash in hashes {
            self.push(hash);
        }
        let root = self.frontier.root();
        debug_assert_eq!(size, self.frontier.size());
        if kept.is_none() && size == self.head.size && root != self.head.root {
            self.report.fault(CHECKPOINT_FILE, Some(3), "this is not the root of the entries");
        }
        is_complete
    }

    /// Appends a leaf, and compares tiles and checkpoints that are complete by it.
    fn push(&mut self, hash: Hash) {
        self.frontier.push(hash);
        for (path, hashes) in self.tiles.push(hash) {
            self.compare_tile(path, &hashes);
        }
        let size = self.frontier.size();
        if self.seen.iter().any(|seen| seen.size == size && seen.root != self.frontier.root()) {
            let cause = format!("another checkpoint of this log with {size} leaves has been seen");
            self.report.fault(CHECKPOINT_FILE, None, cause);
        }
    }

    /// Compares a tile above the leaves with what it should hold.
    fn compare_tile(&mut self, path: TilePath, hashes: &[Hash]) {
        if path.kind == TileKind::Hashes(0) {
            return; // compared leaf by leaf
        }
        let Some(listed) = self.hashes_of(path) else { return };
        let differs = (1..).zip(listed.iter().zip(hashes)).find(|(_, (listed, hash))| listed != hash);
        if let Some((number, _)) = differs {
            self.report.fault(path, Some(number), "this is not the hash of the tile below");
        }
    }

    /// What the leaves of a section say.
    fn read_section(&mut self, section: &[Entry]) {
        let (files, plan) = (self.files, self.plan);
        let plan_of = |begin: &Leaf, place: &Place, report: &mut Report| {
            let (epoch, inputs) = inputs_of(begin, place, files, report)?;
            planned_from(epoch, &inputs, plan?, report)
        };
        let leaves = section.iter().filter_map(|entry| Some((&entry.place, entry.text.as_ref()?.1.as_ref())));
        self.state.read_section(leaves, &plan_of, &mut self.report);
    }
}
