//! Collects the documents inside a document: how many, how large, under which names, and what was left out.
//!
//! A name is data and becomes no path on any disk; still, one that leads upwards is refused, so that nobody who shows
//! or exports documents by their names is led astray.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;

use crate::error::Result;
use crate::types::{MediaType, Part, Warning};

use super::assemble::one_line;
use super::watch::{Watch, exceeded};

/// Characters of a name that are kept: paths longer than this are cut at their beginning.
const MAX_NAME_CHARS: usize = 512;
/// Names in a warning, and characters of each.
const MAX_NAMES_SHOWN: usize = 5;
const MAX_SHOWN_CHARS: usize = 80;

/// Why a file inside a document becomes no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeftOut {
    /// A password protects it.
    Encrypted,
    /// It cannot be unpacked.
    Damaged,
    /// It is a link to another file.
    Link,
    /// Its name leads out of the document around it.
    Outside,
    /// Nobody reads its format.
    Unread,
    /// It lies too deep, or there are too many.
    BeyondLimits,
}

impl LeftOut {
    const fn because(self) -> &'static str {
        match self {
            Self::Encrypted => "a password protects it",
            Self::Damaged => "it is damaged",
            Self::Link => "it is a link",
            Self::Outside => "its name leads outside",
            Self::Unread => "its format cannot be read",
            Self::BeyondLimits => "it lies too deep or is one of too many",
        }
    }
}

/// Says what was left out, with the names of the first.
#[derive(Debug, Default)]
pub(super) struct Omissions(BTreeMap<LeftOut, (usize, Vec<String>)>);

impl Omissions {
    pub(super) fn add(&mut self, name: &str, why: LeftOut) {
        let (n, names) = self.0.entry(why).or_default();
        *n += 1;
        if names.len() < MAX_NAMES_SHOWN {
            names.push(one_line(name).chars().take(MAX_SHOWN_CHARS).collect());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The reason that all have in common, where there is one.
    pub(super) fn only(&self) -> Option<LeftOut> {
        let mut all = self.0.keys();
        all.next().copied().filter(|_| all.next().is_none())
    }

    pub(super) fn warnings(self) -> impl Iterator<Item = Warning> {
        self.0.into_iter().map(|(why, (n, names))| {
            let more = if n > names.len() { ", …" } else { "" };
            let (names, because) = (names.join(", "), why.because());
            let message = if n == 1 {
                format!("A part was left out because {because}: {names}")
            } else {
                format!("{n} parts were left out, each because {because}: {names}{more}")
            };
            Warning::new("parts_left_out", message)
        })
    }
}

/// The documents inside the one that is being read.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    watch: &'a Watch<'a>,
    list: Vec<Part>,
    names: HashSet<String>,
    n_bytes: u64,
    pub(super) omissions: Omissions,
}

impl<'a> Parts<'a> {
    pub(super) fn new(watch: &'a Watch<'a>) -> Self {
        let omissions = Omissions::default();
        Self { watch, list: Vec::new(), names: HashSet::new(), n_bytes: 0, omissions }
    }

