//! Ties the sentences of an answer to the bytes that support them, while the answer arrives.
//!
//! Text goes in as the model says it. Text comes out without markers that name no source, and with every other marker
//! as `[n]`; a citation comes out as soon as its sentence is complete. What a citation quotes is looked up in the
//! source, never taken from the model: a quote is always a slice of the document.
//!
//! Plain functions on text: no model, no store, nothing that waits.

mod markers;
mod quotes;
mod statements;

use std::ops::Range;
use std::sync::Arc;

use self::markers::{MarkerScanner, Piece};
use self::quotes::Quotable;
use self::statements::{has_words, last_statement, n_words, trim_statement};
use crate::text::sentences;
use crate::types::{Citation, Source, TextSpan};

/// A statement of fewer words before its marker is an opening such as `According to [1],`: what follows is cited too.
const MIN_STATEMENT_WORDS: usize = 3;

/// What goes out of an aligner: text, then the citations that it completes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Aligned {
    /// What the answer grows by.
    pub(crate) text: String,
    /// Sentences that were tied to a source; their text went out, now or before.
    pub(crate) citations: Vec<Citation>,
}

/// Aligns one answer.
#[derive(Debug)]
pub(crate) struct Aligner {
    scanner: MarkerScanner,
    sources: Vec<Quotable>,
    content: String,
    /// Bytes of the content that went out.
    said: usize,
    /// Where text begins that no marker was seen after.
    open_from: usize,
    pending: Option<Pending>,
    /// What the last marker cited: one just behind it cites the same.
    last: Option<Range<usize>>,
    cited: Vec<Range<usize>>,
    citations: Vec<Citation>,
    /// Citations that went out.
    n_cited: usize,
}

/// A marker whose sentence is not complete.
#[derive(Debug)]
struct Pending {
    indices: Vec<u32>,
    /// The statement before the marker; empty where there is none.
    before: Range<usize>,
    /// One past the marker.
    end: usize,
}

impl Aligner {
    /// An aligner for an answer that may cite these sources.
    pub(crate) fn new(sources: &[Source]) -> Self {
        let mut aligner = Self {
            scanner: MarkerScanner::new(0),
            sources: Vec::new(),
            content: String::new(),
            said: 0,
            open_from: 0,
            pending: None,
            last: None,
            cited: Vec::new(),
            citations: Vec::new(),
            n_cited: 0,
        };
        aligner.learn(sources);
        aligner
    }

