//! An answer, whoever writes it, and whoever closes it because nothing came for too long.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "acts are grouped, and a test that meets a new one breaks"
)]

use std::sync::Arc;
use std::time::Duration;

use chatbot_fault_disk::Disk;
use stateright::{Checker as _, Model, PathRecorder, Property};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Reason, Result};
use crate::stores::SqliteStore;
use crate::testing::FixedClock;
use crate::traits::{BeginTurn, BegunTurn, ConversationStore as _, FinishTurn, TurnTarget};
use crate::types::{Message, MessageState, Metadata, SessionPatch};

const TTL: Duration = Duration::from_secs(60);
const ENDS: [MessageState; 3] =
    [MessageState::Complete, MessageState::Cancelled, MessageState::Failed];

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    /// A piece of text, or only a sign of life.
    Append(bool),
    Finish(MessageState),
    Expire,
    /// The janitor closes what is overdue.
    Close,
    /// Another process starts, and closes everything.
    Start,
}

/// What the writer believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Writer {
    Holds,
    Lost,
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    writer: Writer,
    message: MessageState,
    /// How it ended first.
    ended: Option<MessageState>,
    is_overdue: bool,
    n_pieces: u8,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    has_fence: bool,
}

impl Rules {
    fn after(self, state: State, act: Act) -> Option<(State, bool)> {
        let mut next = state;
        let is_open = !state.message.is_final();
        let done = match act {
            Act::Expire => {
                (is_open && !state.is_overdue).then_some(())?;
                next.is_overdue = true;
                true
            }
            Act::Close | Act::Start => {
                (is_open && (state.is_overdue || act == Act::Start)).then_some(())?;
                next.end(MessageState::Failed);
                if state.writer == Writer::Holds {
                    next.writer = Writer::Lost;
                }
                true
            }
            Act::Append(_) | Act::Finish(_) if state.writer == Writer::Gone => return None,
            Act::Append(_) | Act::Finish(_) if state.writer == Writer::Lost && self.has_fence => {
                next.writer = Writer::Gone;
                false
            }
            Act::Append(says) => {
                (state.n_pieces < 2).then_some(())?;
                next.is_overdue = false;
                if says {
                    (next.message, next.n_pieces) = (MessageState::Streaming, state.n_pieces + 1);
                }
                true
            }
            Act::Finish(end) => {
                next.end(end);
                next.writer = Writer::Gone;
                true
            }
        };
        (next != state).then_some((next, done))
    }
}

impl State {
    fn end(&mut self, end: MessageState) {
        (self.message, self.is_overdue) = (end, false);
        self.ended.get_or_insert(end);
    }
}

impl Model for Rules {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        let (writer, message) = (Writer::Holds, MessageState::Pending);
        vec![State { writer, message, ended: None, is_overdue: false, n_pieces: 0 }]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Act>) {
        actions.extend([
            Act::Append(true),
            Act::Append(false),
            Act::Expire,
            Act::Close,
            Act::Start,
        ]);
        actions.extend(ENDS.map(Act::Finish));
    }

    fn next_state(&self, state: &State, act: Act) -> Option<State> {
        self.after(*state, act).map(|(next, _)| next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what ended stays as it ended", |_, state: &State| {
                state.ended.is_none_or(|ended| ended == state.message)
            }),
            Property::sometimes(
                "an answer is closed while its writer sleeps",
                |_, state: &State| state.writer == Writer::Lost,
            ),
            Property::sometimes("an answer is complete", |_, state: &State| {
                state.ended == Some(MessageState::Complete)
            }),
        ]
    }
}

#[test]
fn without_the_fence_an_answer_ends_twice() {
    let checked = Rules { has_fence: false }.checker().spawn_bfs().join();
    assert!(checked.discovery("what ended stays as it ended").is_some());
}

#[tokio::test]
async fn the_store_does_what_the_model_says_in_every_state() {
    let rules = Rules { has_fence: true };
    let (recorder, paths) = PathRecorder::new_with_accessor();
    rules.checker().visitor(recorder).spawn_bfs().join().assert_properties();
    let dir = tempfile::tempdir().unwrap();
    let _disk = Disk::over(dir.path()).unwrap();
    let clock = Arc::new(FixedClock::default());
    let moved = Arc::clone(&clock) as Arc<dyn crate::traits::Clock>;
    let store = SqliteStore::open(&dir.path().join("store.db"), moved).await.unwrap();
    let paths = paths();
    println!("{} states", paths.len());
    for path in paths {
        let acts = path.into_actions();
        let turn = store.begin_turn(&Context::local(), question()).await.unwrap();
        let mut state = rules.init_states()[0];
        for act in &acts {
            let (next, done) = rules.after(state, *act).expect("a step of the model");
            let acted = play(&store, &clock, &turn, *act).await;
            assert_eq!(acted.is_ok(), done, "{acts:?}: {act:?}: {acted:?}");
            assert!(acted.map_or_else(|error| is_lost(&error), |()| true), "{acts:?}");
            state = next;
        }
        if state.writer == Writer::Lost {
            for act in
                [Act::Append(true), Act::Append(false)].into_iter().chain(ENDS.map(Act::Finish))
            {
                let error = play(&store, &clock, &turn, act).await.unwrap_err();
                assert!(is_lost(&error), "{acts:?}: {act:?}: {error:?}");
            }
        }
        let found = store.message(&Context::local(), turn.assistant_message.id).await.unwrap();
        assert_eq!(found.state, state.message, "{acts:?}");
        // Nothing of it must be open while the next path is played.
        store.close_abandoned_turns(&Context::system(), true).await.unwrap();
    }
}

async fn play(store: &SqliteStore, clock: &FixedClock, turn: &BegunTurn, act: Act) -> Result<()> {
    let (ctx, lease) = (Context::local(), turn.lease.as_ref().expect("held"));
    match act {
        Act::Append(says) => {
            let text = if says { "word " } else { "" };
            store.append_turn(&ctx, lease, text.to_owned(), TTL).await
        }
        Act::Finish(state) => {
            let message = Message { state, ..turn.assistant_message.clone() };
            store.finish_turn(&ctx, lease, FinishTurn { message, calls: Vec::new() }).await
        }
        Act::Expire => {
            clock.advance(TTL);
            Ok(())
        }
        Act::Close | Act::Start => {
            store.close_abandoned_turns(&Context::system(), act == Act::Start).await.map(drop)
        }
    }
}

fn is_lost(error: &Error) -> bool {
    error.kind() == ErrorKind::Conflict && error.reason() == Some(Reason::LeaseLost)
}

fn question() -> BeginTurn {
    BeginTurn {
        target: TurnTarget::NewSession(SessionPatch::default()),
        content: "How often?".to_owned(),
        metadata: Metadata::new(),
        model: "scripted".to_owned(),
        idempotency: None,
        lease_ttl: TTL,
    }
}
