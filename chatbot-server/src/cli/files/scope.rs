//! Which part of a folder is looked at: all of it, or what lies at and below some paths.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Scope {
    /// Everything.
    All,
    /// What lies at these paths, and below them.
    Below(BTreeSet<PathBuf>),
}

impl Default for Scope {
    fn default() -> Self {
        Self::Below(BTreeSet::new())
    }
}

impl Scope {
    pub(in crate::cli) fn is_empty(&self) -> bool {
        matches!(self, Self::Below(paths) if paths.is_empty())
    }

    /// Adds what lies at the path. More than `max` paths become everything: looking everywhere once costs less.
    pub(in crate::cli) fn add(&mut self, path: PathBuf, max: usize) {
        if let Self::Below(paths) = self {
            paths.insert(path);
            if paths.len() > max {
                *self = Self::All;
            }
        }
    }

    /// Whether the path is looked at.
    pub(in crate::cli) fn covers(&self, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::Below(paths) => path.ancestors().any(|above| paths.contains(above)),
        }
    }

    /// Whether the path is looked at, or something below it.
    pub(in crate::cli) fn leads_to(&self, path: &Path) -> bool {
        let Self::Below(paths) = self else { return true };
        let from = (Bound::Included(path), Bound::Unbounded);
        let next = paths.range::<Path, _>(from).next();
        next.is_some_and(|next| next.starts_with(path)) || self.covers(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_knows_what_it_covers_and_what_leads_there() {
        let mut scope = Scope::default();
        assert!(scope.is_empty() && !scope.leads_to(Path::new("/a")));
        scope.add("/a/b".into(), 2);
        assert!(scope.covers(Path::new("/a/b")) && scope.covers(Path::new("/a/b/c/d")));
        assert!(!scope.covers(Path::new("/a")) && !scope.covers(Path::new("/a/bc")));
        for path in ["/", "/a", "/a/b", "/a/b/c"] {
            assert!(scope.leads_to(Path::new(path)), "{path}");
        }
        assert!(!scope.leads_to(Path::new("/a/bc")) && !scope.leads_to(Path::new("/b")));
        scope.add("/x".into(), 2);
        scope.add("/y".into(), 2);
        assert_eq!(scope, Scope::All);
    }
}
