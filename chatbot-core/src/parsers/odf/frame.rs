//! What a frame on a slide is for.

/// The place of a text on a slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    Content,
    Title,
    Notes,
    /// Numbers, dates, headers and footers of pages.
    Furniture,
}

impl Frame {
    /// What the class of a frame says.
    pub(super) fn of(class: Option<&str>) -> Self {
        match class {
            Some("title") => Self::Title,
            Some("notes") => Self::Notes,
            Some("header" | "footer" | "date-time" | "page-number" | "page") => Self::Furniture,
            _ => Self::Content,
        }
    }
}
