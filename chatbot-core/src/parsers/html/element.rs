//! What elements mean for a text.

/// What an element does to the text in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs along with the text around it.
    Inline,
    /// Stands by itself.
    Block,
    /// Nobody reads it.
    Hidden,
    /// The page's menus and frames.
    Boilerplate,
    /// Beside the content; what it is shows when it is read.
    Aside,
    /// The page's main content.
    Main,
    /// An article.
    Article,
    Head,
    Title,
    Heading(u8),
    Preformatted,
    Quote,
    Caption,
    List,
    NumberedList,
    Item,
    Table,
    Row,
    HeaderCell,
    Cell,
    Break,
    Rule,
}

/// Elements that have no content and no end tag.
pub(super) fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
            | b"frame"
            | b"keygen"
    )
}

/// The role of the element called `name`.
pub(super) fn role(name: &[u8]) -> Role {
    match name {
        b"script" | b"style" | b"noscript" | b"template" | b"iframe" | b"object" | b"svg"
        | b"canvas" | b"audio" | b"video" | b"noframes" | b"noembed" | b"datalist" | b"button"
        | b"map" | b"xmp" => Role::Hidden,
        b"nav" | b"footer" | b"dialog" | b"menu" => Role::Boilerplate,
        b"aside" => Role::Aside,
        b"main" => Role::Main,
        b"article" => Role::Article,
        b"head" => Role::Head,
        b"title" => Role::Title,
        b"h1" => Role::Heading(1),
        b"h2" => Role::Heading(2),
        b"h3" => Role::Heading(3),
        b"h4" => Role::Heading(4),
        b"h5" => Role::Heading(5),
        b"h6" => Role::Heading(6),
        b"pre" | b"textarea" | b"listing" | b"plaintext" => Role::Preformatted,
        b"blockquote" => Role::Quote,
        b"figcaption" | b"caption" => Role::Caption,
        b"ul" | b"dir" => Role::List,
        b"ol" => Role::NumberedList,
        b"li" => Role::Item,
        b"table" => Role::Table,
        b"tr" => Role::Row,
        b"th" => Role::HeaderCell,
        b"td" => Role::Cell,
        b"br" => Role::Break,
        b"hr" => Role::Rule,
        b"p" | b"div" | b"section" | b"header" | b"body" | b"html" | b"address" | b"dl" | b"dt"
        | b"dd" | b"fieldset" | b"form" | b"figure" | b"details" | b"summary" | b"center"
        | b"thead" | b"tbody" | b"tfoot" | b"legend" | b"hgroup" | b"search" | b"select"
        | b"optgroup" | b"option" => Role::Block,
        _ => Role::Inline,
    }
}

/// Names of elements.
type Names = &'static [&'static [u8]];

/// How the start of an element ends others whose end tag may be left out: the names it ends, and those it does not look
/// beyond.
pub(super) fn implied_end(name: &[u8]) -> Option<(Names, Names)> {
    match name {
        b"li" => Some((&[b"li"], &[b"ul", b"ol", b"menu"])),
        b"dt" | b"dd" => Some((&[b"dt", b"dd"], &[b"dl"])),
        b"td" | b"th" => Some((&[b"td", b"th"], &[b"tr", b"table"])),
        b"tr" => Some((&[b"tr"], &[b"table"])),
        b"thead" | b"tbody" | b"tfoot" => Some((&[b"thead", b"tbody", b"tfoot"], &[b"table"])),
        b"body" => Some((&[b"head"], &[])),
        _ if matches!(role(name), Role::Inline | Role::Break | Role::Hidden) => None,
        _ => Some((&[b"p"], &[b"table", b"td", b"th", b"button"])),
    }
}

/// Whether the attribute `name` with `value` hides an element.
pub(super) fn hides(name: &[u8], value: &[u8]) -> bool {
    match name {
        b"hidden" => value != b"until-found",
        b"aria-hidden" => value.eq_ignore_ascii_case(b"true"),
        b"style" => {
            let style: Vec<u8> = value
                .iter()
                .filter(|b| !b.is_ascii_whitespace())
                .map(u8::to_ascii_lowercase)
                .collect();
            [
                b"display:none".as_slice(),
                b"visibility:hidden",
                b"font-size:0;",
                b"font-size:0px",
                b"opacity:0;",
            ]
            .iter()
            .any(|hiding| style.windows(hiding.len()).any(|window| window == *hiding))
                || style.ends_with(b"opacity:0")
                || style.ends_with(b"font-size:0")
        }
        _ => false,
    }
}
