//! Which paragraphs are headings, whatever language the author's word processor speaks.

/// What "heading" is called in the built-in styles of other languages, before the level.
const HEADINGS: &[&str] = &[
    "heading",
    "überschrift",
    "titre",
    "título",
    "titolo",
    "rubrik",
    "overskrift",
    "otsikko",
    "kop",
    "nagłówek",
    "nadpis",
    "címsor",
    "заголовок",
    "başlık",
    "标题",
    "標題",
    "見出し",
    "제목",
    "عنوان",
    "כותרת",
    "titlu",
    "επικεφαλίδα",
];

/// The heading level of an outline level; body text has none.
pub(super) fn outline_level(outline: usize) -> Option<u8> {
    u8::try_from(outline).ok().filter(|outline| *outline < 9).map(|outline| (outline + 1).min(6))
}

/// The heading level that the name of a style states.
pub(super) fn heading_level(name: &str) -> Option<u8> {
    let name = name.to_lowercase();
    if name == "title" {
        return Some(1);
    }
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let level: u8 = digits.parse().ok().filter(|level| (1..=9).contains(level))?;
    let word = name.strip_suffix(digits)?.trim();
    HEADINGS.contains(&word).then_some(level.min(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_by_name_in_many_languages() {
        for name in ["heading 2", "Überschrift 2", "Heading2", "标题 2", "Заголовок 2"]
        {
            assert_eq!(heading_level(name), Some(2), "{name}");
        }
        assert_eq!(heading_level("List 2"), None);
        assert_eq!(outline_level(9), None);
    }
}
