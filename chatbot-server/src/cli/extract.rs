//! `extract`: the text of a file, read as it would be when taken in, and not kept.

use chatbot_core::types::RawDocument;
use chatbot_core::{Chatbot, Context, Error, Result};
use serde_json::json;

use super::Outcome;
use super::args::Extract;
use super::output::Output;
use crate::config::Config;
use crate::wire::form;

pub(super) async fn extract(extract: Extract, config: Config, output: &Output) -> Result<Outcome> {
    let max_bytes = config.engine.limits.max_upload_bytes;
    let describe = |error: std::io::Error| {
        let cause = Error::from(error);
        let message = format!("{} cannot be read. {}", extract.file.display(), cause.message());
        Error::new(cause.kind(), message).with_source(cause)
    };
    let size = tokio::fs::metadata(&extract.file).await.map_err(describe)?.len();
    if size > max_bytes {
        return Err(form::too_large(max_bytes).into_error());
    }
    let bytes = tokio::fs::read(&extract.file).await.map_err(describe)?;
    let name = extract.file.display().to_string();
    let raw = RawDocument { name, declared: None, bytes: bytes.into() };
    let mut engine = config.engine;
    engine.data_dir = None;
    let chatbot = Chatbot::open(engine).await?;
    let extracted = chatbot.extract(&Context::local(), raw).await;
    chatbot.close().await?;
    let extracted = extracted?;
    output.line(&extracted.document.text);
    let document = extracted.document;
    let pages: Vec<_> = document
        .pages
        .iter()
        .map(|page| json!({"number": page.number, "start": page.span.start, "end": page.span.end}))
        .collect();
    for part in &document.parts {
        output.note(&format!("Inside it: {}", part.name));
    }
    let parts: Vec<_> = document
        .parts
        .iter()
        .map(|part| json!({"name": part.name, "size_bytes": part.bytes.len()}))
        .collect();
    output.document(&json!({
        "media_type": document.media_type,
        "title": document.title,
        "language": extracted.language,
        "pages": pages,
        "text": document.text,
        "metadata": document.metadata,
        "warnings": document.warnings,
        "parts": parts,
    }));
    Ok(Outcome::Done)
}
