//! The code rules as a test: which module may import which, how large a file may grow, how it must begin.
//! Each message says what to do instead; `gateway/ARCHITECTURE.md` shows the layers.

mod engines;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of `gateway`, lowest layer first. A file imports only from layers strictly below its own, and its own module.
const ROWS: [&[&str]; 8] = [
    &["domain"],
    &["config", "clock", "batching", "ledger", "journal"],
    &["metadata"],
    &["staking", "placement", "policy", "web", "lifecycle", "events"],
    &["objects", "audit", "settlement", "publication", "recover"],
    &["s3", "admin", "console", "workers"],
    &["app"],
    &["main"],
];

/// Pure modules decide and nothing else: they may import only `domain`.
const PURE_MODULES: &[&str] = &["ledger", "journal", "staking", "placement", "policy", "web", "lifecycle", "events"];

/// Folders, the crates that must not be named in them, and why.
const FORBIDDEN_CRATES: &[(&str, &[&str], &str)] = &[
    (
        "codec/src",
        &["tokio", "sqlx", "axum", "hyper", "object_store", "std::fs", "std::net"],
        "codec is pure: bytes in, bytes out",
    ),
    ("backends/src", &["sqlx", "axum"], "a backend knows nothing of SQL or S3"),
    ("gateway/src/domain", &["tokio", "sqlx", "axum", "hyper", "backends"], "domain holds words only"),
    ("gateway/src/placement", &["tokio", "sqlx", "axum", "hyper"], "a rule book is pure: facts in, a plan out"),
    ("gateway/src/events", &["tokio", "sqlx", "axum", "hyper"], "a rule book is pure: facts in, documents out"),
    ("gateway/src/journal", &["tokio", "sqlx", "axum", "hyper"], "a format is pure: rows in, bytes out"),
    (
        "gateway/src/ledger",
        &["tokio", "sqlx", "axum", "hyper", "std::fs"],
        "a rule book is pure: facts in, outcomes and files out",
    ),
    ("gateway/src/lifecycle", &["tokio", "sqlx", "axum", "hyper"], "a rule book is pure: facts in, actions out"),
    ("gateway/src/policy", &["tokio", "sqlx", "axum", "hyper"], "a rule book is pure: facts in, a decision out"),
    ("gateway/src/staking", &["tokio", "sqlx", "axum", "hyper"], "a rule book is pure: facts in, numbers out"),
    ("gateway/src/settlement", &["sqlx", "axum"], "a use case asks metadata for rows and knows no HTTP framework"),
    ("gateway/src/web", &["tokio", "sqlx", "axum", "hyper"], "a rule book is pure: facts in, a decision out"),
    ("gateway/src/objects", &["sqlx", "axum"], "a use case asks metadata for rows and knows no HTTP framework"),
    ("gateway/src/s3", &["sqlx"], "all SQL lives in gateway/src/metadata: add a function there"),
];

const PRODUCTION_LINES_MAX: usize = 500;
const NAMES_THAT_SAY_NOTHING: [&str; 7] = ["utils", "util", "helpers", "helper", "common", "misc", "manager"];

#[test]
fn imports_point_down() {
    let mut complaints = Vec::new();
    for file in rust_files("gateway/src") {
        complaints.extend(arrows_that_do_not_point_down(&file.relative_path, &file.text));
    }
    assert_none(complaints);
}

