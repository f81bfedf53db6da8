//! Documents of many kinds, as people have them beside each other: made up here, and public ones read in place.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::Result;
use crate::chance::Chance;
use crate::prose::Prose;

/// Bytes of text in a document: from a letter to a long report.
const SIZES: (usize, usize) = (1_000, 30_000);
/// The kinds that are made up, one after the other.
const KINDS: [&str; 8] = ["txt", "md", "html", "csv", "json", "eml", "rtf", "docx"];

/// A file to upload.
#[derive(Debug, Clone)]
pub struct File {
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// `n` files: every public one below `folder`, in place, and as many made up ones as are missing. Where the folder is not there,
/// all are made up.
///
/// # Errors
/// Where a file cannot be read.
pub fn files(n: usize, folder: &Path) -> Result<Vec<File>> {
    let mut files = Vec::with_capacity(n);
    for path in paths(folder)?.into_iter().take(n) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push(File { name, bytes: std::fs::read(&path)? });
    }
    let (mut prose, mut chance) = (Prose::new(51), Chance::new(52));
    for number in files.len()..n {
        let kind = KINDS.get(number % KINDS.len()).copied().unwrap_or("txt");
        let text = prose.text(chance.between(SIZES.0, SIZES.1));
        files.push(File { name: format!("made-up-{number}.{kind}"), bytes: written(kind, &text)? });
    }
    // Large and small, simple and difficult ones in a mixed order, the same in every run.
    for at in (1..files.len()).rev() {
        files.swap(at, chance.below(at + 1));
    }
    Ok(files)
}

/// The files of a folder by their names; none where it is not there.
fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// A text as a file of this kind. The text is of plain letters and punctuation, which no kind has to escape.
fn written(kind: &str, text: &str) -> Result<Vec<u8>> {
    let parts: Vec<&str> = text.split("\n\n").filter(|part| !part.is_empty()).collect();
    Ok(match kind {
        "md" => joined(&parts, "\n\n", |part| format!("# {part}"), str::to_owned).into_bytes(),
        "html" => {
            let body = joined(&parts, "\n", |part| format!("<h2>{part}</h2>"), tagged);
            format!("<!doctype html><html><body>\n{body}\n</body></html>\n").into_bytes()
        }
        "csv" => csv(&parts).into_bytes(),
        "json" => {
            let record = |(number, part): (usize, &&str)| json!({"number": number, "note": part});
            let records: Vec<Value> = parts.iter().enumerate().map(record).collect();
            serde_json::to_vec(&records)?
        }
        "eml" => {
            let head = "From: office@example.org\r\nTo: all@example.org\r\nSubject: A report\r\n\
                Content-Type: text/plain; charset=utf-8\r\n\r\n";
            format!("{head}{}", parts.join("\r\n\r\n")).into_bytes()
        }
        "rtf" => format!("{{\\rtf1\\ansi {}\\par}}", parts.join("\\par\n\\par\n")).into_bytes(),
        "docx" => docx(&parts)?,
        _ => text.as_bytes().to_vec(),
    })
}

/// Parts that end with a full stop are paragraphs; others are headings.
fn joined(
    parts: &[&str],
    between: &str,
    heading: impl Fn(&str) -> String,
    paragraph: impl Fn(&str) -> String,
) -> String {
    let one = |part: &&str| if part.ends_with('.') { paragraph(part) } else { heading(part) };
    parts.iter().map(one).collect::<Vec<_>>().join(between)
}

fn tagged(part: &str) -> String {
    format!("<p>{part}</p>")
}

fn csv(parts: &[&str]) -> String {
    let sentences = parts.iter().flat_map(|part| part.split_inclusive('.'));
    let row = |(number, sentence): (usize, &str)| format!("{number},\"{}\"\n", sentence.trim());
    let rows: String = sentences.enumerate().map(row).collect();
    format!("number,remark\n{rows}")
}

/// The least that a word processor opens.
fn docx(parts: &[&str]) -> Result<Vec<u8>> {
    const TYPES: &str = "<?xml version=\"1.0\"?><Types \
        xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" \
        ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Override PartName=\"/word/document.xml\" \
        ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>";
    const RELATIONS: &str = "<?xml version=\"1.0\"?><Relationships \
        xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" \
        Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" \
        Target=\"word/document.xml\"/></Relationships>";
    let paragraph = |part: &str| format!("<w:p><w:r><w:t>{part}</w:t></w:r></w:p>");
    let body = joined(parts, "", paragraph, paragraph);
    let document = format!(
        "<?xml version=\"1.0\"?><w:document \
        xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("[Content_Types].xml", TYPES),
        ("_rels/.rels", RELATIONS),
        ("word/document.xml", &document),
    ] {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(content.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatbot_core::Context;
    use chatbot_core::parsers::Parsers;
    use chatbot_core::traits::ParseLimits;
    use chatbot_core::types::RawDocument;

    #[test]
    fn every_kind_is_read_with_its_text() {
        let nowhere = Path::new("no/such/folder");
        let all = files(3 * KINDS.len(), nowhere).unwrap();
        let again = files(3 * KINDS.len(), nowhere).unwrap();
        assert!(all.iter().zip(&again).all(|(one, other)| one.name == other.name));
        for file in all {
            let raw =
                RawDocument { name: file.name.clone(), declared: None, bytes: file.bytes.into() };
            let read = Parsers::default().parse(&Context::local(), &raw, &ParseLimits::default());
            let n_words = read.unwrap().text.split_whitespace().count();
            assert!(n_words > 100, "{}: {n_words} words", file.name);
        }
    }
}
