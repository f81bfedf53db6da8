//! Documents by their addresses.

use super::Chatbot;
use crate::context::Context;
use crate::engine::NewDocument;
use crate::error::Result;
use crate::types::Document;

impl Chatbot {
    /// Fetches a document from the web and adds it; its source is the address.
    ///
    /// # Errors
    /// As [`add_document`](Self::add_document); `invalid_input` for what is no address or may not be reached,
    /// `bad_response`, `timeout`, and `unsupported` for what is no document.
    pub async fn add_from_address(
        &self,
        ctx: &Context,
        new: NewDocument,
        address: &str,
    ) -> Result<Document> {
        self.engine.add_from_address(ctx, new, address).await
    }
}
