//! The sheets a workbook lists, in the order of their tabs.

use crate::error::Result;
use crate::parsers::package::xml::{Node, Xml};
use crate::parsers::sheets::Epoch;
use crate::parsers::watch::{Watch, exceeded};

/// A workbook.
#[derive(Debug, Default)]
pub(super) struct Workbook {
    pub(super) epoch: Epoch,
    pub(super) sheets: Vec<Sheet>,
}

/// A sheet in the list.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    /// The relation that leads to its part.
    pub(super) relation: String,
}

impl Workbook {
    pub(super) fn read(text: &str, watch: &Watch<'_>) -> Result<Self> {
        let mut workbook = Self::default();
        let mut xml = Xml::new(text, watch);
        while let Some(node) = xml.next()? {
            let Node::Start(element) = node else { continue };
            match element.name() {
                "workbookPr" => {
                    let since_1904 = element.attribute("date1904");
                    if matches!(since_1904.as_deref(), Some("1" | "true" | "on")) {
                        workbook.epoch = Epoch::Y1904;
                    }
                }
                "sheet" => {
                    if workbook.sheets.len() >= watch.limits().max_pages {
                        return Err(exceeded(
                            "The workbook has more sheets than allowed. Split it.",
                        ));
                    }
                    workbook.sheets.push(Sheet {
                        name: element.attribute("name").unwrap_or_default(),
                        relation: element.prefixed("id").unwrap_or_default(),
                    });
                }
                _ => {}
            }
        }
        Ok(workbook)
    }
}
