//! Who is asking, until when, and what they may read.
//!
//! A [`Context`] is the first argument of every operation. A [`ReadSet`] is required by every search and read, and
//! only the engine makes one, from the context's [`Scope`]: a caller can neither forge nor widen it. Security is a
//! different type from a user's metadata filter, so that the two cannot be confused.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::types::{CollectionId, PrincipalId, RequestId};

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A principal, with what was granted to it.
    Principal(PrincipalId),
    /// The engine's own background work.
    System,
}

/// Who is asking, until when, and how to stop it. Cheap to clone; derived for every call.
#[derive(Debug, Clone)]
pub struct Context {
    request_id: RequestId,
    scope: Arc<Scope>,
    deadline: Option<Instant>,
    cancellation: CancellationToken,
}

impl Context {
    /// A context for `principal`, without a deadline.
    #[must_use]
    pub fn new(principal: PrincipalId) -> Self {
        Self::with_scope(Scope::Principal(principal))
    }

    /// A context for the owner of everything where there are no accounts.
    #[must_use]
    pub fn local() -> Self {
        Self::new(PrincipalId::local())
    }

    /// A context for the engine's own background work.
    #[must_use]
    pub(crate) fn system() -> Self {
        Self::with_scope(Scope::System)
    }

    fn with_scope(scope: Scope) -> Self {
        Self {
            request_id: RequestId::new(),
            scope: Arc::new(scope),
            deadline: None,
            cancellation: CancellationToken::new(),
        }
    }

    /// This context with a request id of the host's.
    #[must_use]
    pub fn with_request_id(mut self, id: RequestId) -> Self {
        self.request_id = id;
        self
    }

    /// This context with a deadline `after` now, or the one it has where that is sooner.
    #[must_use]
    pub fn with_timeout(mut self, after: Duration) -> Self {
        let new = Instant::now().checked_add(after);
        self.deadline = match (self.deadline, new) {
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        };
        self
    }

    /// How much of its time is left; `None` where it may take any.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// A context that can be cancelled without cancelling this one, and is cancelled with it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { cancellation: self.cancellation.child_token(), ..self.clone() }
    }

    /// The same asker with a life of its own: neither this context's cancellation nor its deadline reaches it.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { cancellation: CancellationToken::new(), deadline: None, ..self.clone() }
    }

    /// The request's id.
    #[must_use]
    pub fn request_id(&self) -> RequestId {
        self.request_id
    }

    /// Who is asking.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The principal who is asking.
    ///
    /// # Errors
    /// `permission_denied` for the engine's own work: nothing is ever made in the name of nobody.
    pub fn principal(&self) -> Result<&PrincipalId> {
        match &*self.scope {
            Scope::Principal(principal) => Ok(principal),
            Scope::System => {
                Err(Error::new(ErrorKind::PermissionDenied, "This needs someone who asks for it."))
            }
        }
    }

    /// Asks everything done under this context to stop.
    pub fn cancel(&self) {
        self.cancellation.cancel();
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// Fails once the context is cancelled or late: for the checks between the steps of long work.
    ///
    /// # Errors
    /// `cancelled` or `timeout`.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(cancelled());
        }
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(late());
        }
        Ok(())
    }

    /// Runs `future` until it ends, the context is cancelled, or its deadline passes.
    ///
    /// # Errors
    /// `cancelled` or `timeout`, and whatever `future` fails with.
    ///
    /// # Cancellation
    /// `future` is dropped.
    pub async fn run<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        let deadline = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancellation.cancelled() => Err(cancelled()),
            result = future => result,
            () = deadline => Err(late()),
        }
    }

    /// Ends when the context is cancelled.
    pub async fn cancelled(&self) {
        self.cancellation.cancelled().await;
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "The work was stopped.")
}

fn late() -> Error {
    Error::new(ErrorKind::Timeout, "The work took longer than allowed.")
}

/// What may be read: made by the engine from a [`Scope`], required by every search and read.
///
/// There is no public constructor and no way to add to one. The empty set reads nothing.
#[derive(Debug, Clone)]
pub struct ReadSet {
    collections: Arc<HashSet<CollectionId>>,
    epoch: u64,
}

impl ReadSet {
    pub(crate) fn new(collections: HashSet<CollectionId>, epoch: u64) -> Self {
        Self { collections: Arc::new(collections), epoch }
    }

    /// The part of this set that is in `wanted` too.
    #[must_use]
    pub fn narrowed(&self, wanted: &[CollectionId]) -> Self {
        let collections = wanted.iter().copied().filter(|id| self.contains(*id)).collect();
        Self::new(collections, self.epoch)
    }

    /// Whether the collection may be read.
    #[must_use]
    pub fn contains(&self, collection: CollectionId) -> bool {
        self.collections.contains(&collection)
    }

    /// The collections that may be read.
    pub fn collections(&self) -> impl ExactSizeIterator<Item = CollectionId> + '_ {
        self.collections.iter().copied()
    }

    /// Whether nothing may be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.collections.is_empty()
    }

    /// The state of grants that this set was made from: part of every cache key.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrowing_never_widens() {
        let (mine, theirs) = (CollectionId::new(), CollectionId::new());
        let set = ReadSet::new(HashSet::from([mine]), 1);
        assert!(set.narrowed(&[theirs]).is_empty());
        assert_eq!(set.narrowed(&[theirs, mine]).collections().collect::<Vec<_>>(), [mine]);
    }

    #[tokio::test]
    async fn cancelling_reaches_children_but_not_parents_or_the_detached() {
        let parent = Context::local();
        let (child, detached) = (parent.child(), parent.detached());
        child.cancel();
        assert!(!parent.is_cancelled());
        parent.cancel();
        assert!(parent.child().is_cancelled() && !detached.is_cancelled());
        let kind = parent.run(std::future::pending::<Result<()>>()).await.map_err(|e| e.kind());
        assert_eq!(kind, Err(ErrorKind::Cancelled));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_only_moves_closer() {
        let ctx =
            Context::local().with_timeout(Duration::ZERO).with_timeout(Duration::from_secs(9));
        assert_eq!(ctx.check().map_err(|e| e.kind()), Err(ErrorKind::Timeout));
    }
}
