//! The mechanical promises about structure, as tests: how many files a folder holds, that imports inside a module do not go
//! round in circles, how many parameters a public function takes, and which words of the old vocabulary stay out of
//! names, comments and documents.
//!
//! Each message says what to do instead.

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use imports::{circles, imports_of};

const FILES_IN_A_FOLDER_MAX: usize = 20;
const PUBLIC_PARAMETERS_MAX: usize = 6;

/// Circles of imports that are still there, each with its reason. The list may only become shorter.
const ACCEPTED_CIRCLES: &[(&[&str], &str)] = &[];

/// Words that were the private vocabulary of an earlier version. A name is split at `_` and at capitals.
const OLD_WORDS: &[&str] = &[
    "holder",
    "holders",
    "house",
    "doorplate",
    "furnish",
    "tenure",
    "errand",
    "errands",
    "bury",
    "buried",
    "scaffold",
    "mint",
    "minted",
    "partings",
    "knock",
    "knocked",
    "nursery",
    "doubtful",
    "whom",
    "lender",
    "loan",
    "stranger",
    "strangers",
    "happening",
    "asker",
    "stray",
    "strays",
    "crumbs",
    "remake",
    "remaking",
];

/// Everyday words and phrases that stood for a technical term, for comments and documents: say what happens instead.
const OLD_PHRASES: &[&str] = &[
    "anew",
    "database is away",
    "door",
    "doors",
    "for company",
    "heard",
    "hears of",
    "let in",
    "let through",
    "lets in",
    "lets through",
    "made again",
    "room",
    "rooms",
    "rule book",
    "rule books",
    "say so",
    "says nothing of",
    "says so",
    "stands in line",
    "tells the",
    "tells them",
    "tells whether",
    "tells which",
    "told",
    "what came of",
];

#[test]
fn folders_are_small() {
    let mut files: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in source_files() {
        *files.entry(file.path.parent().unwrap().to_path_buf()).or_default() += 1;
    }
    let complaints = files.iter().filter(|(_, count)| **count > FILES_IN_A_FOLDER_MAX).map(|(folder, count)| {
        format!(
            "{}: {count} files, at most {FILES_IN_A_FOLDER_MAX}. Group them by what they are about.",
            folder.display()
        )
    });
    assert_none(complaints.collect());
}

