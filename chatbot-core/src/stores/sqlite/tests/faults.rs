//! A disk that fails: at each of its calls in turn, in each way, through the whole life of a store.
//!
//! The life is played once without a fault, and what the store holds is noted after each step. Then it is played again
//! with the first call failing, the second, and so on, until a life sees no failure. After each failure the store must
//! hold what it held before the step or what it holds after it, and nothing in between; what was acknowledged must be
//! what a cut of the power leaves; and at its end the life must have come to the same as without a fault.

pub(super) mod state;
mod steps;

use std::path::Path;
use std::sync::Arc;

use chatbot_fault_disk::{Call, Disk, Fault, Plan};
use tempfile::TempDir;

use self::state::{Facts, facts, is_whole};
use self::steps::{LIFE, Player, Step};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason};
use crate::stores::sqlite::SqliteStore;
use crate::testing::FixedClock;
use crate::traits::{ChangeFeed as _, ConversationStore as _, Store as _};
use crate::types::{ChunkId, SessionPatch};

/// Calls of a life, at most: far more than there are.
const MAX_CALLS: u64 = 5_000;

/// A store on a disk that can fail.
pub(super) struct Rig {
    dir: TempDir,
    disk: Disk,
    clock: Arc<FixedClock>,
}

impl Rig {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::over(dir.path()).unwrap();
        Self { dir, disk, clock: Arc::default() }
    }

    async fn open(&self) -> crate::error::Result<Arc<SqliteStore>> {
        open(self.dir.path(), &self.clock).await
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// The machine as it starts again after its power was cut.
    fn after_power_cut(self, seed: u64) -> Self {
        self.disk.cut_power();
        let dir = tempfile::tempdir().unwrap();
        self.disk.after_power_cut(seed, dir.path()).unwrap();
        let disk = Disk::over(dir.path()).unwrap();
        Self { dir, disk, clock: self.clock }
    }
}

async fn open(dir: &Path, clock: &Arc<FixedClock>) -> crate::error::Result<Arc<SqliteStore>> {
    let clock = Arc::clone(clock) as Arc<dyn crate::traits::Clock>;
    SqliteStore::open(&dir.join("store.db"), clock).await.map(Arc::new)
}

/// What the store holds after each step of a life without faults; the first is what a new one holds.
async fn expected() -> Vec<Facts> {
    let rig = Rig::new();
    let store = rig.open().await.unwrap();
    let mut expected = vec![facts(&store).await.unwrap()];
    let mut player = Player::new(Arc::clone(&store), Arc::clone(&rig.clock));
    for step in LIFE {
        player.go_on();
        player.step(*step, false).await.unwrap();
        expected.push(facts(&store).await.unwrap());
    }
    store.close().await;
    expected
}

/// Every state that a store goes through until its document answers, and no checkpoint: all of it is in the log. Leaves
/// the files as a killed process does.
pub(super) async fn expected_of(rig: &Rig) -> Vec<Facts> {
    // The migrations go into the database, so that only the life is in the log.
    rig.open().await.unwrap().close().await;
    let store = rig.open().await.unwrap();
    let mut expected = vec![facts(&store).await.unwrap()];
    let mut player = Player::new(Arc::clone(&store), Arc::clone(&rig.clock));
    for step in until_it_answers() {
        player.go_on();
        player.step(*step, false).await.unwrap();
        expected.push(facts(&store).await.unwrap());
    }
    rig.disk.cut_power();
    expected
}

pub(super) async fn facts_of(store: &SqliteStore) -> Facts {
    facts(store).await.unwrap()
}

/// A store whose document answers, and its chunks.
pub(super) async fn played(rig: &Rig) -> (Arc<SqliteStore>, Vec<ChunkId>) {
    let store = rig.open().await.unwrap();
    let mut player = Player::new(Arc::clone(&store), Arc::clone(&rig.clock));
    for step in until_it_answers() {
        player.go_on();
        player.step(*step, false).await.unwrap();
    }
    let system = Context::system();
    let live = store.live_versions(&system, None, 1).await.unwrap();
    let chunks = store.chunks_of(&system, live[0].version, 0, 1000).await.unwrap();
    (store, chunks.into_iter().map(|chunk| chunk.id).collect())
}

fn until_it_answers() -> &'static [Step] {
    let n = LIFE.iter().position(|step| *step == Step::Embedded).unwrap();
    &LIFE[..=n]
}

