//! Searching without regard to case: how text is folded for comparison, and what is shown around a match.

use std::ops::Range;

/// Characters shown before and after a match.
const SNIPPET_MARGIN: usize = 60;

/// `text` as it is compared: lower case, character by character, the final sigma as any other.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(fold_char).collect()
}

fn fold_char(c: char) -> impl Iterator<Item = char> {
    let c = if c == 'ς' { 'σ' } else { c };
    c.to_lowercase()
}

/// A few words of `text` around the first place where the folded `needle` is.
pub(super) fn snippet(text: &str, needle: &str) -> String {
    let Range { start, end } = find(text, needle).unwrap_or(0..0);
    let (before, rest) = text.split_at_checked(start).unwrap_or(("", text));
    let (matched, after) = rest.split_at_checked(end - start).unwrap_or((rest, ""));
    let head_at = before.char_indices().rev().nth(SNIPPET_MARGIN - 1).map_or(0, |(at, _)| at);
    let tail_at = after.char_indices().nth(SNIPPET_MARGIN).map_or(after.len(), |(at, _)| at);
    let head = before.get(head_at..).unwrap_or_default();
    let tail = after.get(..tail_at).unwrap_or_default();
    let cut = |cut: bool| if cut { "…" } else { "" };
    let shown = format!("{head}{matched}{tail}").replace(['\n', '\r', '\t'], " ");
    format!("{}{}{}", cut(head_at > 0), shown.trim(), cut(tail_at < after.len()))
}

/// Where in `text` its folded form has `needle`, in bytes of `text`: folding may change lengths.
fn find(text: &str, needle: &str) -> Option<Range<usize>> {
    let mut folded = String::with_capacity(text.len());
    let mut places = Vec::new();
    for (at, c) in text.char_indices() {
        places.push((folded.len(), at));
        folded.extend(fold_char(c));
    }
    let start = folded.find(needle)?;
    let end = start + needle.len();
    let first = places.partition_point(|(place, _)| *place <= start).saturating_sub(1);
    let last = places.partition_point(|(place, _)| *place < end);
    let original = |index: usize| places.get(index).map_or(text.len(), |(_, at)| *at);
    Some(original(first)..original(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_case_beyond_ascii() {
        assert_eq!(fold("ÄRGER ΟΔΟΣ ςΣ"), "ärger οδοσ σσ");
    }

    #[test]
    fn a_snippet_shows_the_original_around_the_match() {
        assert_eq!(snippet("Der Ärger\nam Morgen", &fold("ÄRGER")), "Der Ärger am Morgen");
        let long = format!("{}Nadel{}", "x".repeat(200), "y".repeat(200));
        let shown = snippet(&long, "nadel");
        assert_eq!(shown, format!("…{}Nadel{}…", "x".repeat(60), "y".repeat(60)));
    }

    #[test]
    fn finds_places_although_folding_changes_lengths() {
        // The dotted capital I folds to two characters.
        assert_eq!(find("İİ abc", "abc"), Some(5..8));
        assert_eq!(find("abc", "d"), None);
    }
}
