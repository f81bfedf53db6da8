//! Lists: how deep, and what the next item is marked with.

use std::collections::HashMap;

use crate::parsers::package::xml::Element;

use super::styles::{Mark, Styles};

/// The lists that are open, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Lists {
    open: Vec<List>,
    /// How far each list style has counted on its first level, for lists that go on.
    counted: HashMap<String, usize>,
}

#[derive(Debug, Default)]
struct List {
    style: Option<String>,
    n_items: usize,
    /// The item has begun and has no paragraph yet.
    at_start: bool,
}

impl Lists {
    pub(super) fn begin(&mut self, element: &Element<'_>) {
        let inherited = || self.open.last().and_then(|outer| outer.style.clone());
        let style = element.attribute("style-name").or_else(inherited);
        let goes_on = element.attribute("continue-numbering").is_some_and(|on| on == "true")
            || element.attribute("continue-list").is_some();
        let before = style.as_ref().and_then(|style| self.counted.get(style));
        let n_items = before.copied().filter(|_| goes_on && self.open.is_empty()).unwrap_or(0);
        self.open.push(List { style, n_items, at_start: false });
    }

    pub(super) fn end(&mut self) {
        if let Some(list) = self.open.pop()
            && let (Some(style), true) = (list.style, self.open.is_empty())
        {
            self.counted.insert(style, list.n_items);
        }
    }

    pub(super) fn begin_item(&mut self) {
        if let Some(list) = self.open.last_mut() {
            list.at_start = true;
        }
    }

    /// What stands in front of the next paragraph; `None` where it begins no item.
    pub(super) fn marker(&mut self, styles: &Styles) -> Option<String> {
        let depth = self.open.len().checked_sub(1)?;
        let list = self.open.last_mut().filter(|list| list.at_start)?;
        list.at_start = false;
        list.n_items += 1;
        Some(match styles.mark(list.style.as_deref(), depth) {
            Mark::Sign => "- ".to_owned(),
            Mark::Number(start) => format!("{}. ", start.saturating_add(list.n_items - 1)),
            Mark::None => String::new(),
        })
    }
}