#[test]
fn modules_do_not_use_forbidden_crates() {
    let mut complaints = Vec::new();
    for (folder, crate_names, reason) in FORBIDDEN_CRATES.iter().copied() {
        for file in rust_files(folder) {
            for (number, line) in production_lines(&file.relative_path, &file.text) {
                for crate_name in crate_names.iter().filter(|crate_name| names_path(line, crate_name)) {
                    complaints.push(format!("{}:{number}: names {crate_name}, but {reason}.", file.relative_path));
                }
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn files_are_small() {
    let mut complaints = Vec::new();
    for file in all_rust_files() {
        let lines = production_lines(&file.relative_path, &file.text).len();
        if lines > PRODUCTION_LINES_MAX {
            complaints.push(format!(
                "{}: {lines} production lines, at most {PRODUCTION_LINES_MAX}. Split it: one noun or one verb a file.",
                file.relative_path
            ));
        }
    }
    assert_none(complaints);
}

#[test]
fn files_say_what_they_are_for() {
    let mut complaints = Vec::new();
    for file in all_rust_files().iter().filter(|file| !file.text.starts_with("//!")) {
        complaints.push(format!("{}: begin with a `//!` line that says what the file is for.", file.relative_path));
    }
    assert_none(complaints);
}

#[test]
fn names_say_something() {
    let mut complaints = Vec::new();
    for file in all_rust_files() {
        if let Some(name) = empty_name_in(&file.relative_path) {
            complaints.push(format!(
                "{}: `{name}` says nothing. Name it after the noun or verb it holds.",
                file.relative_path
            ));
        }
    }
    assert_none(complaints);
}

#[test]
fn production_code_does_not_panic() {
    let mut complaints = Vec::new();
    for file in all_rust_files().iter().filter(|file| !file.relative_path.starts_with("tests/")) {
        for (number, line) in production_lines(&file.relative_path, &file.text) {
            if let Some(word) = word_that_panics(line) {
                complaints.push(format!(
                    "{}:{number}: `{word}` outside tests. Return an error, or `expect(\"why it cannot fail\")`.",
                    file.relative_path
                ));
            }
        }
    }
    assert_none(complaints);
}

#[test]
fn no_test_is_ignored() {
    let attribute = ["#[ig", "nore"].concat(); // in two halves, or this file would complain about itself
    let mut complaints = Vec::new();
    for file in all_rust_files().iter().filter(|file| file.text.contains(&attribute)) {
        complaints.push(format!("{}: an ignored test proves nothing. Make it run or remove it.", file.relative_path));
    }
    assert_none(complaints);
}

#[test]
fn every_scenario_is_run() {
    let mut complaints = Vec::new();
    for file in rust_files("tests/tests") {
        let path = root().join(&file.relative_path);
        let (folder, name) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
        let top = folder.ends_with("tests/tests");
        let (module, list) = match name {
            "mod" => {
                let is_outermost = folder.parent().unwrap().ends_with("tests/tests");
                let list = if is_outermost { "scenarios.rs" } else { "mod.rs" };
                (folder.file_name().unwrap().to_str().unwrap(), folder.with_file_name(list))
            }
            _ if top => continue, // a binary of its own
            _ => (name, folder.join("mod.rs")),
        };
        let listed = fs::read_to_string(&list).unwrap_or_default();
        if !listed.lines().any(|line| line == format!("mod {module};")) {
            complaints.push(format!(
                "{}: nothing runs it. Add `mod {module};` to {}.",
                file.relative_path,
                list.display()
            ));
        }
    }
    assert_none(complaints);
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| -> BTreeSet<String> {
        fs::read_dir(root().join("migrations").join(database))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect()
    };
    let mut complaints = Vec::new();
    for name in names("postgres").symmetric_difference(&names("sqlite")) {
        complaints
            .push(format!("migrations: {name} is there for one database only. Add it for the other, same number."));
    }
    assert_none(complaints);
}

#[test]
fn sql_uses_nothing_more_that_an_engine_lacks() {
    assert_none(engines::complaints());
}

#[test]
fn the_rules_notice_what_breaks_them() {
    let complaints = |relative_path: &str, text: &str| arrows_that_do_not_point_down(relative_path, text).len();
    assert_eq!(complaints("gateway/src/domain/key.rs", "use crate::metadata::Row;"), 1, "up");
    assert_eq!(complaints("gateway/src/objects/put.rs", "use crate::audit::Verdict;"), 1, "sideways");
    assert_eq!(complaints("gateway/src/objects/put.rs", "    crate::s3::error::S3Error::new()"), 1, "without `use`");
    assert_eq!(complaints("gateway/src/metadata/mod.rs", "use super::objects::Objects;"), 1, "out through `super`");
    assert_eq!(
        complaints("gateway/src/metadata/rows/pool.rs", "use super::super::super::s3::error;"),
        1,
        "from deeper"
    );
    assert_eq!(complaints("gateway/src/placement/choose.rs", "use crate::metadata::Row;"), 1, "a rule book looks up");
    assert_eq!(complaints("gateway/src/s3/ops/get.rs", "use crate::{clock::Clock, admin::Socket};"), 1, "in braces");
    assert_eq!(complaints("gateway/src/s3/ops/get.rs", "use crate::{clock::Clock, objects::{A, B}, s3::Code};"), 0);
    assert_eq!(complaints("gateway/src/s3/ops/get.rs", "// crate::app is above us"), 0, "comments may talk");
    assert_eq!(complaints("gateway/src/metadata/rows/pool.rs", "use super::super::dialect;"), 0, "its own room");
    assert_eq!(complaints("gateway/src/main.rs", "use gateway::app::run;"), 0, "the binary calls the root");

    assert_eq!(empty_name_in("gateway/src/s3/utils/xml.rs"), Some("utils"));
    assert_eq!(empty_name_in("gateway/src/objects/lease_manager.rs"), Some("lease_manager"));
    assert_eq!(empty_name_in("gateway/src/objects/compaction.rs"), None);

    assert!(names_path("use tokio::fs;", "tokio") && names_path("    tokio::spawn(x)", "tokio"));
    assert!(!names_path("use crate::tokio_like::A;", "tokio") && !names_path("// tokio::spawn", "tokio"));
    assert!(word_that_panics("let x = y.unwrap();").is_some());
    assert!(word_that_panics("let x = y.unwrap_or_default(); // not .unwrap()").is_none());
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c.unwrap() }\n}\n";
    assert_eq!(production_lines("gateway/src/clock.rs", text), [(1, "fn a() {}")], "tests below the code do not count");
    let text = "impl A {\n    #[cfg(test)]\n    fn b() {\n        c()\n    }\n}\n#[cfg(test)]\nmod tests;\nfn d() {}";
    assert_eq!(production_lines("gateway/src/clock.rs", text).len(), 3, "nor does one item among others");
}

struct RustFile {
    /// Path from the root of the repository.
    relative_path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn all_rust_files() -> Vec<RustFile> {
    ["codec", "backends", "gateway", "tests"].iter().flat_map(|folder| rust_files(folder)).collect()
}

fn rust_files(folder: &str) -> Vec<RustFile> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let relative_path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                files.push(RustFile { text: fs::read_to_string(&path).unwrap(), relative_path });
            }
        }
    }
    files.sort_by(|a, b| a.relative_path.cmp(&b.relative_path));
    files
}

