//! How long a question may take to embed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{EmbedKind, EmbedRequest, Embedder, EmbedderInfo, Embeddings};

/// An [`Embedder`] that fails with `timeout` where a question takes too long: somebody waits for it, and words can be
/// searched without. Passages take what they need; nobody waits for them.
#[derive(Debug)]
pub struct QueryTimeout {
    inner: Arc<dyn Embedder>,
    limit: Duration,
}

impl QueryTimeout {
    /// Waits for a question's vector no longer than `limit`.
    #[must_use]
    pub fn new(inner: Arc<dyn Embedder>, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

#[async_trait]
impl Embedder for QueryTimeout {
    fn info(&self) -> &EmbedderInfo {
        self.inner.info()
    }

    async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings> {
        let is_query = request.kind == EmbedKind::Query;
        let embeddings = self.inner.embed(ctx, request);
        if !is_query {
            return embeddings.await;
        }
        timeout(self.limit, embeddings).await.unwrap_or_else(|_| {
            let message = "The question could not be embedded in time. Ask again later.";
            Err(Error::new(ErrorKind::Timeout, message).with_operation("embedder.wait"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ScriptedEmbedder;

    /// Takes ten seconds for everything.
    #[derive(Debug)]
    struct Slow(ScriptedEmbedder);

    #[async_trait]
    impl Embedder for Slow {
        fn info(&self) -> &EmbedderInfo {
            self.0.info()
        }

        async fn embed(&self, ctx: &Context, request: EmbedRequest) -> Result<Embeddings> {
            tokio::time::sleep(Duration::from_secs(10)).await;
            self.0.embed(ctx, request).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_is_waited_for_so_long_and_a_passage_as_long_as_it_takes() {
        let outcome = async |limit, kind| {
            let slow = Slow(ScriptedEmbedder::default());
            let embedder = QueryTimeout::new(Arc::new(slow), Duration::from_secs(limit));
            let request = EmbedRequest { kind, texts: vec!["a".to_owned()] };
            let embedded = embedder.embed(&Context::local(), request).await;
            embedded.map(|embeddings| embeddings.iter().count()).map_err(|error| error.kind())
        };
        assert_eq!(outcome(5, EmbedKind::Query).await, Err(ErrorKind::Timeout));
        assert_eq!(outcome(11, EmbedKind::Query).await, Ok(1));
        assert_eq!(outcome(5, EmbedKind::Document).await, Ok(1));
    }
}
