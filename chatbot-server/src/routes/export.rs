//! A conversation to take away.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Json, Response};
use chatbot_core::types::{Message, MessageRole, PageRequest, Session, SessionId};
use chatbot_core::{Chatbot, Context};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Asker;
use crate::error::{ApiResult, ErrorReply};
use crate::wire::{Id, Query, disposition};

/// In which form.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `json` or `markdown`.
    #[param(inline)]
    format: Format,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Markdown,
}

/// A session with the messages of its newest branch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Export {
    session: Session,
    messages: Vec<Message>,
}

/// The newest branch of a conversation, as a file.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/export", tag = "sessions",
    params(("id" = SessionId, Path), ExportQuery),
    responses((status = 200, content((Export = "application/json"), (String = "text/markdown"))),
        (status = 404, body = ErrorReply)))]
pub(crate) async fn export(
    State(app): State<App>,
    Asker(ctx): Asker,
    Id(id): Id<SessionId>,
    Query(query): Query<ExportQuery>,
) -> ApiResult<Response> {
    let session = app.chatbot.session(&ctx, id).await?;
    let messages = branch(&app.chatbot, &ctx, id).await?;
    let named = |extension: &str| {
        let name = format!("{}.{extension}", session.title.replace(['/', '\\'], "-"));
        [(header::CONTENT_DISPOSITION, disposition::attachment(&name))]
    };
    Ok(match query.format {
        Format::Json => (named("json"), Json(Export { session, messages })).into_response(),
        Format::Markdown => {
            let text = markdown(&session, &messages);
            let kind = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
            (named("md"), kind, text).into_response()
        }
    })
}

/// All messages of the newest branch: pages come from the end.
async fn branch(chatbot: &Chatbot, ctx: &Context, id: SessionId) -> ApiResult<Vec<Message>> {
    let mut pages = Vec::new();
    let mut cursor = None;
    loop {
        let request = PageRequest::new(PageRequest::MAX_LIMIT, cursor)?;
        let page = chatbot.messages(ctx, id, None, &request).await?;
        pages.push(page.items);
        match page.next_cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    Ok(pages.into_iter().rev().flatten().collect())
}

fn markdown(session: &Session, messages: &[Message]) -> String {
    let mut text = format!("# {}\n", session.title);
    for message in messages {
        let who = match message.role {
            MessageRole::User => "Question",
            MessageRole::Assistant => "Answer",
        };
        text.push_str(&format!("\n## {who}\n\n{}\n", message.content));
        let cited = |index| message.citations.iter().any(|citation| citation.index == index);
        for source in message.sources.iter().filter(|source| cited(source.index)) {
            let page = source.page_start.map(|page| format!(", page {page}")).unwrap_or_default();
            text.push_str(&format!("\n[{}] {}{page}", source.index, source.title));
        }
        if !message.citations.is_empty() {
            text.push('\n');
        }
    }
    text
}
