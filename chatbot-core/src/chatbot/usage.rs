//! The facade over what was used.

use super::Chatbot;
use crate::context::Context;
use crate::error::Result;
use crate::types::{UsageQuery, UsageReport};

impl Chatbot {
    /// What the asker used in a time, call by call to each model, summed up. What is set aside for calls that are going on
    /// counts; what was used in sessions that are gone does too.
    ///
    /// # Errors
    /// `invalid_input` where the time ends before it begins; `storage`.
    ///
    /// # Example
    /// ```
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use chatbot_core::types::UsageQuery;
    /// use chatbot_core::{Chatbot, Context};
    ///
    /// let chatbot = Chatbot::builder().build().await?;
    /// let used = chatbot.usage(&Context::local(), &UsageQuery::default()).await?;
    /// assert_eq!((used.total.n_calls, used.total.cost_usd), (0, 0.0));
    /// # chatbot.close().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn usage(&self, ctx: &Context, query: &UsageQuery) -> Result<UsageReport> {
        self.engine.store().usage(ctx, query).await
    }
}
