//! A disk that fails on purpose, below SQLite.
//!
//! [`Disk::over`] puts a folder behind it: what SQLite writes there goes through a file system of this crate's, which
//! fails the call it is told to, and remembers what was written but not flushed. [`Disk::after_power_cut`] writes out
//! what a machine would find after its power was cut: everything flushed, and any part of the rest. Folders that no
//! [`Disk`] is over are not touched, so that tests of one process do not disturb each other.
//!
//! For tests only, and not published. The calls into SQLite are in `shim`, the one place with `unsafe`.

mod files;
mod shim;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::files::Files;

/// What SQLite asks of a disk, as far as it can fail here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Bytes are written.
    Write,
    /// A file is flushed.
    Sync,
    /// A file is cut.
    Truncate,
}

impl Call {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Write, Self::Sync, Self::Truncate];
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An input/output error. Of a write, half is done; of a flush, nothing of what waited for it will ever reach the
    /// disk, although reads go on to show it, which is what Linux does.
    Io,
    /// The disk is full. Half of the write is done.
    Full,
    /// The power is cut: this call and all later ones fail, and change nothing.
    PowerCut,
}

/// Which call fails, and how.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Calls that count.
    pub calls: &'static [Call],
    /// Which of them fails, from 1 on.
    pub nth: u64,
    /// How it fails.
    pub fault: Fault,
    /// Whether all later ones fail too, until [`Disk::heal`].
    pub lasting: bool,
}

/// A folder whose files SQLite writes through this crate, for as long as this value lives.
#[derive(Debug)]
pub struct Disk {
    shared: Arc<Shared>,
}

/// What the file system looks at.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) files: Files,
    plan: Option<Plan>,
    n_counted: u64,
    n_failed: u64,
    n_syncs: u64,
    is_off: bool,
    pub(crate) is_read_only: bool,
    pub(crate) ignores_syncs: bool,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    Failed(Fault),
    /// There is no power any more.
    Off,
}

impl Disk {
    /// Puts `folder`, which exists, behind this disk. What is in it counts as flushed.
    ///
    /// # Errors
    /// Those of reading the folder.
    pub fn over(folder: &Path) -> std::io::Result<Self> {
        let folder = folder.canonicalize()?;
        let state = State { files: Files::in_folder(&folder)?, ..State::default() };
        let shared = Arc::new(Shared { folder, state: Mutex::new(state) });
        shim::watch(&shared);
        Ok(Self { shared })
    }

    /// Has a call fail. Counting begins anew.
    pub fn fail(&self, plan: Plan) {
        let mut state = self.shared.state();
        (state.plan, state.n_counted, state.n_failed) = (Some(plan), 0, 0);
    }

    /// Ends the fault, unless it was a cut of the power.
    pub fn heal(&self) {
        self.shared.state().plan = None;
    }

    /// Calls that failed since the plan was made.
    #[must_use]
    pub fn n_failed(&self) -> u64 {
        self.shared.state().n_failed
    }

    /// Flushes so far.
    #[must_use]
    pub fn n_syncs(&self) -> u64 {
        self.shared.state().n_syncs
    }

    /// Whether files that are opened from now on can only be read.
    pub fn set_read_only(&self, read_only: bool) {
        self.shared.state().is_read_only = read_only;
    }

    /// Says of every flush that it was done, and does none: what a harness must notice.
    pub fn ignore_syncs(&self) {
        self.shared.state().ignores_syncs = true;
    }

    /// Cuts the power now: no later call changes anything.
    pub fn cut_power(&self) {
        self.shared.state().is_off = true;
    }

    /// Writes what is found after the power was cut into another folder. What was not flushed is lost with the seed 0 and
    /// kept with the seed 1; with others some of it is kept, some lost, and some torn between two sectors.
    ///
    /// # Errors
    /// Those of writing into the folder.
    pub fn after_power_cut(&self, seed: u64, into: &Path) -> std::io::Result<()> {
        self.shared.state().files.write_out(seed, into)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        shim::forget(&self.shared);
    }
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a call and says what becomes of it.
    pub(crate) fn judge(&mut self, call: Call) -> Verdict {
        if self.is_off {
            return Verdict::Off;
        }
        self.n_syncs += u64::from(call == Call::Sync);
        let Some(plan) = self.plan.filter(|plan| plan.calls.contains(&call)) else {
            return Verdict::Done;
        };
        self.n_counted += 1;
        let fails = self.n_counted == plan.nth || (plan.lasting && self.n_counted > plan.nth);
        if !fails {
            return Verdict::Done;
        }
        self.n_failed += 1;
        self.is_off = plan.fault == Fault::PowerCut;
        Verdict::Failed(plan.fault)
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }
}
