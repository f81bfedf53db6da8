//! The layers hold: every path in the sources leads downwards, and L2 and L3 never see each other.
//!
//! Reads the sources as text. Comments do not count, and neither do unit tests, which may reach for anything.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

const L0: &[&str] = &["background", "crash", "error", "types", "text", "sse"];
const L1: &[&str] = &["context", "traits"];
/// Pure functions over slices, for whoever has time to save.
const KERNELS: &[&str] = &["kernels"];
const L2: &[&str] = &[
    "blobs",
    "buses",
    "chunkers",
    "embedders",
    "fetchers",
    "guards",
    "history",
    "indexes",
    "layers",
    "models",
    "parsers",
    "rerankers",
    "retrievers",
    "stores",
];
const L3: &[&str] = &["engine"];
const L4: &[&str] = &["builder", "chatbot", "config", "strategies", "testing"];

/// A file with one topic is shorter than this.
const MAX_LINES: usize = 500;

/// What `from` may name beside itself.
fn may_see(from: &str, to: &str) -> bool {
    let below = |layers: &[&[&str]]| layers.iter().any(|layer| layer.contains(&to));
    from == to
        || match from {
            _ if L0.contains(&from) => below(&[L0]),
            _ if L1.contains(&from) => below(&[L0, L1]),
            _ if KERNELS.contains(&from) => false,
            _ if L2.contains(&from) => below(&[L0, L1, KERNELS]),
            _ if L3.contains(&from) => below(&[L0, L1]),
            _ => below(&[L0, L1, KERNELS, L2, L3, L4]),
        }
}

/// A path in a source: the line it stands on and the module at the crate's root that it leads to.
#[derive(Debug, PartialEq)]
struct Edge {
    line: usize,
    to: String,
}

/// The edges of a source in the module `module`. `reexports` says which module a name at the root comes from.
fn edges(source: &str, module: &[String], reexports: &HashMap<String, String>) -> Vec<Edge> {
    let code = code(source);
    let mut edges = Vec::new();
    for (keyword, starts) in [("crate::", true), ("super::", false)] {
        for (at, _) in code.match_indices(keyword) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let depth = module.len().saturating_sub(if starts {
                module.len()
            } else {
                supers(&code[..at])
            });
            let line = code[..at].matches('\n').count() + 1;
            let rest = &code[at + keyword.len()..];
            if rest.starts_with("super::") {
                continue;
            }
            let targets = match module[..depth].first() {
                Some(own) => vec![own.clone()],
                None => heads(rest),
            };
            edges.extend(targets.into_iter().map(|head| {
                let to = reexports.get(&head).cloned().unwrap_or(head);
                Edge { line, to }
            }));
        }
    }
    edges
}

/// How many `super` a path has whose last one begins right after `before`.
fn supers(before: &str) -> usize {
    1 + before.strip_suffix("super::").map_or(0, supers)
}

/// The first names of a path or of a group of paths.
fn heads(rest: &str) -> Vec<String> {
    let name = |path: &str| -> String {
        path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let mut depth = 0;
    let mut heads = vec![name(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty() && head != "self");
    heads
}

/// The source without comments and without its unit tests, line by line as it was.
fn code(source: &str) -> String {
    let lines = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: Vec<&str> = lines.collect();
    let tests = code
        .windows(2)
        .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].trim_end().ends_with('{'));
    code[..tests.unwrap_or(code.len())].join("\n")
}

/// What the crate's root re-exports, with the module that each name comes from.
fn reexports(root: &str) -> HashMap<String, String> {
    let code = code(root);
    let mut map = HashMap::new();
    for (at, _) in code.match_indices("use ") {
        let path = &code[at + 4..];
        let Some((module, rest)) = path.split_once("::") else { continue };
        map.extend(heads(rest).into_iter().map(|name| (name, module.to_owned())));
    }
    map
}

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root(), &mut files);
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn module_of(path: &Path) -> Vec<String> {
    let relative = path.strip_prefix(root()).unwrap().with_extension("");
    let mut module: Vec<String> =
        relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

#[test]
fn every_path_leads_downwards() {
    let sources = sources();
    let lib = fs::read_to_string(root().join("lib.rs")).unwrap();
    let reexports = reexports(&lib);
    let known = [L0, L1, KERNELS, L2, L3, L4].concat();
    let mut offences = Vec::new();
    for (path, source) in &sources {
        let module = module_of(path);
        let Some(from) = module.first() else { continue };
        if !known.contains(&from.as_str()) {
            offences
                .push(format!("{}: say in this test which layer `{from}` is in", path.display()));
        }
        if module.iter().any(|part| part == "tests") {
            continue;
        }
        for edge in edges(source, &module, &reexports) {
            if !may_see(from, &edge.to) {
                let Edge { line, to } = edge;
                offences.push(format!("{}:{line}: `{from}` may not see `{to}`", path.display()));
            }
        }
    }
    assert!(sources.len() > 40, "only {} sources were found", sources.len());
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn every_file_is_one_topic() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(path, source)| (path, source.lines().count()))
        .filter(|(_, n_lines)| *n_lines > MAX_LINES)
        .map(|(path, n_lines)| format!("{}: {n_lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "longer than {MAX_LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn an_offending_edge_is_found_however_it_is_written() {
    let reexports = reexports("pub use context::{Context, Scope};\npub use chatbot::Chatbot;\n");
    let module = ["stores".to_owned(), "sqlite".to_owned(), "jobs".to_owned()];
    let found = |source: &str| {
        edges(source, &module, &reexports)
            .into_iter()
            .map(|edge| (edge.line, edge.to))
            .collect::<Vec<_>>()
    };
    let one = |line: usize, to: &str| vec![(line, to.to_owned())];
    assert_eq!(found("// crate::engine\n\nuse crate::engine::Engine;"), one(3, "engine"));
    assert_eq!(found("let x = crate::indexes::local();"), one(1, "indexes"));
    assert_eq!(found("use super::super::super::models::Model;"), one(1, "models"));
    assert_eq!(found("use super::super::rows::Row;"), one(1, "stores"));
    assert_eq!(found("use crate::Chatbot;"), one(1, "chatbot"));
    let grouped = "use crate::{\n    error::{Error, Result},\n    blobs::Folder,\n};";
    assert_eq!(found(grouped), [(1, "error".to_owned()), (1, "blobs".to_owned())]);
    assert_eq!(found("#[cfg(test)]\nmod tests {\n    use crate::testing::x;\n}"), []);
    assert!(!may_see("stores", "engine") && !may_see("stores", "indexes"));
    assert!(!may_see("engine", "config") && !may_see("traits", "stores"));
    assert!(may_see("engine", "traits") && may_see("builder", "stores"));
}
