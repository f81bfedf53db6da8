//! Turns and messages: a tree, written under leases.

use std::sync::Arc;

use super::bench::{Bench, Fresh, TTL, first, key, kind, lost, metadata, principal, turn};
use crate::context::Context;
use crate::error::{ErrorKind, Reason};
use crate::testing::FixedClock;
use crate::traits::{BeginTurn, BegunTurn, FinishTurn, TurnTarget};
use crate::types::{
    CallId, CallPurpose, CallRecord, Feedback, FinishReason, ListSessions, Message, MessageId,
    MessageRole, MessageState, PageRequest, Rating, SessionId, TextSpan, Timings, Usage,
    UsageQuery, Warning,
};

/// Runs the theme.
///
/// # Panics
/// Where the store does not keep its word.
pub async fn turns(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    an_answer_is_stored_as_it_ended(make).await;
    keys_make_questions_happen_once(make).await;
    one_question_at_a_time(make).await;
    edits_and_retries_are_siblings(make).await;
    branches_are_paged_from_their_end(make).await;
    a_zombie_writes_nothing(make).await;
    abandoned_answers_are_closed(make).await;
    feedback_is_kept_and_replaced(make).await;
    what_is_not_there_is_not_found(make).await;
}

async fn an_answer_is_stored_as_it_ended(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let question = "A \0 question: größer € 😀\n";
    let facts = metadata(serde_json::json!({"from": "a test"}));
    let target = TurnTarget::NewSession(crate::types::SessionPatch::default());
    let new = BeginTurn { metadata: facts.clone(), ..turn(target, question) };
    let begun = store.begin_turn(&ada, new).await.unwrap();
    let (asked, answer) = (&begun.user_message, &begun.assistant_message);
    assert_eq!((asked.content.as_str(), &asked.metadata), (question, &facts));
    assert_eq!((asked.role, asked.state), (MessageRole::User, MessageState::Complete));
    assert_eq!((answer.role, answer.state), (MessageRole::Assistant, MessageState::Pending));
    assert_eq!((asked.parent_id, answer.parent_id), (None, Some(asked.id)));
    assert_eq!(answer.model.as_deref(), Some("scripted"));
    assert_eq!(begun.session.message_count, 2);

    let lease = begun.lease.as_ref().unwrap();
    for delta in ["One \0", "", " two"] {
        store.append_turn(&ada, lease, delta.to_owned(), TTL).await.unwrap();
    }
    let partial = store.message(&ada, answer.id).await.unwrap();
    assert_eq!((partial.content.as_str(), partial.state), ("One \0 two", MessageState::Streaming));
    let ended = Message {
        content: "One two.".to_owned(),
        state: MessageState::Complete,
        unsupported: vec![TextSpan { text_start: 0, text_end: 3 }],
        abstained: true,
        usage: Usage { input_tokens: 3, output_tokens: 2, cost_usd: Some(0.5), estimated: true },
        timings: Timings { retrieval_ms: 1.5, first_token_ms: 2.0, total_ms: 3.25 },
        warnings: vec![Warning::new("slow", "It took long.")],
        finish_reason: Some(FinishReason::Length),
        ..answer.clone()
    };
    let open = Message { state: MessageState::Streaming, ..ended.clone() };
    let refused =
        store.finish_turn(&ada, lease, FinishTurn { message: open, calls: Vec::new() }).await;
    assert_eq!(kind(refused), ErrorKind::InvalidInput);
    assert_eq!(bench.end(&ada, &begun, ended.clone()).await, ended);
    let odd = Timings { total_ms: f64::NAN, ..ended.timings };
    let next = reply(&bench, &ada, begun.session.id, None, "next").await;
    let odd =
        Message { timings: odd, state: MessageState::Failed, ..next.assistant_message.clone() };
    assert_eq!(bench.end(&ada, &next, odd).await.timings.total_ms, 0.0);
}

async fn keys_make_questions_happen_once(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let keyed = |body| BeginTurn {
        idempotency: Some(key("turn", body)),
        ..turn(TurnTarget::NewSession(crate::types::SessionPatch::default()), "Once?")
    };
    let (a, b) = tokio::join!(store.begin_turn(&ada, keyed(1)), store.begin_turn(&ada, keyed(1)));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.user_message.id, b.user_message.id);
    assert_eq!(a.assistant_message.id, b.assistant_message.id);
    assert_eq!([&a, &b].iter().filter(|turn| turn.lease.is_some()).count(), 1, "one answers");
    let begun = if a.lease.is_some() { a } else { b };
    bench.answer(&ada, &begun, "Once.").await;
    let later = store.begin_turn(&ada, keyed(1)).await.unwrap();
    assert_eq!((later.assistant_message.content.as_str(), later.lease), ("Once.", None));
    assert_eq!(later.session.message_count, 2);
    let other = store.begin_turn(&ada, keyed(2)).await.expect_err("another body");
    assert_eq!(other.reason(), Some(Reason::IdempotencyMismatch));
}

