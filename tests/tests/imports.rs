//! Which files of a module import which, read from their text, and the circles they go round in. For `structure.rs`.
//!
//! An import is any path that names another file: from the root of the crate, from a file to those below it, through `super`, or
//! through the name of a module that was imported. What a `pub use` passes on is followed to the file it stands in; passing it on is
//! no import: a `mod.rs` is the table of contents of its folder and needs nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::{SourceFile, is_test};

/// How often one `pub use` may pass on what another one passed on.
const HOPS_MAX: usize = 8;

/// The files of a crate by module, and what their `pub use` lines pass on: from the path as it is imported to the path where it is.
struct Modules {
    code: BTreeMap<String, String>,
    passed_on: BTreeMap<String, String>,
}

/// A path, and the name by which the file knows what it leads to.
type Named = (String, String);

/// Which files of the same module each file imports. A module here is a top-level one of the gateway; other crates are one module each.
pub fn imports_of(source: &str, files: &[SourceFile]) -> BTreeMap<String, BTreeSet<String>> {
    let modules = Modules::read(source, files);
    let top_level = |module: &str| {
        if source == "gateway/src" { module.split("::").next().unwrap_or_default().to_owned() } else { String::new() }
    };
    let imports = modules.code.iter().map(|(module, code)| {
        let named = modules.paths(module, code).into_iter().filter_map(|path| modules.resolve(&path));
        (module.clone(), named.filter(|other| other != module && top_level(other) == top_level(module)).collect())
    });
    imports.collect()
}

impl Modules {
    fn read(source: &str, files: &[SourceFile]) -> Self {
        let mut modules = Self { code: BTreeMap::new(), passed_on: BTreeMap::new() };
        let mut public = Vec::new();
        for file in files.iter().filter(|file| !is_test(&file.path)) {
            let module = module_of(source, &file.path);
            let (code, uses) =
                without_public_uses(file.code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
            public.extend(uses.into_iter().map(|named| (module.clone(), named)));
            modules.code.insert(module, without_visibilities(&code));
        }
        for (module, (path, name)) in public {
            let first = path.split("::").next().unwrap_or_default();
            let target = match path.strip_prefix("crate::") {
                Some(path) => path.to_owned(),
                None if modules.code.contains_key(&join(&module, first)) => join(&module, &path),
                None => continue, // of another crate
            };
            modules.passed_on.insert(join(&module, &name), target);
        }
        modules
    }

    /// The paths that a file names, from the root of the crate.
    fn paths(&self, module: &str, code: &str) -> Vec<String> {
        let from_root = paths_after("crate", code);
        let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
        let mut parents: BTreeSet<Named> = BTreeSet::from([(parent.to_owned(), "super".to_owned())]);
        parents.extend(from_root.iter().filter(|(path, _)| self.code.contains_key(path)).cloned());
        let below = |other: &&String| other.rsplit_once("::").map_or("", |(parent, _)| parent) == module;
        parents.extend(self.code.keys().filter(below).map(|other| (other.clone(), last_of(other))));
        let through = parents.iter().flat_map(|(parent, name)| {
            paths_after(name, code).into_iter().map(|(path, _)| join(parent, &path)).collect::<Vec<_>>()
        });
        let through: Vec<_> = through.collect();
        from_root.into_iter().map(|(path, _)| path).chain(through).collect()
    }

    /// The file in which that stands which a path leads to.
    fn resolve(&self, path: &str) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..HOPS_MAX {
            match self.hop(&path) {
                Some(next) => path = next,
                None => break,
            }
        }
        ancestors(&path).find(|module| self.code.contains_key(*module)).map(str::to_owned)
    }

    /// Where a path leads that something passes on.
    fn hop(&self, path: &str) -> Option<String> {
        ancestors(path).find_map(|start| {
            let rest = path[start.len()..].trim_start_matches("::");
            // A module may have the name of something that is passed on; a longer path goes through the module.
            let is_module = !rest.is_empty() && self.code.contains_key(start);
            self.passed_on.get(start).filter(|_| !is_module).map(|target| join(target, rest))
        })
    }
}

