//! What the operating system says about a folder: hints where to look, nothing more.
//!
//! An event only names a path to look at; what is there is found out by looking. So events may come twice, late or in
//! another order. Where some are lost, or too many come, everything is looked at.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use crate::cli::files::{IGNORE_FILE, Scope};

/// Paths that are kept; beyond, looking everywhere costs less than remembering.
const MAX_PATHS: usize = 4096;

/// Watches a folder until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    _watcher: RecommendedWatcher,
}

/// Where something happened since somebody looked.
#[derive(Debug)]
pub(super) struct Hints {
    root: PathBuf,
    scope: Mutex<Scope>,
    woken: Arc<Notify>,
}

impl Watch {
    /// Watches the folder and all that is in it.
    ///
    /// # Errors
    /// Those of the operating system, which may watch only so many folders.
    pub(super) fn start(hints: Arc<Hints>) -> notify::Result<Self> {
        // A link that leads to the folder is none of the links in it.
        let real = hints.root.canonicalize()?;
        let config = Config::default().with_follow_symlinks(false);
        let named = real.clone();
        let note = move |event: notify::Result<Event>| hints.note(event, &named);
        let mut watcher = RecommendedWatcher::new(note, config)?;
        watcher.watch(&real, RecursiveMode::Recursive)?;
        Ok(Self { _watcher: watcher })
    }
}

impl Hints {
    pub(super) fn new(root: &Path, woken: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { root: root.to_owned(), scope: Mutex::default(), woken })
    }

    /// Where to look, from here on with a clean sheet.
    pub(super) fn take(&self) -> Scope {
        std::mem::take(&mut *self.scope.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at everything next time.
    pub(super) fn everything(&self) {
        *self.scope.lock().unwrap_or_else(PoisonError::into_inner) = Scope::All;
        self.woken.notify_one();
    }

    /// Notes an event of the folder, which has this name in it.
    fn note(&self, event: notify::Result<Event>, real: &Path) {
        match event {
            Ok(event) if event.need_rescan() => self.everything(),
            Ok(event) if is_only_read(&event.kind) => {}
            Ok(event) => event.paths.iter().for_each(|path| self.note_path(path, real)),
            Err(_) => self.everything(),
        }
    }

    fn note_path(&self, path: &Path, real: &Path) {
        let name = path.file_name().unwrap_or_default();
        let is_a_rule = name == ".gitignore" || name == IGNORE_FILE;
        match path.strip_prefix(real) {
            Ok(below) if !is_a_rule => {
                let mut scope = self.scope.lock().unwrap_or_else(PoisonError::into_inner);
                scope.add(self.root.join(below), MAX_PATHS);
                self.woken.notify_one();
            }
            _ => self.everything(),
        }
    }
}

/// Whether a file was only read: this program does that itself.
const fn is_only_read(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, Flag};

    use super::*;

    const REAL: &str = "/real/folder";

    fn hints() -> Arc<Hints> {
        Hints::new(Path::new("/folder"), Arc::default())
    }

    fn created(path: &str) -> Event {
        Event::new(EventKind::Create(CreateKind::Any)).add_path(path.into())
    }

    fn note(hints: &Hints, event: notify::Result<Event>) {
        hints.note(event, Path::new(REAL));
    }

    fn below(path: &str) -> Scope {
        Scope::Below([path.into()].into())
    }

    #[test]
    fn events_say_where_to_look() {
        let hints = hints();
        note(&hints, Ok(created("/real/folder/a.txt")));
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Read));
        note(&hints, Ok(Event::new(opened).add_path("/real/folder/b.txt".into())));
        assert_eq!(hints.take(), below("/folder/a.txt"));
        assert!(hints.take().is_empty());
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        note(&hints, Ok(Event::new(written).add_path("/real/folder/b.txt".into())));
        assert_eq!(hints.take(), below("/folder/b.txt"));
    }

    #[test]
    fn everything_is_looked_at_where_events_do_not_say_enough() {
        let hints = hints();
        let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        let many = |hints: &Hints| {
            (0..=MAX_PATHS).for_each(|n| note(hints, Ok(created(&format!("/real/folder/{n}")))));
        };
        let cases: [&dyn Fn(&Hints); 5] = [
            &|hints| note(hints, Ok(lost.clone())),
            &|hints| note(hints, Err(notify::Error::generic("broken"))),
            &|hints| note(hints, Ok(created("/real/folder/x/.chatbotignore"))),
            &|hints| note(hints, Ok(created("/other/name/of/folder/a.txt"))),
            &many,
        ];
        for (n, case) in cases.iter().enumerate() {
            note(&hints, Ok(created("/real/folder/a.txt")));
            case(&hints);
            assert_eq!(hints.take(), Scope::All, "case {n}");
        }
    }
}