/// A person can act on it, and a program can branch on it.
fn assert_typed(error: &Error, fault: Fault, what: &str) {
    assert_eq!(error.kind(), ErrorKind::Storage, "{what}: {error:?}");
    assert!(error.message().ends_with('.'), "{what}: {error:?}");
    if fault == Fault::Full {
        let said = [None, Some(Reason::DiskFull)];
        assert!(said.contains(&error.reason()), "{what}: {error:?}");
    }
}

/// A life on a disk that fails as planned.
struct Life<'e> {
    plan: Plan,
    /// Decides what a power cut leaves.
    seed: u64,
    expected: &'e [Facts],
    rig: Rig,
    player: Player,
    has_failed: bool,
}

/// Plays a life on a disk that fails as planned. Returns whether it failed.
async fn live(plan: Plan, seed: u64, expected: &[Facts]) -> bool {
    let mut life = Life::begin(plan, seed, expected).await;
    for n in 0..LIFE.len() {
        life.step(n).await;
    }
    life.end().await
}

impl<'e> Life<'e> {
    async fn begin(plan: Plan, seed: u64, expected: &'e [Facts]) -> Self {
        let mut rig = Rig::new();
        rig.disk.fail(plan);
        let first = rig.open().await;
        let has_failed = first.is_err();
        let store = match first {
            Ok(store) => store,
            Err(error) => {
                assert_typed(&error, plan.fault, &format!("{plan:?}, opening"));
                if plan.fault == Fault::PowerCut {
                    rig = rig.after_power_cut(seed);
                }
                rig.disk.heal();
                rig.open().await.unwrap_or_else(|error| panic!("{plan:?}, opened again: {error:?}"))
            }
        };
        let player = Player::new(store, Arc::clone(&rig.clock));
        Self { plan, seed, expected, rig, player, has_failed }
    }

    async fn step(&mut self, n: usize) {
        let step = LIFE[n];
        let what = format!("{:?}, seed {}, step {n} {step:?}", self.plan, self.seed);
        self.player.go_on();
        let mut n_tries = 0;
        while let Err(error) = self.player.step(step, n_tries > 0).await {
            self.has_failed = true;
            n_tries += 1;
            assert!(n_tries < 4, "{what}: it never works again: {error:?}");
            assert_typed(&error, self.plan.fault, &what);
            if self.plan.fault == Fault::PowerCut || n_tries > 1 {
                // The store failed for good, as it must after a failed flush: what counts is on the disk.
                self.restart(&what).await;
            }
            self.rig.disk.heal();
            if step.is_atomic() {
                let found = facts(&self.player.store).await;
                let found = found.unwrap_or_else(|error| panic!("{what}: {error:?}"));
                let both = [&self.expected[n], &self.expected[n + 1]];
                assert!(both.contains(&&found), "{what}: half of it is there: {found:#?}");
            }
        }
    }

    /// Starts again with what a power cut leaves.
    async fn restart(&mut self, what: &str) {
        let rig = std::mem::replace(&mut self.rig, Rig::new());
        self.rig = rig.after_power_cut(self.seed);
        let store = self.rig.open().await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        is_whole(&store).await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        self.player.store = store;
    }

    async fn end(mut self) -> bool {
        let has_failed = self.has_failed || self.rig.disk.n_failed() > 0;
        if self.plan.nth.is_multiple_of(2) {
            self.player.store.close().await;
        }
        let what = format!("{:?}, seed {}, at the end", self.plan, self.seed);
        self.restart(&what).await;
        let found = facts(&self.player.store).await.unwrap();
        assert_eq!(Some(&found), self.expected.last(), "{what}: something else came out");
        has_failed
    }
}

/// Lives, each with a later call failing, until one sees no failure; `step` calls lie between two that fail. Says how many
/// calls there are.
async fn lives(calls: &'static [Call], fault: Fault, lasting: bool, step: usize) -> u64 {
    let expected = expected().await;
    for (n_lives, nth) in (1..MAX_CALLS).step_by(step).enumerate() {
        let plan = Plan { calls, nth, fault, lasting };
        if !live(plan, nth % 7, &expected).await {
            println!("{calls:?}: {n_lives} lives with a failure, of {} calls", nth - 1);
            return nth - 1;
        }
    }
    panic!("a life does not end");
}