/// A path and every shorter one it begins with, the empty one last.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        let parent = path.rsplit_once("::").map_or("", |(parent, _)| parent);
        (!path.is_empty()).then_some(parent)
    })
}

fn join(module: &str, path: &str) -> String {
    if module.is_empty() || path.is_empty() { format!("{module}{path}") } else { format!("{module}::{path}") }
}

fn last_of(path: &str) -> String {
    path.rsplit("::").next().unwrap_or_default().to_owned()
}

fn module_of(source: &str, path: &Path) -> String {
    let inside = path.strip_prefix(source).unwrap().with_extension("");
    let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
    let parts = match parts.as_slice() {
        ["lib"] => &[],
        [folders @ .., "mod"] => folders,
        parts => parts,
    };
    parts.join("::")
}

/// The code without its `pub use` lines, and what they pass on.
fn without_public_uses(code: &str) -> (String, Vec<Named>) {
    let (mut rest, mut uses) = (String::new(), Vec::new());
    let mut from = 0;
    for (start, word) in code.match_indices("use ") {
        let line = code[..start].rsplit('\n').next().unwrap_or_default().trim();
        let is_public = line == "pub" || (line.starts_with("pub(") && line.ends_with(')'));
        if start < from || !is_public {
            continue;
        }
        let end = code[start..].find(';').map_or(code.len(), |length| start + length);
        uses.extend(leaves(&format!("{}}}", &code[start + word.len()..end])));
        rest.push_str(&code[from..start]);
        from = end;
    }
    rest.push_str(&code[from..]);
    (rest, uses)
}

/// The code without the modules of `pub(in crate::a)`, which say who may see something and import nothing.
fn without_visibilities(code: &str) -> String {
    let mut parts = code.split("(in crate::");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.split_once(')').map_or("", |(_, after)| after));
    }
    rest
}

/// Every path that goes on after this name, without it; those of a `use` list each on its own.
fn paths_after(name: &str, code: &str) -> Vec<Named> {
    let mut paths = Vec::new();
    let head = format!("{name}::");
    for (start, _) in code.match_indices(&head) {
        if code[..start].ends_with(|letter: char| is_of_path(letter)) {
            continue;
        }
        let rest = &code[start + head.len()..];
        let end = rest.find(|letter: char| !is_of_path(letter)).unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches(':');
        match rest[end..].strip_prefix('{') {
            Some(list) => paths.extend(leaves(list).into_iter().map(|(leaf, name)| (join(path, &leaf), name))),
            None => {
                let alias = rest[end..].strip_prefix(" as ").and_then(|rest| rest.split(';').next());
                paths.push((path.to_owned(), alias.map_or_else(|| last_of(path), str::to_owned)));
            }
        }
    }
    paths.into_iter().map(|(path, name)| named(&path, name)).collect()
}

fn is_of_path(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == ':'
}

/// `a::self` is `a`.
fn named(path: &str, name: String) -> Named {
    match path.strip_suffix("self").filter(|head| head.is_empty() || head.ends_with("::")) {
        Some(head) => {
            let path = head.trim_end_matches("::").to_owned();
            let name = if name == "self" { last_of(&path) } else { name };
            (path, name)
        }
        None => (path.to_owned(), name),
    }
}

/// The leaves of a `use` list up to the brace that closes it.
fn leaves(list: &str) -> Vec<Named> {
    let (mut found, mut heads, mut word) = (Vec::new(), vec![String::new()], String::new());
    for letter in list.chars() {
        match letter {
            '{' => heads.push(format!("{}{}", heads.last().map_or("", String::as_str), std::mem::take(&mut word))),
            ',' | '}' => {
                let mut words = word.split_whitespace();
                if let Some(path) = words.next() {
                    let name = words.last().map_or_else(|| last_of(path), str::to_owned);
                    found.push(named(&format!("{}{path}", heads.last().map_or("", String::as_str)), name));
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
pub fn circles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
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