async fn one_question_at_a_time(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let begun = bench.begin(&ada, "One").await;
    let (session, user) = (begun.session.id, begun.user_message.id);
    let answer = Some(begun.assistant_message.id);
    for target in [
        TurnTarget::Reply { session, parent: None },
        TurnTarget::Reply { session, parent: answer },
        TurnTarget::Edit { session, message: user },
        TurnTarget::Regenerate { session, message: begun.assistant_message.id },
    ] {
        let refused = store.begin_turn(&ada, turn(target.clone(), "Two")).await;
        assert_eq!(kind(refused), ErrorKind::Conflict, "{target:?}");
    }
    bench.answer(&ada, &begun, "Answer").await;
    let next = reply(&bench, &ada, session, None, "Two").await;
    assert_eq!(next.user_message.parent_id, answer, "it follows the newest message");
    let parent = Some(user);
    let refused = store.begin_turn(&ada, turn(TurnTarget::Reply { session, parent }, "x")).await;
    assert_eq!(kind(refused), ErrorKind::InvalidInput, "a question follows an answer");
}

async fn edits_and_retries_are_siblings(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let one = bench.begin(&ada, "One").await;
    bench.answer(&ada, &one, "first").await;
    let session = one.session.id;
    let message = one.assistant_message.id;
    let again = turn(TurnTarget::Regenerate { session, message }, "ignored");
    let again = store.begin_turn(&ada, again).await.unwrap();
    assert_eq!(again.user_message.id, one.user_message.id);
    assert_eq!(again.user_message.content, "One");
    bench.answer(&ada, &again, "second").await;
    let message = one.user_message.id;
    let edited = turn(TurnTarget::Edit { session, message }, "One, put differently");
    let edited = store.begin_turn(&ada, edited).await.unwrap();
    bench.answer(&ada, &edited, "third").await;
    assert_eq!(edited.session.message_count, 5);

    let path = async |leaf| {
        let page = store.messages(&ada, session, leaf, &first(9)).await.unwrap();
        let texts: Vec<String> = page.items.iter().map(|found| found.content.clone()).collect();
        (texts.join(" · "), page.items)
    };
    let (text, items) = path(None).await;
    assert_eq!(text, "One, put differently · third", "the newest leaf");
    assert_eq!(items[0].sibling_ids, [one.user_message.id, edited.user_message.id]);
    let (text, items) = path(Some(again.assistant_message.id)).await;
    assert_eq!(text, "One · second");
    assert_eq!(items[1].sibling_ids, [one.assistant_message.id, again.assistant_message.id]);
    assert_eq!(path(Some(one.assistant_message.id)).await.0, "One · first");
    let question = TurnTarget::Edit { session, message: one.assistant_message.id };
    let refused = store.begin_turn(&ada, turn(question, "x")).await;
    assert_eq!(kind(refused), ErrorKind::InvalidInput, "an answer is not edited");
}

async fn branches_are_paged_from_their_end(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let begun = bench.begin(&ada, "0").await;
    bench.answer(&ada, &begun, "1").await;
    let session = begun.session.id;
    for n in 1..4 {
        let next = reply(&bench, &ada, session, None, &(2 * n).to_string()).await;
        bench.answer(&ada, &next, &(2 * n + 1).to_string()).await;
    }
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut page = first(3);
    loop {
        let found = store.messages(&ada, session, None, &page).await.unwrap();
        pages.push(found.items.iter().map(|message| message.content.clone()).collect());
        let Some(cursor) = found.next_cursor else { break };
        page = PageRequest::new(3, Some(cursor)).unwrap();
        // What comes meanwhile does not move the pages.
        if pages.len() == 1 {
            reply(&bench, &ada, session, None, "8").await;
        }
    }
    assert_eq!(pages, [vec!["5", "6", "7"], vec!["2", "3", "4"], vec!["0", "1"]]);
    let empty = store.create_session(&ada, crate::types::SessionPatch::default(), None);
    let empty = empty.await.unwrap().id;
    assert!(store.messages(&ada, empty, None, &first(3)).await.unwrap().items.is_empty());
}