#[test]
fn imports_go_round_in_no_circles() {
    let mut complaints = Vec::new();
    for source in ["gateway/src", "backends/src", "codec/src"] {
        let files = files_below(source);
        let imports = imports_of(source, &files);
        for circle in circles(&imports) {
            let accepted =
                ACCEPTED_CIRCLES.iter().any(|(set, _)| circle.iter().all(|file| set.contains(&file.as_str())));
            if !accepted {
                complaints.push(format!(
                    "{source}: {} import each other. Move what they share into a file below them: data types below, \
                     operations above.",
                    circle.join(", ")
                ));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn public_functions_take_few_parameters() {
    let mut complaints = Vec::new();
    for file in source_files().iter().filter(|file| !is_test(&file.path)) {
        for (name, parameters) in public_functions(&file.code) {
            if parameters > PUBLIC_PARAMETERS_MAX {
                complaints.push(format!(
                    "{}: `{name}` takes {parameters} parameters, at most {PUBLIC_PARAMETERS_MAX}. Give what belongs together \
                     a struct.",
                    file.path.display()
                ));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn the_old_vocabulary_stays_out() {
    let mut complaints = Vec::new();
    for file in source_files().iter().filter(|file| !file.path.ends_with("structure.rs")) {
        let words: BTreeSet<String> = identifiers(&file.code).flat_map(words_of).collect();
        for word in OLD_WORDS.iter().filter(|word| words.contains(**word)) {
            complaints.push(format!(
                "{}: `{word}` is no word of S3 or of storage. Use the field's name.",
                file.path.display()
            ));
        }
    }
    assert_none(complaints);
}

#[test]
fn comments_and_documents_use_the_words_of_the_field() {
    let mut complaints = Vec::new();
    for (path, text) in prose().into_iter().filter(|(path, _)| !path.ends_with("structure.rs")) {
        for phrase in old_phrases_in(&text) {
            complaints.push(format!(
                "{}: \"{phrase}\" in a comment or a document. Use plain words of S3, storage or databases.",
                path.display()
            ));
        }
    }
    assert_none(complaints);
}

#[test]
fn documents_name_files_that_exist() {
    let complaints = documents().into_iter().flat_map(|(path, text)| {
        lost_paths(&text).into_iter().map(move |lost| format!("{}: there is no `{lost}`.", path.display()))
    });
    assert_none(complaints.collect());
}

/// Where the paths that documents name begin.
const PATHS_BEGIN: [&str; 7] = ["", "gateway/src", "backends/src", "codec/src", "codec", "tests", "gateway"];

/// How the paths end that are looked for: files, and folders.
const PATHS_END: [&str; 8] = [".rs", ".md", ".toml", ".sql", ".py", ".json", ".txt", "/"];

/// Folders that documents name and that only a gateway makes, or that lie beside the document.
const OTHER_FOLDERS: [&str; 3] = ["haulout-data/", "sqlite/", "postgres/"];

/// The files and folders that a document names, in backticks and with a folder, and that are not there.
fn lost_paths(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2).filter(|path| !OTHER_FOLDERS.contains(path));
    let is_path = |path: &&str| path.contains('/') && PATHS_END.iter().any(|end| path.ends_with(end));
    let paths = quoted.filter(is_path).filter(|path| !path.starts_with('/') && !path.contains(['{', '*', ' ']));
    let lost = |path: &&str| !PATHS_BEGIN.iter().any(|begin| root().join(begin).join(path).exists());
    paths.filter(lost).map(str::to_owned).collect()
}

/// The documents of the project, with their paths.
fn documents() -> Vec<(PathBuf, String)> {
    let listed = [
        "",
        "gateway",
        "gateway/src/ledger",
        "gateway/src/settlement",
        "codec",
        "backends",
        "deploy",
        "tests",
        "migrations",
    ];
    let entries = listed.iter().flat_map(|folder| fs::read_dir(root().join(folder)).into_iter().flatten());
    let paths =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "md"));
    let found: Vec<_> = paths
        .map(|path| (path.strip_prefix(root()).unwrap().to_path_buf(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(found.iter().any(|(path, _)| path.ends_with("ARCHITECTURE.md")), "documents are found");
    found
}

#[test]
fn the_rules_notice_what_breaks_them() {
    assert_eq!(lost_paths("see `objects/write/put.rs` and `objects/put.rs`, `put.rs`"), ["objects/put.rs"]);
    assert_eq!(lost_paths("`s3/ops/`, `s3/oops/`, `deploy/haulout.toml`, `/v1/`"), ["s3/oops/", "deploy/haulout.toml"]);
    assert!(documents().iter().any(|(path, _)| path.ends_with("CHANGING.md")), "the page of changes is looked at");
    let found = |text: &str| public_functions(&without_comments_and_texts(text));
    assert_eq!(found("pub fn a(&self, b: Vec<(u8, u8)>, c: [u8; 2]) {}"), [("a".to_owned(), 2)], "self does not count");
    assert_eq!(found("pub(crate) async fn a<F: Fn(u8, u8)>(f: F, g: impl Fn(u8, u8)) {}"), [("a".to_owned(), 2)]);
    assert_eq!(found("fn private(a: u8) {}"), []);

    let words = |name: &str| words_of(name).collect::<Vec<_>>();
    assert_eq!(words("bury_dead"), ["bury", "dead"]);
    assert_eq!(words("DoorPlate"), ["door", "plate"]);
    assert_eq!(words("HTTPServer2"), ["httpserver2"]);
    assert!(!without_comments_and_texts("let a = \"holder\"; // whom").contains("holder"));

    let struck = |text: &str| old_phrases_in(&comments_of(text));
    assert_eq!(struck("/// What is made\n    /// again, by the Holder.\nfn f() {}"), ["holder", "made again"]);
    assert_eq!(struck("let told = \"heard\"; // in line, `told` and toldness"), [""; 0], "code may be quoted");
    assert_eq!(struck("// made\nfn f() {}\n// again"), [""; 0], "two comments");
    assert!(prose().iter().any(|(path, _)| path.ends_with("ARCHITECTURE.md")), "documents are read");
}

/// Every comment and every document of the project, with its path; code in backticks left out.
fn prose() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            let is_skipped = name.starts_with('.') || ["target", "node_modules", "corpus"].contains(&&*name);
            let relative = || path.strip_prefix(root()).unwrap().to_path_buf();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if is_skipped => {}
                _ if path.is_dir() => folders.push(path),
                Some("rs") => found.push((relative(), comments_of(&fs::read_to_string(&path).unwrap()))),
                Some("md") => found.push((relative(), without_code(&fs::read_to_string(&path).unwrap()))),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// The comments of a file of Rust. Lines of one comment are joined, so that a phrase may go over their end.
fn comments_of(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let (mut comments, mut at) = (String::new(), 0);
    while at < letters.len() {
        let end = end_of_text(&letters, at).max(at + 1);
        if letters[at..].starts_with(&['/', '/']) {
            comments.extend(&letters[at..end]);
            comments.push('\n');
        } else if !letters[at].is_whitespace() && !comments.ends_with('.') {
            comments.push('.'); // code parts two comments
        }
        at = end;
    }
    without_code(&comments)
}

/// A text without what stands in backticks.
fn without_code(text: &str) -> String {
    text.replace("```", "").split('`').step_by(2).collect::<Vec<_>>().join(" ... ")
}

/// Old words and phrases in a text, as whole words; only space and the marks of a comment may stand within a phrase.
fn old_phrases_in(text: &str) -> Vec<&'static str> {
    let separated =
        text.to_lowercase().replace(|letter: char| !letter.is_alphanumeric() && !"/!\n ".contains(letter), " . ");
    let words = separated.split(|letter: char| letter.is_whitespace() || "/!".contains(letter));
    let padded = format!(" {} ", words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
    let both = OLD_WORDS.iter().chain(OLD_PHRASES).copied();
    both.filter(|phrase| padded.contains(&format!(" {phrase} "))).collect()
}

#[test]
fn a_circle_is_noticed_whatever_way_it_goes() {
    let round = |source: &str, texts: &[(&str, &str)]| {
        let file = |(path, text): &(&str, &str)| SourceFile::new(Path::new(source).join(path), text);
        circles(&imports_of(source, &texts.iter().map(file).collect::<Vec<_>>()))
    };
    let gateway = |texts: &[(&str, &str)]| round("gateway/src", texts);

    let texts = [
        ("a/one.rs", "use crate::a::two::Two;"),
        ("a/two.rs", "use crate::a::{three::Three, four};"),
        ("a/three.rs", "fn f() { crate::a::one::g() }"),
        ("a/mod.rs", "pub use one::One;"),
    ];
    assert_eq!(gateway(&texts), [["a::one", "a::three", "a::two"]]);
    let passed_on = [
        ("a/mod.rs", "pub use one::{One, Two as Three};"),
        ("a/one.rs", "use crate::a::x;"),
        ("a/x.rs", "use crate::a::Three;"),
    ];
    assert_eq!(gateway(&passed_on), [["a::one", "a::x"]]);
    let below =
        [("a/mod.rs", "#[cfg(test)]\nmod tests;\nmod one;\nfn f() { one::g() }"), ("a/one.rs", "use super::f;")];
    assert_eq!(gateway(&below), [["a", "a::one"]]);
    let by_name = [
        ("a/one.rs", "use crate::a::{b::{self, X}, y};\nfn f() { b::g() }"),
        ("a/b/mod.rs", "pub(crate) use c::g;"),
        ("a/b/c.rs", "use crate::a::one::f;"),
    ];
    assert_eq!(gateway(&by_name), [["a::b::c", "a::one"]]);
    let from_root =
        [("lib.rs", "pub use one::One;"), ("one.rs", "use crate::two;"), ("two.rs", "use crate::{One, three};")];
    assert_eq!(round("codec/src", &from_root), [["one", "two"]]);

    let straight = [("a/one.rs", "use crate::a::two::Two; // crate::a::one"), ("a/two.rs", "use crate::b::X;")];
    assert!(gateway(&straight).is_empty());
    let seen = [("a/mod.rs", "use crate::a::one::f;"), ("a/one.rs", "pub(in crate::a) fn f() { some_one::a::g() }")];
    assert!(gateway(&seen).is_empty(), "who may see something is no import");
}

/// One file of Rust.
struct SourceFile {
    /// From the root of the repository.
    path: PathBuf,
    /// Its text with the insides of comments, strings and characters blanked out.
    code: String,
}

impl SourceFile {
    fn new(path: PathBuf, text: &str) -> Self {
        Self { path, code: without_comments_and_texts(text) }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn source_files() -> Vec<SourceFile> {
    ["codec", "backends", "gateway", "tests"].into_iter().flat_map(files_below).collect()
}

fn files_below(folder: &str) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push(SourceFile::new(path.strip_prefix(root()).unwrap().to_path_buf(), &text));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn is_test(path: &Path) -> bool {
    path.starts_with("tests") || path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
}

/// The public functions of a text, with how many parameters each takes besides `self`.
fn public_functions(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let line = code[..start].rsplit(['\n', ';', '}']).next().unwrap_or_default().trim_start();
        if !line.starts_with("pub") {
            continue;
        }
        let rest = &code[start + "fn ".len()..];
        let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        found.push((name.clone(), parameters(&rest[name.len()..])));
    }
    found
}

/// How many parameters stand in the first parentheses after the generics.
fn parameters(rest: &str) -> usize {
    let (mut depth, mut count, mut text, mut angle, mut last) = (0, 0, String::new(), 0, ' ');
    for letter in rest.chars() {
        match letter {
            '<' => angle += 1,
            '>' if last != '-' => angle -= 1,
            '(' | '[' | '{' if depth > 0 || (letter == '(' && angle == 0) => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            _ => {}
        }
        last = letter;
        let ends = depth == 0 && letter == ')' && angle == 0;
        if (depth == 1 && angle == 0 && letter == ',') || ends {
            let own = text.trim_start_matches('(').trim();
            let is_self = own.split(':').next().is_some_and(|name| name.ends_with("self"));
            count += usize::from(!own.is_empty() && !is_self);
            text.clear();
            if ends {
                return count;
            }
        } else if depth > 0 {
            text.push(letter);
        }
    }
    count
}

fn identifiers(code: &str) -> impl Iterator<Item = &str> {
    code.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).filter(|word| !word.is_empty())
}

/// The words of a name: split at `_` and before a capital that follows a small letter.
fn words_of(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for letter in name.chars() {
        if letter == '_' || (small && letter.is_uppercase()) {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().expect("there is always one").extend(letter.to_lowercase());
        }
        small = letter.is_lowercase();
    }
    words.into_iter().filter(|word| !word.is_empty())
}

/// The text with the insides of comments, strings and character literals blanked out; lines stay where they are.
fn without_comments_and_texts(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let end = end_of_text(&letters, at);
        if end == at {
            code.push(letters[at]);
            at += 1;
        } else {
            code.extend(letters[at..end].iter().map(|letter| if *letter == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Where the comment, string or character literal that begins here ends; `at` when none begins.
fn end_of_text(letters: &[char], at: usize) -> usize {
    let rest = &letters[at..];
    let find = |from: usize, end: &[char]| {
        rest[from..]
            .windows(end.len())
            .position(|part| part == end)
            .map_or(letters.len(), |found| at + from + found + end.len())
    };
    let after_name = at > 0 && (letters[at - 1].is_alphanumeric() || letters[at - 1] == '_');
    match rest {
        ['/', '/', ..] => find(2, &['\n']) - 1,
        ['/', '*', ..] => find(2, &['*', '/']),
        ['r' | 'b', ..] if !after_name => {
            let prefix = rest.iter().take_while(|letter| ['r', 'b'].contains(letter)).count();
            let hashes = rest[prefix..].iter().take_while(|letter| **letter == '#').count();
            let raw = rest[..prefix].contains(&'r');
            if prefix > 2 || rest.get(prefix + hashes) != Some(&'"') || (hashes > 0 && !raw) {
                return at;
            }
            let mut end = vec!['"'];
            end.extend(std::iter::repeat_n('#', hashes));
            if raw { find(prefix + hashes + 1, &end) } else { end_of_string(letters, at + prefix) }
        }
        ['"', ..] => end_of_string(letters, at),
        ['\'', '\\', ..] => find(3, &['\'']),
        ['\'', _, '\'', ..] => at + 3,
        _ => at,
    }
}

fn end_of_string(letters: &[char], at: usize) -> usize {
    let mut end = at + 1;
    while end < letters.len() && letters[end] != '"' {
        end += if letters[end] == '\\' { 2 } else { 1 };
    }
    (end + 1).min(letters.len())
}

fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
