//! What the program says: a line for each word, with the block, paragraph and line that it stands in.

/// Words of a page that are sure on the average; below, the page was read with doubts. In per cent, as the program says
/// it: clean prints have about 95, photographs in bad light and handwriting less than 60.
const SURE: f64 = 60.0;

/// A page that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Recognised {
    pub(super) paragraphs: Vec<String>,
    /// Whether the program is sure of it on the whole.
    pub(super) is_sure: bool,
}

/// Reads the table. Lines that are none of it are passed over.
pub(super) fn read(table: &str) -> Recognised {
    let mut page = Recognised::default();
    let (mut place, mut line) = ("", "");
    let (mut sum, mut n) = (0.0, 0_u32);
    for word in table.lines().filter_map(Word::read) {
        sum += word.sure;
        n += 1;
        match page.paragraphs.last_mut() {
            Some(paragraph) if place == word.paragraph => {
                push(paragraph, word.text, line != word.line);
            }
            _ => page.paragraphs.push(word.text.to_owned()),
        }
        (place, line) = (word.paragraph, word.line);
    }
    page.is_sure = n > 0 && sum / f64::from(n) >= SURE;
    page
}

/// A word, and where it stands.
struct Word<'a> {
    /// Its block and paragraph.
    paragraph: &'a str,
    /// The same, with its line.
    line: &'a str,
    sure: f64,
    text: &'a str,
}

impl<'a> Word<'a> {
    /// `level page block paragraph line word left top width height sure text`, with tabs between; words have level 5.
    fn read(row: &'a str) -> Option<Self> {
        let place = row.strip_prefix("5\t")?;
        let mut tabs = place.match_indices('\t').map(|(at, _)| at).skip(2);
        let (paragraph, line) = (tabs.next()?, tabs.next()?);
        let mut rest = place.split('\t').skip(9);
        let sure: f64 = rest.next()?.parse().ok()?;
        let text = rest.next()?.trim();
        let is_word = !text.is_empty() && sure.is_finite();
        is_word.then_some(Self {
            paragraph: place.get(..paragraph)?,
            line: place.get(..line)?,
            sure,
            text,
        })
    }
}

/// Adds a word; one that was cut at the end of a line is made whole.
fn push(paragraph: &mut String, word: &str, is_new_line: bool) {
    let mut tail = paragraph.chars().rev();
    let is_cut = is_new_line
        && matches!(tail.next(), Some('-' | '\u{2010}'))
        && tail.next().is_some_and(char::is_alphabetic)
        && word.starts_with(char::is_lowercase);
    if is_cut {
        paragraph.pop();
    } else {
        paragraph.push(' ');
    }
    paragraph.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(place: &str, sure: &str, text: &str) -> String {
        format!("5\t{place}\t0\t0\t9\t9\t{sure}\t{text}\n")
    }

    #[test]
    fn words_become_paragraphs_and_cut_ones_whole() {
        let table = [
            "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n".to_owned(),
            "4\t1\t1\t1\t1\t0\t0\t0\t9\t9\t-1\t\n".to_owned(),
            row("1\t1\t1\t1\t1", "96.5", "The"),
            row("1\t1\t1\t1\t2", "90", "pub-"),
            row("1\t1\t1\t2\t1", "91", "lic"),
            row("1\t1\t1\t2\t2", "91", " "),
            row("1\t1\t2\t1\t1", "93", "Next"),
            row("1\t2\t1\t1\t1", "93", "Last"),
            "5\t1\t2".to_owned(),
        ];
        let page = read(&table.concat());
        assert_eq!(page.paragraphs, ["The public", "Next", "Last"]);
        assert!(page.is_sure);
    }

    #[test]
    fn doubts_are_noticed() {
        let table = [row("1\t1\t1\t1\t1", "20", "x"), row("1\t1\t1\t1\t2", "70", "y-")];
        let page = read(&(table.concat() + &row("1\t1\t1\t2\t1", "20", "Z")));
        assert_eq!(page, Recognised { paragraphs: vec!["x y- Z".to_owned()], is_sure: false });
        assert_eq!(read("nothing"), Recognised::default());
    }
}
