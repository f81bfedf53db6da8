//! What a host sees of the embedding, and how it has a say in it.

use super::Chatbot;
use crate::context::Context;
use crate::error::Result;
use crate::types::EmbeddingProgress;

impl Chatbot {
    /// How far the embedding of everything has come, and how long the rest will take.
    ///
    /// # Errors
    /// `storage`.
    pub async fn embedding_progress(&self) -> Result<EmbeddingProgress> {
        self.engine.embedding_progress().await
    }

    /// Embeds no further batch until it is resumed. Documents go on answering by their words.
    pub fn pause_embedding(&self) {
        self.engine.pause_embedding(true);
    }

    /// Goes on with the embedding.
    pub fn resume_embedding(&self) {
        self.engine.pause_embedding(false);
    }

    /// Waits until searches use every vector that is stored now; at once where no embedder is configured. A document is
    /// watched until its vectors are stored: whoever counts on finding it by meaning waits for this after that.
    ///
    /// # Errors
    /// `storage`; `cancelled`, `timeout`.
    pub async fn vectors_applied(&self, ctx: &Context) -> Result<()> {
        self.engine.vectors_applied(ctx).await
    }

    /// Waits until searches see everything that is stored now: for a moment after documents came, for longer where an index
    /// is built anew, as after a restored backup. Meanwhile answers come from what is there.
    ///
    /// # Errors
    /// `storage`; `cancelled`, `timeout`.
    pub async fn changes_applied(&self, ctx: &Context) -> Result<()> {
        self.engine.changes_applied(ctx).await
    }
}
