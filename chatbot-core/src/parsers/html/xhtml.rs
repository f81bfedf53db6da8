//! Pages written as XML: there, any element may be closed where it is opened.

use std::borrow::Cow;

use super::element::is_void;

/// What stands between these is no tag.
const NO_TAGS: [(&str, &str); 4] =
    [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<!", ">"), ("<?", ">")];

/// The page with `<title/>` written as `<title></title>`: HTML would take all that follows for the title.
pub(super) fn with_end_tags(page: &str) -> Cow<'_, str> {
    if !page.contains("/>") {
        return Cow::Borrowed(page);
    }
    let mut out = String::with_capacity(page.len() + page.len() / 16);
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let len = markup_len(from);
        let (markup, after) = from.split_at_checked(len).unwrap_or((from, ""));
        match closed_at_once(markup) {
            Some((tag, name)) => {
                for piece in [tag, "></", name, ">"] {
                    out.push_str(piece);
                }
            }
            None => out.push_str(markup),
        }
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// How long the markup at the beginning of `text` is.
fn markup_len(text: &str) -> usize {
    for (start, end) in NO_TAGS {
        if let Some(inner) = text.strip_prefix(start) {
            return inner.find(end).map_or(text.len(), |at| start.len() + at + end.len());
        }
    }
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return at + 1,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    text.len()
}

/// The tag without its end and its name, where it begins and ends an element that has an end tag in HTML.
fn closed_at_once(markup: &str) -> Option<(&str, &str)> {
    let tag = markup.strip_suffix("/>")?;
    let name = tag.strip_prefix('<')?.split(|c: char| c.is_ascii_whitespace()).next()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
    (is_name && !is_void(name.to_ascii_lowercase().as_bytes())).then_some((tag, name))
}

#[cfg(test)]
mod tests {
    use super::with_end_tags;

    #[test]
    fn elements_closed_at_once_get_an_end_tag() {
        for (page, html) in [
            ("<title/><p>a<br/>b</p>", "<title></title><p>a<br/>b</p>"),
            ("<a id='x>/>' />t", "<a id='x>/>' ></a>t"),
            ("<!-- <i/> --><?x <i/>", "<!-- <i/> --><?x <i/>"),
            ("1 < 2 />", "1 < 2 />"),
            ("no tags", "no tags"),
        ] {
            assert_eq!(with_end_tags(page), html);
        }
    }
}
