//! Cuts a document along its structure: headings before blocks before sentences before words.
//!
//! One pass over the blocks fills a chunk until the next piece would not fit. A piece that does not fit a chunk with
//! room in it is cut at the next finer grain; otherwise the chunk ends there. Headings, and the header row of a table,
//! go with what follows them. A chunk that begins inside a table or a definition carries the header row, or the lines
//! that it is indented under, in its heading: so a row is never without its columns, nor code without its function.

use crate::context::Context;
use crate::error::Result;
use crate::text::quarter_tokens;
use crate::traits::Chunker;
use crate::types::{BlockKind, ChunkSpec, ParsedDocument, Span};

use super::cut::{Grain, cut, overlap_start};
use super::outline::Outline;
use super::pages::Pages;

/// Between two looks at the context.
const PIECES_PER_CHECK: usize = 1024;
/// A chunk below this share of its room takes a part of the next block rather than ending before it.
const SPARSE_SHARE: usize = 4;
/// Of one heading in a path; longer ones are paragraphs in disguise.
const MAX_HEADING_BYTES: usize = 200;
/// Between two headings in a path.
const STEP: &str = " › ";

/// How long chunks are, in tokens as [`estimate_tokens`](crate::text::estimate_tokens) counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkerConfig {
    /// Tokens of a chunk at the most.
    pub max_tokens: usize,
    /// Tokens that a chunk repeats of the one before it, at the most: whole sentences where the cut is between
    /// sentences.
    pub overlap_tokens: usize,
}

impl Default for ChunkerConfig {
    /// 256 tokens are what all-MiniLM-L6-v2 reads; an overlap of an eighth keeps a sentence's neighbour.
    fn default() -> Self {
        Self { max_tokens: 256, overlap_tokens: 32 }
    }
}

/// The chunker for documents with headings, paragraphs, lists, tables and code.
#[derive(Debug, Clone, Default)]
pub struct StructureChunker {
    config: ChunkerConfig,
}

impl StructureChunker {
    /// A chunker that cuts as `config` says.
    #[must_use]
    pub fn new(config: ChunkerConfig) -> Self {
        Self { config }
    }
}

impl Chunker for StructureChunker {
    fn chunk(&self, ctx: &Context, document: &ParsedDocument) -> Result<Vec<ChunkSpec>> {
        ctx.check()?;
        let mut packing = Packing::new(ctx, document, self.config);
        let mut end = 0;
        for block in &document.blocks {
            // Text that no block claims is kept all the same.
            packing.add(Span::new(end, block.span.start), BlockKind::Paragraph)?;
            packing.add(block.span, block.kind)?;
            end = end.max(block.span.end);
        }
        packing.add(Span::new(end, document.text.len()), BlockKind::Paragraph)?;
        packing.close(None);
        Ok(packing.chunks)
    }
}

/// A piece of the chunk being filled.
#[derive(Debug, Clone, Copy)]
struct Piece {
    span: Span,
    kind: BlockKind,
    grain: Grain,
    /// Repeated from the chunk before.
    repeated: bool,
    /// What it cannot be understood without, where that is not in its chunk: the header row of its table, or the
    /// outermost and the innermost definition that it is in.
    context: [Option<Span>; 2],
}

impl Piece {
    /// Whether it belongs to what follows.
    fn leads(&self) -> bool {
        matches!(self.kind, BlockKind::Heading { .. } | BlockKind::TableRow { header: true })
    }
}

struct Packing<'a> {
    ctx: &'a Context,
    text: &'a str,
    max: usize,
    overlap: usize,
    pages: Pages,
    headings: Vec<(u8, &'a str)>,
    path: Option<String>,
    /// The header row of the table that is being read.
    header: Option<Span>,
    /// The definitions of the program text that is being read, and those around the last line of it.
    outline: Option<(Outline, [Option<Span>; 2])>,
    pieces: Vec<Piece>,
    weight: usize,
    chunks: Vec<ChunkSpec>,
    n_pieces: usize,
}

