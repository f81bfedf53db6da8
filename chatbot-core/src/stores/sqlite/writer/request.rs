//! One write that waits for its turn: run in a savepoint, answered after the commit.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::super::error::is_failed_flush;
use super::super::sql::sql;
use crate::error::{Error, Result};

/// A write that waits, whatever its result is.
#[async_trait]
pub(super) trait Request: Send {
    /// Runs it in the savepoint that is open, and goes back to its beginning where it fails; keeps the result for later.
    async fn run(&mut self, conn: &mut SqliteConnection) -> Ran;

    /// Gives the result to the caller: its own, unless the commit failed.
    fn answer(self: Box<Self>, commit_failed: Option<Error>);
}

/// How a request went.
pub(super) enum Ran {
    /// It waits for the commit.
    Fine,
    /// It failed and left nothing behind.
    RolledBack,
    /// It failed and took the transaction with it.
    Broken(Error),
}

/// A request whose result is a `T`.
pub(super) struct Typed<T, F, A> {
    operation: Option<F>,
    after: Option<A>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F, A> Typed<T, F, A> {
    /// `operation` is run, `after` sees what was committed, `reply` gets the result.
    pub(super) fn new(operation: F, after: A, reply: oneshot::Sender<Result<T>>) -> Self {
        Self { operation: Some(operation), after: Some(after), outcome: None, reply }
    }
}

#[async_trait]
impl<T, F, A> Request for Typed<T, F, A>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T>> + Send,
    A: FnOnce(&T) + Send,
{
    async fn run(&mut self, conn: &mut SqliteConnection) -> Ran {
        let Some(operation) = self.operation.take() else { return Ran::Fine };
        let outcome = AssertUnwindSafe(operation(&mut *conn)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Err(Error::internal("A write broke off.")));
        let ran = match &outcome {
            Ok(_) => Ran::Fine,
            Err(error) if is_failed_flush(error) => Ran::Broken(repeated(error)),
            Err(error) => match sql("ROLLBACK TO request").run(conn).await {
                Ok(_) => Ran::RolledBack,
                Err(_) => Ran::Broken(repeated(error)),
            },
        };
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>, commit_failed: Option<Error>) {
        let Self { after, outcome, reply, .. } = *self;
        let result = match (outcome, commit_failed) {
            (Some(Ok(_)) | None, Some(error)) => Err(error),
            (Some(outcome), _) => outcome,
            (None, None) => Err(Error::internal("A write was answered before it was run.")),
        };
        if let (Ok(value), Some(after)) = (&result, after) {
            after(value);
        }
        reply.send(result).ok();
    }
}

/// The same failure once more, for each request of the round.
pub(super) fn repeated(error: &Error) -> Error {
    let copy = Error::new(error.kind(), error.message().to_owned())
        .with_operation("store.commit")
        .with_context("cause", format!("{error:?}"));
    let copy =
        error.context().iter().fold(copy, |copy, (key, value)| copy.with_context(key, value));
    match error.reason() {
        Some(reason) => copy.with_reason(reason),
        None => copy,
    }
}
