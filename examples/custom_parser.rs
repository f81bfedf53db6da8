//! Reads a format of your own: here subtitles, of which only the spoken lines are text.
//!
//! A parser says which media types it reads and where the blocks of the text are; what it returns is stored as it is,
//! and citations point into it.
//!
//! Prints: `forty days`

use std::future::ready;

use chatbot_core::traits::{ParseLimits, Parser, once};
use chatbot_core::types::{
    Block, BlockKind, MediaType, Metadata, ParsedDocument, RawDocument, Span,
};
use chatbot_core::{Chatbot, Context, Error, NewDocument, Reason, Result};
use futures_util::StreamExt as _;

const SUBTITLES: &str = "1
00:00:01,000 --> 00:00:04,000
The crossing to the island took forty days.

2
00:00:05,000 --> 00:00:08,000
Nobody had expected so much wind in spring.
";

#[derive(Debug)]
struct Subtitles {
    media_types: [MediaType; 1],
}

impl Parser for Subtitles {
    fn media_types(&self) -> &[MediaType] {
        &self.media_types
    }

    fn parse(
        &self,
        ctx: &Context,
        media_type: &MediaType,
        raw: &RawDocument,
        limits: &ParseLimits,
    ) -> Result<ParsedDocument> {
        ctx.check()?;
        let text = String::from_utf8_lossy(&raw.bytes);
        let mut parsed = ParsedDocument {
            media_type: media_type.clone(),
            title: None,
            text: String::new(),
            blocks: Vec::new(),
            pages: Vec::new(),
            metadata: Metadata::default(),
            warnings: Vec::new(),
            parts: Vec::new(),
        };
        for line in text.lines().map(str::trim).filter(|line| is_spoken(line)) {
            let start = parsed.text.len();
            parsed.text.push_str(line);
            let span = Span::new(start, parsed.text.len());
            parsed.blocks.push(Block { kind: BlockKind::Paragraph, span });
            parsed.text.push('\n');
            if parsed.text.len() > limits.max_text_bytes {
                return Err(Error::parse(Reason::LimitExceeded, "The subtitles are too long."));
            }
        }
        Ok(parsed)
    }
}

fn is_spoken(line: &str) -> bool {
    !line.is_empty() && !line.contains("-->") && line.parse::<u32>().is_err()
}

#[tokio::main]
async fn main() -> Result<()> {
    let parser = Subtitles { media_types: [MediaType::from_static("application/x-subrip")] };
    let chatbot = Chatbot::builder().parser(parser).build().await?;
    let ctx = Context::local();
    let new = NewDocument { source: "crossing.srt".to_owned(), ..Default::default() };
    let document = chatbot.add_document(&ctx, new, once(SUBTITLES)).await?;
    chatbot.watch_document(&ctx, document.id).await?.for_each(|_| ready(())).await;

    let answer = chatbot.ask("How long did the crossing to the island take?").await?;
    println!("{}", answer.content);
    chatbot.close().await
}