impl<'a> Packing<'a> {
    fn new(ctx: &'a Context, document: &'a ParsedDocument, config: ChunkerConfig) -> Self {
        let max_tokens = config.max_tokens.max(1);
        Self {
            ctx,
            text: &document.text,
            max: max_tokens * 4,
            overlap: config.overlap_tokens.min(max_tokens / 2) * 4,
            pages: Pages::new(&document.pages),
            headings: Vec::new(),
            path: None,
            header: None,
            outline: None,
            pieces: Vec::new(),
            weight: 0,
            chunks: Vec::new(),
            n_pieces: 0,
        }
    }

    fn add(&mut self, span: Span, kind: BlockKind) -> Result<()> {
        let Some(part) = span.slice(self.text) else { return Ok(()) };
        let start = span.start + (part.len() - part.trim_start().len());
        let span = Span::new(start, start + part.trim().len());
        if span.is_empty() {
            return Ok(());
        }
        if let BlockKind::Heading { level } = kind {
            if self.pieces.iter().any(|piece| !is_heading(piece)) {
                self.close(None);
            }
            self.enter(level, span);
        }
        self.remember(span, kind);
        self.fit(span, kind, Grain::Block)
    }

    /// Notes what later pieces of the same table or program cannot do without.
    fn remember(&mut self, span: Span, kind: BlockKind) {
        if !matches!(kind, BlockKind::TableRow { .. }) {
            self.header = None;
        } else if kind == (BlockKind::TableRow { header: true }) {
            self.header = Some(span);
        }
        if kind == BlockKind::Code {
            self.outline.get_or_insert_with(|| (Outline::from(span.start), [None; 2]));
        } else {
            self.outline = None;
        }
    }

    fn context_of(&mut self, span: Span, kind: BlockKind, grain: Grain) -> [Option<Span>; 2] {
        match (kind, &mut self.outline) {
            (BlockKind::TableRow { header: false }, _) => [self.header, None],
            // Parts of a line are where their line is.
            (BlockKind::Code, Some((outline, around))) => {
                if grain <= Grain::Line {
                    *around = outline.around(self.text, span.start);
                }
                *around
            }
            _ => [None; 2],
        }
    }

    /// Enters the section under a heading.
    fn enter(&mut self, level: u8, span: Span) {
        self.headings.retain(|(above, _)| *above < level);
        self.headings.push((level, span.slice(self.text).unwrap_or_default()));
        let names = self.headings.iter().map(|(_, heading)| shortened(heading));
        self.path = Some(names.collect::<Vec<_>>().join(STEP));
    }

    /// Puts a piece into this chunk or the next, in parts where it must.
    fn fit(&mut self, span: Span, kind: BlockKind, grain: Grain) -> Result<()> {
        self.n_pieces += 1;
        if self.n_pieces.is_multiple_of(PIECES_PER_CHECK) {
            self.ctx.check()?;
        }
        let context = self.context_of(span, kind, grain);
        let piece = Piece { span, kind, grain, repeated: false, context };
        let weight = span.slice(self.text).map_or(0, quarter_tokens);
        loop {
            let gap = self.pieces.last().and_then(|last| self.text.get(last.span.end..span.start));
            let gap = gap.map_or(0, quarter_tokens);
            if self.weight + gap + weight <= self.max {
                self.pieces.push(piece);
                self.weight += gap + weight;
                return Ok(());
            }
            if self.pieces.iter().all(|piece| piece.repeated) && !self.pieces.is_empty() {
                self.start_with(Vec::new());
                continue;
            }
            match grain.finer().filter(|_| self.is_to_be_cut(&piece, weight)) {
                Some(finer) => return self.fit_parts(span, kind, finer),
                None if self.pieces.is_empty() => {
                    self.pieces.push(piece);
                    self.weight = weight;
                    return Ok(());
                }
                None => self.close(Some(&piece)),
            }
        }
    }