/// The numbered lines that are not tests: nothing of a test file, and no item under `#[cfg(test)]`.
fn production_lines<'a>(relative_path: &str, text: &'a str) -> Vec<(usize, &'a str)> {
    let suite = ["tests.rs", "conformance.rs"].iter().any(|name| relative_path.ends_with(name));
    if suite || relative_path.split('/').skip(1).any(|folder| folder == "tests") {
        return Vec::new();
    }
    let mut production = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            production.push((index + 1, line));
            continue;
        }
        // The item ends with a semicolon on its first line, or with a brace that stands below the attribute.
        let indent = &line[..line.len() - line.trim_start().len()];
        let first_ends_it = lines.next().is_none_or(|(_, first)| first.ends_with(';') || first.ends_with('}'));
        if !first_ends_it {
            lines.by_ref().find(|(_, line)| line.strip_prefix(indent) == Some("}"));
        }
    }
    production
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn row_of(module: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&module))
}

/// Complaints about every mention of a module that the file's own module may not import.
fn arrows_that_do_not_point_down(relative_path: &str, text: &str) -> Vec<String> {
    let inside = relative_path.trim_start_matches("gateway/src/");
    let home = inside.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    let Some(home_row) = row_of(home) else { return Vec::new() };
    let mut complaints = Vec::new();
    for (number, line) in production_lines(relative_path, text) {
        for module in modules_named_in(without_comment(line), inside) {
            let Some(row) = row_of(&module) else { continue };
            let points_down = if PURE_MODULES.contains(&home) { module == "domain" } else { row < home_row };
            if module != home && !points_down {
                complaints.push(format!(
                    "{relative_path}:{number}: {home} imports {module}, which is not below it. Move the word to domain, take the \
                     fact as an argument, or let it travel as a row in metadata."
                ));
            }
        }
    }
    complaints
}

/// The modules a line names: `crate::module`, `gateway::module` (in the binary), `crate::{a, b}`, and `super::` that climbs out.
fn modules_named_in(line: &str, inside: &str) -> Vec<String> {
    let folders = inside.matches('/').count();
    let depth = if inside.ends_with("mod.rs") { folders } else { folders + 1 };
    let out_of_the_room = "super::".repeat(depth);
    let mut modules = Vec::new();
    for root in ["crate::", "gateway::", &out_of_the_room] {
        for (start, _) in line.match_indices(root).filter(|(start, _)| starts_a_path(line, *start)) {
            let rest = &line[start + root.len()..];
            match rest.strip_prefix('{') {
                Some(list) => modules.extend(heads_of(list)),
                None => modules.extend(heads_of(rest).into_iter().take(1)),
            }
        }
    }
    modules
}

/// The first word of each item of a `use` list, up to the brace that closes it.
fn heads_of(list: &str) -> Vec<String> {
    let (mut heads, mut head, mut depth, mut in_head) = (Vec::new(), String::new(), 0, true);
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(std::mem::take(&mut head));
                in_head = true;
            }
            letter if in_head && (letter.is_alphanumeric() || letter == '_') => head.push(letter),
            ' ' => {}
            _ => in_head = false,
        }
    }
    heads.push(head);
    heads
}

fn starts_a_path(line: &str, start: usize) -> bool {
    !line[..start].ends_with(|letter: char| letter.is_alphanumeric() || "_:\"".contains(letter))
}

fn names_path(line: &str, path: &str) -> bool {
    let line = without_comment(line);
    line.match_indices(path)
        .any(|(start, _)| starts_a_path(line, start) && line[start + path.len()..].starts_with("::"))
}

fn empty_name_in(relative_path: &str) -> Option<&str> {
    relative_path
        .trim_end_matches(".rs")
        .split('/')
        .find(|name| name.rsplit('_').next().is_some_and(|last| NAMES_THAT_SAY_NOTHING.contains(&last)))
}

fn word_that_panics(line: &str) -> Option<&'static str> {
    [".unwrap()", "panic!(", "todo!(", "unimplemented!("].into_iter().find(|word| without_comment(line).contains(word))
}

fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
