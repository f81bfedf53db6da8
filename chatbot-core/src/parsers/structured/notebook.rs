//! Jupyter notebooks: the words, the code, and what the code printed.

use serde::Deserialize;

use super::Page;
use crate::error::Result;
use crate::parsers::assemble::Assembly;
use crate::parsers::markdown::append_markdown;
use crate::types::BlockKind;

/// Of what a cell printed; the rest is most likely a log.
const MAX_OUTPUT_BYTES: usize = 4_000;

#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default)]
    source: Lines,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    text: Option<Lines>,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(rename = "text/plain")]
    plain: Option<Lines>,
}

/// A text, whole or line by line.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    Each(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Lines {
    fn text(self) -> String {
        match self {
            Self::Whole(text) => text,
            Self::Each(lines) => lines.concat(),
        }
    }
}

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let Ok(notebook) = serde_json::from_str::<Notebook>(text) else { return Ok(false) };
    for cell in notebook.cells {
        page.watch.check()?;
        let source = cell.source.text();
        match cell.cell_type.as_str() {
            "markdown" => {
                let assembly = std::mem::replace(&mut page.assembly, Assembly::new(page.watch));
                page.assembly = append_markdown(assembly, page.watch, &source)?;
            }
            "code" => page.assembly.block(BlockKind::Code, &source)?,
            _ => page.assembly.block(BlockKind::Paragraph, &source)?,
        }
        for output in cell.outputs {
            let Some(printed) = output.text.or(output.data.plain).map(Lines::text) else {
                continue;
            };
            let end = printed.floor_char_boundary(MAX_OUTPUT_BYTES);
            page.assembly.block(BlockKind::Code, printed.get(..end).unwrap_or_default())?;
        }
    }
    Ok(true)
}
