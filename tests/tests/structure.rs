//! The mechanical promises about structure, as tests: how many files a folder holds, that imports inside a module do not go
//! round in circles, how many parameters a public function takes, and which words of the old vocabulary stay out.
//!
//! Each message says what to do instead.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const FILES_IN_A_FOLDER_MAX: usize = 20;
const PUBLIC_PARAMETERS_MAX: usize = 6;

/// Circles of imports that are still there, each with its reason. The list may only become shorter.
const ACCEPTED_CIRCLES: &[(&[&str], &str)] = &[
    (
        &[
            "metadata::blobs::compact",
            "metadata::buckets::bucket",
            "metadata::buckets::quotas",
            "metadata::buckets::settings",
            "metadata::commit::apply",
            "metadata::commit::facts",
            "metadata::commit::load",
        ],
        "facts of a commit name rows of quilts and quotas, whose changes apply plans of a commit",
    ),
    (
        &["app::listener::body", "app::listener::connection_progress", "app::listener::monitor"],
        "the monitor looks at connections and bodies, which report to it",
    ),
    (
        &["policy::decision::principal", "policy::document::policy_document", "policy::document::principal_element"],
        "a principal carries documents, and a document names principals",
    ),
    (
        &[
            "s3::authz::acl",
            "s3::authz::authorize",
            "s3::authz::condition_context",
            "s3::authz::owners",
            "s3::documents::listing",
            "s3::headers::sse",
            "s3::headers::versions",
            "s3::pipeline::operation_input",
            "s3::pipeline::request",
        ],
        "the request carries its typed input and its decision, both of which are read from a request",
    ),
    (
        &["domain::identity::iam_identity", "domain::identity::principal_policies", "domain::identity::user"],
        "a key says whose it is: a user, or an identity of one",
    ),
    (
        &["domain::object::etag", "domain::object::upload"],
        "a tag of a completed upload counts parts, and a part has a tag",
    ),
];

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
fn the_rules_notice_what_breaks_them() {
    let files = |texts: &[(&str, &str)]| -> Vec<SourceFile> {
        texts.iter().map(|(path, text)| SourceFile::new(Path::new("gateway/src").join(path), text)).collect()
    };
    let round = files(&[
        ("a/one.rs", "use crate::a::two::Two;"),
        ("a/two.rs", "use crate::a::{three::Three, four};"),
        ("a/three.rs", "fn f() { crate::a::one::g() }"),
        ("a/mod.rs", "pub use one::One;"),
    ]);
    assert_eq!(circles(&imports_of("gateway/src", &round)), [["a::one", "a::three", "a::two"]]);
    let straight = files(&[("a/one.rs", "use crate::a::two::Two; // crate::a::one"), ("a/two.rs", "use crate::b::X;")]);
    assert!(circles(&imports_of("gateway/src", &straight)).is_empty());

    let found = |text: &str| public_functions(&without_comments_and_texts(text));
    assert_eq!(found("pub fn a(&self, b: Vec<(u8, u8)>, c: [u8; 2]) {}"), [("a".to_owned(), 2)], "self does not count");
    assert_eq!(found("pub(crate) async fn a<F: Fn(u8, u8)>(f: F, g: impl Fn(u8, u8)) {}"), [("a".to_owned(), 2)]);
    assert_eq!(found("fn private(a: u8) {}"), []);

    let words = |name: &str| words_of(name).collect::<Vec<_>>();
    assert_eq!(words("bury_dead"), ["bury", "dead"]);
    assert_eq!(words("DoorPlate"), ["door", "plate"]);
    assert_eq!(words("HTTPServer2"), ["httpserver2"]);
    assert!(!without_comments_and_texts("let a = \"holder\"; // whom").contains("holder"));
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

/// Which files of the same top-level module each file names, in `use` lines and in paths. What a `mod.rs` re-exports
/// does not count: it is the door sign of the folder and needs nothing of it.
fn imports_of(source: &str, files: &[SourceFile]) -> BTreeMap<String, BTreeSet<String>> {
    let modules: BTreeMap<String, &SourceFile> =
        files.iter().filter(|file| !is_test(&file.path)).map(|file| (module_of(source, &file.path), file)).collect();
    let mut imports = BTreeMap::new();
    for (module, file) in &modules {
        let code = file.code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let named = crate_paths(code).into_iter().filter_map(|path| deepest_module(&path, &modules));
        let same_room = |other: &String| other != module && other.split("::").next() == module.split("::").next();
        imports.insert(module.clone(), named.filter(same_room).collect());
    }
    imports
}

fn module_of(source: &str, path: &Path) -> String {
    let inside = path.strip_prefix(source).unwrap().with_extension("");
    let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
    let parts = if parts.last() == Some(&"mod") { &parts[..parts.len() - 1] } else { &parts[..] };
    parts.join("::")
}

fn deepest_module(path: &str, modules: &BTreeMap<String, &SourceFile>) -> Option<String> {
    let mut path = path;
    loop {
        if modules.contains_key(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// Every path that begins with `crate::`, without it; those of a `use` list each on its own.
fn crate_paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + "crate::".len()..];
        let end = rest
            .find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'))
            .unwrap_or(rest.len());
        let head = rest[..end].trim_end_matches(':');
        match rest[end..].strip_prefix('{') {
            Some(list) => paths.extend(leaves(list).into_iter().map(|leaf| format!("{head}::{leaf}"))),
            None => paths.push(head.to_owned()),
        }
    }
    paths
}

/// The leaves of a `use` list up to the brace that closes it.
fn leaves(list: &str) -> Vec<String> {
    let (mut found, mut heads, mut word) = (Vec::new(), vec![String::new()], String::new());
    for letter in list.chars() {
        match letter {
            '{' => heads.push(format!("{}{}", heads.last().map_or("", String::as_str), std::mem::take(&mut word))),
            ',' | '}' => {
                let name = word.split_whitespace().next().unwrap_or_default().trim_end_matches("::self").to_owned();
                if !name.is_empty() {
                    found.push(format!("{}{name}", heads.last().map_or("", String::as_str)));
                }
                word.clear();
                if letter == '}' {
                    heads.pop();
                }
                if heads.is_empty() {
                    break;
                }
            }
            letter if letter.is_whitespace() && word.is_empty() => {}
            letter => word.push(letter),
        }
    }
    found
}

/// The sets of files that reach each other, each sorted.
fn circles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|file| (file, reachable(file, imports))).collect();
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, reached) in &reach {
        if reached.contains(*file) {
            let circle = reached.iter().filter(|other| reach.get(**other).is_some_and(|back| back.contains(*file)));
            found.insert(circle.map(|other| (*other).clone()).collect());
        }
    }
    found.into_iter().collect()
}

fn reachable<'a>(file: &'a String, imports: &'a BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&String> = imports[file].iter().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(imports.get(file).into_iter().flatten());
        }
    }
    reached
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
