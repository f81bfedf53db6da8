//! Builds the text of a document block by block, so that every format separates its parts in the same way.

use crate::error::Result;
use crate::types::{
    Block, BlockKind, MediaType, Metadata, PageSpan, ParsedDocument, Span, Warning,
};

use super::watch::Watch;

/// A document in the making.
#[derive(Debug)]
pub(super) struct Assembly<'a> {
    watch: &'a Watch<'a>,
    text: String,
    blocks: Vec<Block>,
    pages: Vec<PageSpan>,
    page: Option<(u32, Option<usize>)>,
    hidden: bool,
    apart: bool,
}

/// What a document says about itself.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) title: Option<String>,
    pub(super) metadata: Metadata,
    pub(super) warnings: Vec<Warning>,
}

impl Facts {
    /// Notes a fact where the document states one.
    pub(super) fn note(&mut self, key: &str, value: &str) {
        let value = one_line(value);
        if !value.is_empty() {
            self.metadata.insert(key.to_owned(), value.into());
        }
    }

    /// Takes `title` where there is none yet.
    pub(super) fn offer_title(&mut self, title: &str) {
        let title = one_line(title);
        if self.title.is_none() && !title.is_empty() {
            self.title = Some(title);
        }
    }
}

impl<'a> Assembly<'a> {
    pub(super) fn new(watch: &'a Watch<'a>) -> Self {
        Self {
            watch,
            text: String::new(),
            blocks: Vec::new(),
            pages: Vec::new(),
            page: None,
            hidden: false,
            apart: false,
        }
    }

    pub(super) fn watch(&self) -> &'a Watch<'a> {
        self.watch
    }

    /// Adds a block; nothing where `content` has no visible text.
    pub(super) fn block(&mut self, kind: BlockKind, content: &str) -> Result<()> {
        let (clean, hidden) = clean(content);
        self.hidden |= hidden;
        let content = if kind == BlockKind::Code {
            clean.trim_matches('\n').trim_end()
        } else {
            clean.trim()
        };
        if content.trim().is_empty() {
            return Ok(());
        }
        self.separate(kind);
        let start = self.text.len();
        self.watch.text_len(start.saturating_add(content.len()))?;
        self.text.push_str(content);
        self.blocks.push(Block { kind, span: Span::new(start, self.text.len()) });
        if let Some((_, page_start @ None)) = &mut self.page {
            *page_start = Some(start);
        }
        self.watch.tick()
    }

    fn separate(&mut self, next: BlockKind) {
        let Some(last) = self.blocks.last() else { return };
        let same_list = matches!(
            (last.kind, next),
            (BlockKind::ListItem, BlockKind::ListItem)
                | (BlockKind::TableRow { .. }, BlockKind::TableRow { header: false })
                | (BlockKind::TableRow { header: true }, BlockKind::TableRow { header: true })
        );
        let apart = std::mem::take(&mut self.apart);
        self.text.push_str(if same_list && !apart { "\n" } else { "\n\n" });
    }

    /// Has what follows stand apart from what is there, even where it would go on with it.
    pub(super) fn apart(&mut self) {
        self.apart = true;
    }

    /// Ends the page before and begins page `number`.
    pub(super) fn begin_page(&mut self, number: u32) {
        self.end_page();
        self.page = Some((number, None));
    }

    fn end_page(&mut self) {
        if let Some((number, start)) = self.page.take() {
            let end = self.text.len();
            self.pages.push(PageSpan { number, span: Span::new(start.unwrap_or(end), end) });
        }
    }

    /// What the last block is.
    pub(super) fn last_kind(&self) -> Option<BlockKind> {
        self.blocks.last().map(|block| block.kind)
    }

    /// The first heading so far.
    pub(super) fn first_heading(&self) -> Option<&str> {
        let heading = self.blocks.iter().find(|b| matches!(b.kind, BlockKind::Heading { .. }))?;
        heading.span.slice(&self.text)
    }

    /// The document, called by its first heading where it does not say itself what it is called.
    pub(super) fn finish_titled(self, media_type: &MediaType, mut facts: Facts) -> ParsedDocument {
        if let Some(heading) = self.first_heading() {
            facts.offer_title(heading);
        }
        self.finish(media_type.clone(), facts)
    }

    /// The document.
    pub(super) fn finish(mut self, media_type: MediaType, mut facts: Facts) -> ParsedDocument {
        self.end_page();
        if self.hidden {
            facts.warnings.push(Warning::new(
                "hidden_characters",
                "Characters that nobody can see were left out.",
            ));
        }
        ParsedDocument {
            media_type,
            title: facts.title,
            text: self.text,
            blocks: self.blocks,
            pages: self.pages,
            metadata: facts.metadata,
            warnings: facts.warnings,
            parts: Vec::new(),
        }
    }
}

/// `text` without control characters, soft hyphens and invisible tags; also whether any tags were among them.
pub(super) fn clean(text: &str) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let (mut hidden, mut flag) = (false, false);
    for c in text.chars() {
        match c {
            '\u{E0000}'..='\u{E007F}' if !flag => hidden = true,
            '\u{1F3F4}' | '\u{E0000}'..='\u{E007F}' => {
                flag = c != '\u{E007F}';
                out.push(c);
            }
            '\u{AD}' | '\u{FEFF}' => {}
            c if is_noise(c) => {}
            c => {
                flag = false;
                out.push(c);
            }
        }
    }
    (out, hidden)
}

/// Control characters that mean nothing in a text.
pub(super) fn is_noise(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
}

/// `text` on one line, with single spaces.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    clean(&words.join(" ")).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::traits::ParseLimits;

    #[test]
    fn lists_and_tables_stay_together_and_pages_are_found() {
        let (ctx, limits) = (Context::local(), ParseLimits::default());
        let watch = Watch::new(&ctx, &limits);
        let mut assembly = Assembly::new(&watch);
        assembly.begin_page(1);
        assembly.block(BlockKind::Paragraph, " a ").unwrap();
        assembly.block(BlockKind::ListItem, "- b").unwrap();
        assembly.block(BlockKind::ListItem, "- c").unwrap();
        assembly.begin_page(2);
        assembly.begin_page(3);
        assembly.block(BlockKind::Paragraph, "d").unwrap();
        let document = assembly.finish(MediaType::TEXT, Facts::default());
        assert_eq!(document.text, "a\n\n- b\n- c\n\nd");
        let pages: Vec<_> = document.pages.iter().map(|p| p.span.slice(&document.text)).collect();
        assert_eq!(pages, [Some("a\n\n- b\n- c"), Some(""), Some("d")]);
    }

    #[test]
    fn tags_are_dropped_but_not_from_flags() {
        assert_eq!(clean("a\u{E0041}\u{0}b"), ("ab".to_owned(), true));
        let flag = "\u{1F3F4}\u{E0067}\u{E0062}\u{E007F}";
        assert_eq!(clean(flag), (flag.to_owned(), false));
    }
}
