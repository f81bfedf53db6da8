//! How the numbers of each cell style look.

use std::collections::HashMap;

use crate::error::Result;
use crate::parsers::package::xml::{Node, Xml};
use crate::parsers::sheets::NumberFormat;
use crate::parsers::watch::Watch;

/// Excel allows about as many styles, and far fewer formats.
const MAX_STYLES: usize = 65_536;

/// The number formats of a workbook, by cell style.
#[derive(Debug, Default)]
pub(super) struct Styles {
    formats: HashMap<u32, Option<NumberFormat>>,
    /// The number of the format of each style.
    of_styles: Vec<u32>,
}

impl Styles {
    pub(super) fn read(part: Option<&str>, watch: &Watch<'_>) -> Result<Self> {
        let mut styles = Self::default();
        let Some(part) = part else { return Ok(styles) };
        let mut in_cell_styles = false;
        let mut xml = Xml::new(part, watch);
        while let Some(node) = xml.next()? {
            match node {
                Node::Start(element) => {
                    let id = || element.attribute("numFmtId").and_then(|id| id.parse().ok());
                    match element.name() {
                        "cellXfs" => in_cell_styles = true,
                        "numFmt" if styles.formats.len() < MAX_STYLES => {
                            let code = element.attribute("formatCode").unwrap_or_default();
                            let format = Some(NumberFormat::parse(&code));
                            styles.formats.extend(id().map(|id| (id, format)));
                        }
                        "xf" if in_cell_styles && styles.of_styles.len() < MAX_STYLES => {
                            styles.of_styles.push(id().unwrap_or(0))
                        }
                        _ => {}
                    }
                }
                Node::End(name) => in_cell_styles &= name != "cellXfs",
                Node::Text(_) => {}
            }
        }
        for id in &styles.of_styles {
            styles.formats.entry(*id).or_insert_with(|| NumberFormat::builtin(*id));
        }
        Ok(styles)
    }

    /// The format of a style; `None` where numbers are shown as they are.
    pub(super) fn format(&self, style: usize) -> Option<&NumberFormat> {
        self.formats.get(self.of_styles.get(style)?)?.as_ref()
    }
}