    fn fit_parts(&mut self, span: Span, kind: BlockKind, grain: Grain) -> Result<()> {
        for part in cut(self.text, span, kind, grain, self.max) {
            self.fit(part, kind, grain)?;
        }
        Ok(())
    }

    /// Whether a piece that does not fit here is cut, rather than left to the next chunk as a whole.
    fn is_to_be_cut(&self, piece: &Piece, weight: usize) -> bool {
        let only_headings = self.pieces.iter().all(is_heading);
        let sparse = self.weight * SPARSE_SHARE < self.max || only_headings;
        let row = matches!(piece.kind, BlockKind::TableRow { .. });
        let whole_fits_elsewhere = weight <= self.max;
        // A row, a sentence and what is finer are cut only where no chunk holds them.
        if piece.grain > Grain::Block || row {
            return !whole_fits_elsewhere && (sparse || row);
        }
        sparse || (!whole_fits_elsewhere && self.pieces.is_empty())
    }

    /// Ends the chunk; `next` is the piece that did not fit into it.
    fn close(&mut self, next: Option<&Piece>) {
        let n_leading = self.pieces.iter().rev().take_while(|piece| piece.leads()).count();
        let moves = next.is_some() && n_leading < self.pieces.len();
        let keep = self.pieces.len() - if moves { n_leading } else { 0 };
        let tail = self.pieces.split_off(keep);
        let ended = match (self.pieces.first(), self.pieces.last()) {
            (Some(first), Some(last)) => {
                Some((Span::new(first.span.start, last.span.end), *last, first.context))
            }
            _ => None,
        };
        let mut following = tail;
        if let Some((span, last, context)) = ended {
            self.chunks.push(self.pages.chunk(span, self.heading(context)));
            if following.is_empty() {
                following.extend(next.and_then(|next| self.repeated(span, &last, next)));
            }
        }
        self.start_with(following);
    }

    /// The path of headings, and behind it what the chunk cannot be understood without.
    fn heading(&self, context: [Option<Span>; 2]) -> Option<String> {
        let lines = context.into_iter().flatten().filter_map(|span| span.slice(self.text));
        let steps: Vec<String> = self.path.iter().cloned().chain(lines.map(shortened)).collect();
        (!steps.is_empty()).then(|| steps.join(STEP))
    }

    fn start_with(&mut self, pieces: Vec<Piece>) {
        let around = pieces.first().zip(pieces.last());
        let span = around.map(|(first, last)| Span::new(first.span.start, last.span.end));
        self.weight = span.and_then(|span| span.slice(self.text)).map_or(0, quarter_tokens);
        self.pieces = pieces;
    }

    /// What the next chunk repeats of this one.
    fn repeated(&self, chunk: Span, last: &Piece, next: &Piece) -> Option<Piece> {
        let prose = |kind| !matches!(kind, BlockKind::Code | BlockKind::TableRow { .. });
        if self.overlap == 0 || !prose(last.kind) || !prose(next.kind) {
            return None;
        }
        let by_words = last.grain > Grain::Sentence && next.grain > Grain::Sentence;
        let start = overlap_start(chunk.slice(self.text)?, self.overlap, by_words)?;
        let span = Span::new(chunk.start + start, chunk.end);
        let (kind, context) = (last.kind, last.context);
        Some(Piece { span, kind, grain: Grain::Sentence, repeated: true, context })
    }
}

fn is_heading(piece: &Piece) -> bool {
    matches!(piece.kind, BlockKind::Heading { .. })
}

fn shortened(heading: &str) -> String {
    let line = heading.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= MAX_HEADING_BYTES {
        return line;
    }
    let end = line.floor_char_boundary(MAX_HEADING_BYTES);
    format!("{}…", line.get(..end).unwrap_or_default().trim_end())
}