/// A test of some calls, which takes seconds, and one of all of them, which takes minutes.
macro_rules! lives {
    ($($some:ident, $all:ident: $calls:expr, $fault:expr, $lasting:expr, $step:expr;)+) => {$(
        #[tokio::test]
        async fn $some() {
            assert!(lives($calls, $fault, $lasting, $step).await > 0);
        }

        #[tokio::test]
        #[ignore = "every single call fails once: minutes"]
        async fn $all() {
            assert!(lives($calls, $fault, $lasting, 1).await > 50);
        }
    )+};
}

lives! {
    a_write_that_fails_takes_nothing_with_it, no_write_that_fails_takes_anything_with_it:
        &[Call::Write], Fault::Io, false, 23;
    a_disk_that_is_full_for_a_moment_takes_nothing_with_it, no_moment_of_a_full_disk_takes_anything_with_it:
        &[Call::Write], Fault::Full, false, 23;
    a_disk_that_stays_full_is_survived_once_there_is_room, a_disk_that_is_full_from_any_call_on_is_survived:
        &[Call::Write, Call::Truncate], Fault::Full, true, 23;
    a_flush_that_fails_is_never_acknowledged, no_flush_that_fails_is_acknowledged:
        &[Call::Sync], Fault::Io, false, 3;
    a_power_cut_leaves_all_that_was_acknowledged, a_power_cut_at_any_call_leaves_all_that_was_acknowledged:
        Call::ALL, Fault::PowerCut, true, 19;
}

#[tokio::test]
async fn a_disk_that_lies_about_its_flushes_is_found_out() {
    let rig = Rig::new();
    rig.disk.ignore_syncs();
    let (store, _) = played(&rig).await;
    let acknowledged = facts(&store).await.unwrap();
    let rig = rig.after_power_cut(0);
    let store = rig.open().await.unwrap();
    assert_ne!(facts(&store).await.unwrap(), acknowledged, "this harness notices nothing");
}

#[tokio::test]
async fn after_a_failed_flush_nothing_more_is_acknowledged_until_the_next_start() {
    let rig = Rig::new();
    let (ctx, store) = (Context::local(), rig.open().await.unwrap());
    let new = || store.create_session(&ctx, SessionPatch::default(), None);
    rig.disk.fail(Plan { calls: &[Call::Sync], nth: 1, fault: Fault::Io, lasting: false });
    new().await.unwrap_err();
    assert_eq!(rig.disk.n_failed(), 1);
    let error = new().await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Storage,
        "the disk works again, but nobody knows what it kept"
    );
    facts(&store).await.unwrap();
    let rig = rig.after_power_cut(0);
    rig.open().await.unwrap().create_session(&ctx, SessionPatch::default(), None).await.unwrap();
}

#[tokio::test]
async fn after_a_failed_flush_of_the_copied_log_nothing_more_is_acknowledged() {
    let rig = Rig::new();
    let (ctx, store) = (Context::local(), rig.open().await.unwrap());
    // The first flush is the commit's, the second one is that of whoever copies the log.
    rig.disk.fail(Plan { calls: &[Call::Sync], nth: 2, fault: Fault::Io, lasting: false });
    store.writer.note_bytes(1 << 30);
    store.create_session(&ctx, SessionPatch::default(), None).await.unwrap();
    for _ in 0..10_000 {
        if rig.disk.n_failed() > 0 {
            break;
        }
        facts(&store).await.unwrap();
    }
    assert_eq!(rig.disk.n_failed(), 1, "nobody copied the log");
    for _ in 0..10_000 {
        if store.create_session(&ctx, SessionPatch::default(), None).await.is_err() {
            return;
        }
    }
    panic!("writes go on");
}

#[tokio::test]
async fn a_place_that_can_only_be_read_is_said_to_be_so() {
    let rig = Rig::new();
    rig.open().await.unwrap().close().await;
    rig.disk.set_read_only(true);
    let error = match rig.open().await {
        Err(error) => error,
        Ok(store) => store
            .create_session(&Context::local(), SessionPatch::default(), None)
            .await
            .unwrap_err(),
    };
    assert_eq!((error.kind(), error.reason()), (ErrorKind::Storage, Some(Reason::ReadOnly)));
    rig.disk.set_read_only(false);
    let store = rig.open().await.unwrap();
    store.create_session(&Context::local(), SessionPatch::default(), None).await.unwrap();
}