    /// Lets what comes from here on cite these sources too, whose numbers go on from the last.
    pub(crate) fn learn(&mut self, sources: &[Source]) {
        let sources: Arc<[Source]> = sources.into();
        let quotable = |index| Quotable::new(Arc::clone(&sources), index);
        self.sources.extend((0..sources.len()).map(quotable));
        self.scanner.know(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
    }

    /// What `delta` lets go out.
    pub(crate) fn push(&mut self, delta: &str) -> Aligned {
        let pieces = self.scanner.push(delta);
        self.take(pieces);
        self.send()
    }

    /// What waited, now that the answer is over, and its sentences without a citation: none where there was nothing
    /// to cite.
    pub(crate) fn finish(mut self) -> (Aligned, Vec<TextSpan>) {
        let pieces = self.scanner.finish();
        self.take(pieces);
        self.settle(Settled::BySentence);
        let uncited = match self.sources.is_empty() {
            true => Vec::new(),
            false => statements::uncited(&self.content, &self.cited),
        };
        let unsupported = uncited.iter().map(|range| text_span(&self.content, range)).collect();
        (self.send(), unsupported)
    }

    /// What was added since the last time.
    fn send(&mut self) -> Aligned {
        let text = self.content.get(self.said..).unwrap_or_default().to_owned();
        let citations = self.citations.get(self.n_cited..).unwrap_or_default().to_vec();
        self.said = self.content.len();
        self.n_cited = self.citations.len();
        Aligned { text, citations }
    }

    fn take(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.text(&text),
                Piece::Marker(indices) => self.marker(indices),
            }
        }
    }

    /// Adds text character by character, so that the way in which it was cut changes nothing.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            self.content.push(c);
            if self.pending.as_ref().is_some_and(|pending| self.is_over(pending, c)) {
                self.settle(Settled::BySentence);
            }
        }
    }

    /// Whether the sentence of a marker is complete, now that `c` was added.
    fn is_over(&self, pending: &Pending, c: char) -> bool {
        let tail = self.content.get(pending.end..).unwrap_or_default();
        if c == '\n' {
            return true;
        }
        match (has_words(tail), is_terminal(c)) {
            (false, is_terminal) => is_terminal,
            (true, true) => !c.is_ascii(),
            (true, false) => c.is_whitespace() && ends_sentence(tail),
        }
    }

    fn marker(&mut self, indices: Vec<u32>) {
        let at = self.content.len();
        if self.pending.as_ref().is_some_and(|pending| self.has_words_from(pending.end)) {
            self.settle(Settled::ByMarker);
        }
        for index in &indices {
            self.content.push_str(&format!("[{index}]"));
        }
        let end = self.content.len();
        if let Some(pending) = &mut self.pending {
            pending.indices.extend(indices);
            pending.end = end;
        } else {
            let before = self.statement_before(&indices, at);
            let is_complete = self.is_complete(&indices, &before);
            self.pending = Some(Pending { indices, before, end });
            if is_complete {
                self.settle(Settled::BySentence);
            }
        }
        self.open_from = end;
    }

    /// Whether the statement before a marker ends there: by its sign, or because it is a whole sentence of a source.
    fn is_complete(&self, indices: &[u32], before: &Range<usize>) -> bool {
        let text = self.content.get(before.clone()).unwrap_or_default();
        let is_sentence =
            |index: &u32| self.source(*index).is_some_and(|source| source.has_sentence(text));
        text.ends_with(is_terminal) || (has_words(text) && indices.iter().any(is_sentence))
    }

    fn has_words_from(&self, start: usize) -> bool {
        self.content.get(start..).is_some_and(has_words)
    }

    /// What a marker at `at` cites of the text before it: a stretch that stands word for word in the source, or the
    /// last sentence; the same as the marker before it where nothing is said between the two.
    fn statement_before(&self, indices: &[u32], at: usize) -> Range<usize> {
        let open = trim_statement(&self.content, self.open_from..at);
        let text = self.content.get(open.clone()).unwrap_or_default();
        if !has_words(text) {
            return self.last.clone().unwrap_or(at..at);
        }
        let is_verbatim =
            |index: &u32| self.source(*index).is_some_and(|source| source.holds(text));
        if indices.iter().any(is_verbatim) { open } else { last_statement(&self.content, open) }
    }

    fn source(&self, index: u32) -> Option<&Quotable> {
        self.sources.get(usize::try_from(index).ok()?.checked_sub(1)?)
    }

    /// Makes the citations of the marker whose statement is complete.
    fn settle(&mut self, by: Settled) {
        let Some(pending) = self.pending.take() else { return };
        let statement = self.statement_of(&pending, by);
        if !self.content.get(statement.clone()).is_some_and(has_words) {
            return;
        }
        self.open_from = self.open_from.max(statement.end);
        for index in &pending.indices {
            self.cite(*index, &statement);
        }
        self.cited.push(statement.clone());
        self.last = Some(statement);
    }

    fn statement_of(&self, pending: &Pending, by: Settled) -> Range<usize> {
        let words_before = self.content.get(pending.before.clone()).map_or(0, n_words);
        let goes_on = self.has_words_from(pending.end);
        let is_opening = words_before < MIN_STATEMENT_WORDS;
        let extends = goes_on && (is_opening || by == Settled::BySentence);
        let start = if words_before == 0 { pending.end } else { pending.before.start };
        if extends {
            trim_statement(&self.content, start..self.content.len())
        } else {
            pending.before.clone()
        }
    }

    fn cite(&mut self, index: u32, statement: &Range<usize>) {
        let text = self.content.get(statement.clone()).unwrap_or_default();
        let quoted = self.source(index).and_then(|source| source.quote(text));
        let Some(quoted) = quoted else { return };
        let TextSpan { text_start, text_end } = text_span(&self.content, statement);
        let citation = Citation {
            index,
            text_start,
            text_end,
            quote: quoted.text,
            document_id: quoted.document_id,
            document_version: quoted.document_version,
            page: quoted.page,
            byte_start: quoted.span.start,
            byte_end: quoted.span.end,
            verified: quoted.verified,
        };
        if !self.citations.contains(&citation) {
            self.citations.push(citation);
        }
    }
}

/// What completed a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    BySentence,
    ByMarker,
}

const fn is_terminal(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '．' | '؟' | '।')
}

/// Whether a new sentence would begin after `tail`, which ends with white space.
fn ends_sentence(tail: &str) -> bool {
    tail.trim_end().ends_with(|c: char| is_terminal(c) || !c.is_alphanumeric())
        && sentences(&format!("{tail}A")).len() > 1
}

/// Code-point offsets of a byte range.
fn text_span(content: &str, range: &Range<usize>) -> TextSpan {
    let text_start = content.get(..range.start).map_or(0, |text| text.chars().count());
    let length = content.get(range.clone()).map_or(0, |text| text.chars().count());
    TextSpan { text_start, text_end: text_start + length }
}

#[cfg(test)]
mod tests;
