//! A paragraph in the making.

use crate::parsers::package::xml::Element;

/// A paragraph whose end has not been reached.
#[derive(Debug, Default)]
pub(super) struct Paragraph {
    pub(super) text: String,
    pub(super) style: Option<String>,
    pub(super) outline: Option<usize>,
    pub(super) list: Option<usize>,
    pub(super) level: Option<usize>,
    /// Inside the paragraph's own properties.
    in_properties: bool,
    in_run_properties: bool,
    run_hidden: bool,
    in_text: bool,
}

impl Paragraph {
    pub(super) fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "pPr" => self.in_properties = true,
            "rPr" => self.in_run_properties = true,
            "r" => self.run_hidden = false,
            "t" => self.in_text = true,
            "vanish" if self.in_run_properties && !self.in_properties => {
                self.run_hidden = element.is_on();
            }
            "pStyle" => self.style = element.attribute("val"),
            "outlineLvl" => self.outline = element.number(),
            "numId" => self.list = element.number(),
            "ilvl" => self.level = element.number(),
            "tab" if !self.in_properties => self.visible("\t"),
            "br" | "cr" => self.visible("\n"),
            "noBreakHyphen" => self.visible("-"),
            _ => {}
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        match name {
            "pPr" => self.in_properties = false,
            "rPr" => self.in_run_properties = false,
            "r" => self.run_hidden = false,
            "t" => self.in_text = false,
            _ => {}
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.in_text {
            self.visible(text);
        }
    }

    fn visible(&mut self, text: &str) {
        if !self.run_hidden {
            self.text.push_str(text);
        }
    }
}