    /// Adds a document under a path as [`path_of`] makes it, or under another where that is taken.
    pub(super) fn add(
        &mut self,
        name: &str,
        declared: Option<MediaType>,
        bytes: impl Into<Bytes>,
    ) -> Result<()> {
        self.watch.check()?;
        let (bytes, limits) = (bytes.into(), self.watch.limits());
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.n_bytes = self.n_bytes.saturating_add(size);
        if self.list.len() >= limits.max_parts || self.n_bytes > limits.max_part_bytes {
            return Err(exceeded(
                "The document holds more documents than allowed. Split it, or add those that matter.",
            ));
        }
        let name = self.free_name(name);
        self.list.push(Part { name, declared, bytes });
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Bytes that may still be added.
    pub(super) fn room(&self) -> u64 {
        self.watch.limits().max_part_bytes.saturating_sub(self.n_bytes)
    }

    fn free_name(&mut self, name: &str) -> String {
        let start = name.rfind('/').map_or(0, |at| at + 1);
        let dot = name.rfind('.').filter(|at| *at > start).unwrap_or(name.len());
        let (stem, extension) = name.split_at(dot);
        let others = (2..).map(|n: u32| format!("{stem} ({n}){extension}"));
        let mut wanted = std::iter::once(name.to_owned()).chain(others);
        let free = wanted.find(|name| !self.names.contains(name)).unwrap_or_default();
        self.names.insert(free.clone());
        free
    }

    pub(super) fn finish(self) -> (Vec<Part>, Vec<Warning>) {
        (self.list, self.omissions.warnings().collect())
    }
}

/// `name` as a path inside a document. `None` where it leads outside or is no name at all.
pub(super) fn path_of(name: &str) -> Option<String> {
    let steps: Vec<String> = name.split(['/', '\\']).map(one_line).collect();
    if steps.iter().any(|step| step == "..") {
        return None;
    }
    let is_drive = |step: &str| step.len() == 2 && step.ends_with(':');
    let steps = steps.iter().filter(|step| !matches!(step.as_str(), "" | ".") && !is_drive(step));
    let path = steps.map(String::as_str).collect::<Vec<_>>().join("/");
    let n_extra = path.chars().count().saturating_sub(MAX_NAME_CHARS);
    let path: String = path.chars().skip(n_extra).collect();
    (!path.trim_matches('/').is_empty()).then_some(path)
}

/// `name` as one step of a path; `other` where nothing is left of it.
pub(super) fn file_name(name: &str, other: &str) -> String {
    let flat: String =
        one_line(name).chars().map(|c| if "/\\:".contains(c) { '_' } else { c }).collect();
    let flat = flat.trim_matches(['.', ' ']);
    let n_extra = flat.chars().count().saturating_sub(MAX_NAME_CHARS / 2);
    let short: String = flat.chars().skip(n_extra).collect();
    if short.is_empty() { other.to_owned() } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::error::Reason;
    use crate::traits::ParseLimits;

    #[test]
    fn names_stay_inside_and_differ() {
        assert_eq!(path_of("a/./b\\c.txt").as_deref(), Some("a/b/c.txt"));
        assert_eq!(path_of("/etc/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!(path_of("C:\\x\0y.txt").as_deref(), Some("xy.txt"));
        for outside in ["../a", "a/../../b", "a\\..\\b", "", "/", "."] {
            assert_eq!(path_of(outside), None, "{outside}");
        }
        assert_eq!(file_name("../a/b.txt", "x"), "_a_b.txt");
        assert_eq!(file_name(" .. ", "x"), "x");
        let (ctx, limits) = (Context::local(), ParseLimits::default());
        let watch = Watch::new(&ctx, &limits);
        let mut parts = Parts::new(&watch);
        for _ in 0..3 {
            parts.add("a.b/c.txt", None, Vec::new()).unwrap();
            parts.add("a.b/c", None, Vec::new()).unwrap();
        }
        let names: Vec<_> = parts.finish().0.into_iter().map(|part| part.name).collect();
        assert_eq!(
            names,
            ["a.b/c.txt", "a.b/c", "a.b/c (2).txt", "a.b/c (2)", "a.b/c (3).txt", "a.b/c (3)"]
        );
    }

    #[test]
    fn number_and_size_are_bounded() {
        let ctx = Context::local();
        let limits = ParseLimits { max_parts: 2, max_part_bytes: 10, ..ParseLimits::default() };
        let watch = Watch::new(&ctx, &limits);
        let mut parts = Parts::new(&watch);
        parts.add("a", None, vec![0; 5]).unwrap();
        parts.add("b", None, vec![0; 5]).unwrap();
        let error = parts.add("c", None, Vec::new()).unwrap_err();
        assert_eq!(error.reason(), Some(Reason::LimitExceeded));
        let mut parts = Parts::new(&watch);
        assert!(parts.add("a", None, vec![0; 11]).is_err());
    }

    #[test]
    fn what_is_left_out_is_said_once_for_each_reason() {
        let mut omissions = Omissions::default();
        for i in 0..7 {
            omissions.add(&format!("{i}.png"), LeftOut::Unread);
        }
        assert_eq!(omissions.only(), Some(LeftOut::Unread));
        omissions.add("a.txt", LeftOut::Encrypted);
        assert_eq!(omissions.only(), None);
        let said: Vec<_> = omissions.warnings().map(|warning| warning.message).collect();
        assert_eq!(said[0], "A part was left out because a password protects it: a.txt");
        assert!(said[1].starts_with("7 parts were left out"), "{said:?}");
        assert!(said[1].ends_with("4.png, …"), "{said:?}");
    }
}