async fn a_zombie_writes_nothing(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let begun = bench.begin(&ada, "One").await;
    let lease = begun.lease.clone().unwrap();
    bench.clock.advance(TTL * 2);
    store.append_turn(&ada, &lease, "late".to_owned(), TTL).await.unwrap();
    bench.answer(&ada, &begun, "done").await;
    assert!(lost(store.append_turn(&ada, &lease, " and more".to_owned(), TTL).await));
    let before = store.session(&ada, begun.session.id).await.unwrap();
    bench.clock.advance(TTL);
    let message = Message {
        state: MessageState::Failed,
        content: "zombie".to_owned(),
        ..begun.assistant_message.clone()
    };
    let call = CallRecord {
        id: CallId::new(),
        session: Some(begun.session.id),
        message: Some(message.id),
        purpose: CallPurpose::Answer,
        model: "scripted".to_owned(),
        usage: Usage::default(),
        error: None,
        at: before.created_at,
    };
    assert!(lost(store.finish_turn(&ada, &lease, FinishTurn { message, calls: vec![call] }).await));
    let stored = store.message(&ada, begun.assistant_message.id).await.unwrap();
    assert_eq!((stored.content.as_str(), stored.state), ("done", MessageState::Complete));
    assert_eq!(store.session(&ada, begun.session.id).await.unwrap(), before);
    assert_eq!(store.usage(&ada, &UsageQuery::default()).await.unwrap().total.n_calls, 0);
    for (words, n_found) in [("zombie", 0), ("done", 1)] {
        let list = ListSessions { q: Some(words.to_owned()) };
        let found = store.sessions(&ada, &list, &first(9)).await.unwrap();
        assert_eq!(found.items.len(), n_found, "{words}");
    }
}

async fn abandoned_answers_are_closed(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, system, store) = (principal("ada"), Context::system(), &bench.store);
    let old = bench.begin(&ada, "Old").await;
    store.append_turn(&ada, old.lease.as_ref().unwrap(), "half".to_owned(), TTL).await.unwrap();
    bench.clock.advance(TTL);
    let young = bench.begin(&ada, "Young").await;
    assert_eq!(store.close_abandoned_turns(&system, false).await.unwrap(), 1);
    let closed = store.message(&ada, old.assistant_message.id).await.unwrap();
    assert_eq!((closed.state, closed.content.as_str()), (MessageState::Failed, "half"));
    let error = closed.error.unwrap();
    assert_eq!((error.code, error.reason), (ErrorKind::Unavailable, Some(Reason::LeaseLost)));
    let late = store.append_turn(&ada, old.lease.as_ref().unwrap(), "x".to_owned(), TTL).await;
    assert!(lost(late));
    assert_eq!(store.close_abandoned_turns(&system, false).await.unwrap(), 0);
    assert_eq!(store.close_abandoned_turns(&system, true).await.unwrap(), 1);
    let closed = store.message(&ada, young.assistant_message.id).await.unwrap();
    assert_eq!(closed.state, MessageState::Failed);
    reply(&bench, &ada, young.session.id, None, "One can go on").await;
}

async fn feedback_is_kept_and_replaced(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, bob, store) = (principal("ada"), principal("bob"), &bench.store);
    let begun = bench.begin(&ada, "One").await;
    let answer = bench.answer(&ada, &begun, "Answer").await.id;
    let up = Feedback { rating: Rating::Up, reason: None, comment: None };
    let down = Feedback {
        rating: Rating::Down,
        reason: Some("wrong".to_owned()),
        comment: Some("No.".to_owned()),
    };
    let rated = store.set_feedback(&ada, answer, up.clone()).await.unwrap();
    assert_eq!(rated.feedback, Some(up.clone()));
    store.set_feedback(&ada, answer, down.clone()).await.unwrap();
    assert_eq!(store.message(&ada, answer).await.unwrap().feedback, Some(down));
    let question = store.set_feedback(&ada, begun.user_message.id, up.clone()).await;
    assert_eq!(kind(question), ErrorKind::InvalidInput);
    assert_eq!(kind(store.set_feedback(&bob, answer, up).await), ErrorKind::NotFound);
}

async fn what_is_not_there_is_not_found(make: &impl AsyncFn(Arc<FixedClock>) -> Fresh) {
    let bench = Bench::new(make).await;
    let (ada, store) = (principal("ada"), &bench.store);
    let begun = bench.begin(&ada, "One").await;
    bench.answer(&ada, &begun, "Answer").await;
    let (session, message) = (begun.session.id, MessageId::new());
    let nowhere = SessionId::new();
    for target in [
        TurnTarget::Reply { session: nowhere, parent: None },
        TurnTarget::Reply { session, parent: Some(message) },
        TurnTarget::Edit { session, message },
        TurnTarget::Regenerate { session, message },
        TurnTarget::Regenerate { session: nowhere, message: begun.user_message.id },
    ] {
        let refused = store.begin_turn(&ada, turn(target.clone(), "x")).await;
        assert_eq!(kind(refused), ErrorKind::NotFound, "{target:?}");
    }
    let below = store.newest_below(&ada, session, message).await;
    assert_eq!(kind(below), ErrorKind::NotFound);
    let leaf = store.messages(&ada, session, Some(message), &first(9)).await;
    assert_eq!(kind(leaf), ErrorKind::NotFound);
    assert_eq!(store.session(&ada, session).await.unwrap().message_count, 2, "nothing was left");
}

async fn reply(
    bench: &Bench,
    ctx: &Context,
    session: SessionId,
    parent: Option<MessageId>,
    content: &str,
) -> BegunTurn {
    let target = TurnTarget::Reply { session, parent };
    bench.store.begin_turn(ctx, turn(target, content)).await.unwrap()
}
