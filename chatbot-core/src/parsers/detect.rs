//! Recognises what a document is, by its bytes.

use crate::types::{MediaType, RawDocument};

use super::formats::{
    CODE_EXTENSIONS, DOC, EBCDIC, ENCRYPTED_OFFICE, EPUB, PACKAGES, PPT, PPTX, TEXT_TYPES, XLS,
    XLSX,
};
use super::mail_signs::{HEAD_BYTES, begins_message, is_field, is_message};
use super::plain::{Nature, decode, nature};
use super::zip_names::zip_names;

/// What is looked at to tell kinds of text apart.
const SNIFF_BYTES: usize = 4096;
/// A PDF may have this much in front of its header.
const PDF_HEADER_WITHIN: usize = 1024;
/// A Windows name for the stream that holds an encrypted Office document.
const ENCRYPTED_STREAM: &str = "EncryptedPackage";
/// And one for the stream that every Outlook message has.
const OUTLOOK_STREAM: &str = "__properties_version1.0";

/// (offset, bytes there, media type)
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"%PDF-", "application/pdf"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"%!PS", "application/postscript"),
    (0, b"\x89PNG\r\n", "image/png"),
    (0, b"\xFF\xD8\xFF", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1A\x45\xDF\xA3", "video/x-matroska"),
    (8, b"AVI LIST", "video/x-msvideo"),
    (8, b"WAVEfmt", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1F\x8B", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xFD7zXZ\0", "application/x-xz"),
    (0, b"7z\xBC\xAF\x27\x1C", "application/x-7z-compressed"),
    (0, b"Rar!\x1A\x07", "application/vnd.rar"),
    (0, b"\x28\xB5\x2F\xFD", "application/zstd"),
    (0, b"\x1F\x9D", "application/x-compress"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\x7FELF", "application/x-executable"),
    (0, b"MZ\x90\0", "application/x-executable"),
    (0, b"\xCF\xFA\xED\xFE", "application/x-executable"),
    (0, b"\xCA\xFE\xBA\xBE", "application/x-executable"),
    (0, b"\0asm", "application/x-executable"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"ITSF\x03\0", "application/vnd.ms-htmlhelp"),
    (0, b"\xFFWPC", "application/vnd.wordperfect"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"OTTO\0", "font/otf"),
];

/// Names looked at in a container; what it is stands among its first entries.
const MAX_NAMES: usize = 4096;
const OLE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// (entry, media type) of containers; an entry that ends in `/` stands for everything below it.
const CONTAINERS: &[(&[u8], MediaType)] = &[
    (b"word/document.xml", MediaType::DOCX),
    (b"xl/workbook.xml", XLSX),
    (
        b"xl/workbook.bin",
        MediaType::from_static("application/vnd.ms-excel.sheet.binary.macroenabled.12"),
    ),
    (b"ppt/presentation.xml", PPTX),
    (b"META-INF/container.xml", EPUB),
];
/// (folder, media type) of Office containers whose main part has another name.
const FOLDERS: &[(&[u8], MediaType)] =
    &[(b"word/", MediaType::DOCX), (b"xl/", XLSX), (b"ppt/", PPTX)];

const OLE_ENTRY_BYTES: usize = 128;
/// (stream, usual extensions, media type) of Office documents before 2007.
const OLD_OFFICE: &[(&str, &[&str], MediaType)] = &[
    ("PowerPoint Document", &["ppt", "pps", "pot"], PPT),
    ("WordDocument", &["doc", "dot"], DOC),
    ("Workbook", &["xls", "xlt"], XLS),
    ("Book", &["xls", "xlt"], XLS),
    ("__properties_version1.0", &["msg"], MediaType::from_static("application/vnd.ms-outlook")),
];

/// What kinds of text begin with that need no name to be known.
const BEGINNINGS: &[(&str, &str)] = &[
    ("<?xml", "application/xml"),
    ("WEBVTT", "text/vtt"),
    ("\\documentclass", "application/x-tex"),
    ("{\"", "application/json"),
    ("{\n", "application/json"),
    ("[{", "application/json"),
    ("[\n", "application/json"),
    ("#+TITLE:", "text/x-org"),
    ("#+title:", "text/x-org"),
];

/// Tags that pages begin with.
const HTML_BEGINNINGS: &[&str] = &[
    "!doctype html",
    "html",
    "head",
    "body",
    "title",
    "meta",
    "script",
    "style",
    "link",
    "table",
    "div",
    "h1",
    "h2",
    "h3",
    "p",
    "a",
    "br",
    "ul",
    "ol",
    "article",
    "section",
    "main",
    "center",
    "font",
    "span",
];

/// The media type of `raw`, by its content. The declared type and the name only tell kinds of text apart and name
/// what is damaged. [`MediaType::UNKNOWN`] where nothing fits.
#[must_use]
pub fn detect(raw: &RawDocument) -> MediaType {
    let bytes = raw.bytes.as_ref();
    let hint = Hint::of(raw);
    if let Some(binary) = signature(bytes, &hint) {
        return binary;
    }
    match nature(bytes) {
        Nature::Binary if hint.is("pdf", &MediaType::PDF) => MediaType::PDF,
        Nature::Binary => hint.package().unwrap_or(MediaType::UNKNOWN),
        Nature::Ebcdic => EBCDIC,
        Nature::Text => text_kind(bytes, &hint),
    }
}

fn signature(bytes: &[u8], hint: &Hint) -> Option<MediaType> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return Some(container(bytes, hint));
    }
    if bytes.starts_with(OLE) {
        return Some(old_office(bytes, hint));
    }
    let found = SIGNATURES.iter().find(|(offset, magic, _)| {
        bytes.get(*offset..).is_some_and(|rest| rest.starts_with(magic))
    });
    if let Some((.., name)) = found {
        return Some(MediaType::from_static(name));
    }
    let head = bytes.get(..PDF_HEADER_WITHIN.min(bytes.len()))?;
    let late_header = head.windows(5).any(|window| window == b"%PDF-");
    (late_header && hint.is("pdf", &MediaType::PDF)).then_some(MediaType::PDF)
}

fn container(bytes: &[u8], hint: &Hint) -> MediaType {
    let names = zip_names(bytes, MAX_NAMES);
    let has = |wanted: &[u8]| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    if let Some(opendocument) = opendocument(bytes) {
        return opendocument;
    }
    if let Some((_, media_type)) = CONTAINERS.iter().find(|(entry, _)| has(entry)) {
        return media_type.clone();
    }
    // A main part by another name, or a container that was cut off: the parser finds out and says so.
    let holds = |folder: &[u8]| names.iter().any(|name| name.starts_with(folder));
    let by_folder = FOLDERS.iter().find(|(folder, _)| holds(folder));
    by_folder
        .map(|(_, media_type)| media_type.clone())
        .or_else(|| hint.package())
        .unwrap_or(MediaType::ZIP)
}

/// OpenDocument and e-books state their type, uncompressed, in a first entry called `mimetype`.
fn opendocument(bytes: &[u8]) -> Option<MediaType> {
    let head = bytes.get(30..)?.strip_prefix(b"mimetype".as_slice())?;
    let stated = head.get(..80.min(head.len()))?;
    let ends = |b: &u8| !(b.is_ascii_alphanumeric() || b"/.+-".contains(b));
    let end = stated.iter().position(ends).unwrap_or(stated.len());
    // The next header begins with `PK`.
    let name = std::str::from_utf8(stated.get(..end)?).ok()?.trim_end_matches("PK");
    MediaType::parse(name)
}

fn old_office(bytes: &[u8], hint: &Hint) -> MediaType {
    // First: what is attached to a message may be protected.
    if contains(bytes, &wide(OUTLOOK_STREAM)) {
        return MediaType::OUTLOOK;
    }
    if contains(bytes, &wide(ENCRYPTED_STREAM)) {
        return ENCRYPTED_OFFICE;
    }
    let holds = |name: &str| has_entry(bytes, &wide(name));
    let found = |(name, ..): &&(&str, &[&str], MediaType)| holds(name);
    let named = OLD_OFFICE
        .iter()
        .filter(|(_, extensions, _)| extensions.contains(&hint.extension.as_str()));
    // A document may hold others: what it is called tells them apart.
    let kind = named.clone().find(found).or_else(|| OLD_OFFICE.iter().find(found));
    let kind = kind.or_else(|| named.clone().next());
    let kind = kind.map(|(.., media_type)| media_type.clone());
    kind.unwrap_or(MediaType::from_static("application/x-ole-storage"))
}

fn wide(name: &str) -> Vec<u8> {
    name.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Whether the directory of a compound file lists this name: entries begin at multiples of their size.
fn has_entry(bytes: &[u8], name: &[u8]) -> bool {
    let mut entries = bytes.chunks_exact(OLE_ENTRY_BYTES);
    entries.any(|entry| entry.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"\0\0")))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn text_kind(bytes: &[u8], hint: &Hint) -> MediaType {
    let extension = hint.extension.as_str();
    if let Some(mail) = mail_kind(bytes, hint) {
        return mail;
    }
    if let Some(markup) = markup(extension) {
        return markup;
    }
    match extension {
        "pdf" => return MediaType::PDF,
        // Nobody writes a text under these names: it is what is left of a document.
        "odt" | "odp" | "ods" | "epub" => return hint.package().unwrap_or(MediaType::TEXT),
        _ => {}
    }
    if let Some((_, kind)) = TEXT_TYPES.iter().find(|(known, _)| *known == extension) {
        return kind.clone();
    }
    match &hint.declared {
        Some(declared) if *declared == MediaType::MARKDOWN => MediaType::MARKDOWN,
        Some(declared) if *declared == MediaType::HTML => MediaType::HTML,
        _ if begins_like_html(bytes) => MediaType::HTML,
        None => begins_like(bytes).unwrap_or(MediaType::TEXT),
        Some(declared) => {
            let known = TEXT_TYPES.iter().find(|(_, kind)| kind == declared);
            known.map_or(MediaType::TEXT, |(_, kind)| kind.clone())
        }
    }
}

/// What a text with such a name is written in.
fn markup(extension: &str) -> Option<MediaType> {
    match extension {
        "md" | "markdown" | "mdown" | "mkd" => Some(MediaType::MARKDOWN),
        "html" | "htm" | "xhtml" => Some(MediaType::HTML),
        _ => None,
    }
}

/// A kind of text that says in its first words what it is.
fn begins_like(bytes: &[u8]) -> Option<MediaType> {
    let head = bytes.get(..SNIFF_BYTES.min(bytes.len())).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let head = head.trim_start_matches('\u{FEFF}').trim_start();
    let found = BEGINNINGS.iter().find(|(beginning, _)| head.starts_with(beginning));
    found.map(|(_, kind)| MediaType::from_static(kind))
}

/// Which kind of mail a text is. A name that promises another kind of text is believed; one that promises mail is believed
/// where the text begins with something like a field.
fn mail_kind(bytes: &[u8], hint: &Hint) -> Option<MediaType> {
    let head = bytes.get(..HEAD_BYTES.min(bytes.len())).unwrap_or_default();
    // Whole messages were saved in UTF-16.
    let is_wide = head.contains(&0) || head.starts_with(b"\xEF\xBB\xBF");
    let text = if is_wide { decode(head).text } else { String::new() };
    let head = if is_wide { text.as_bytes() } else { head }.trim_ascii_start();
    let named_mail = hint.is("eml", &MediaType::MAIL);
    if begins_message(head) {
        return Some(if named_mail { MediaType::MAIL } else { MediaType::MBOX });
    }
    if named_mail || hint.is("mbox", &MediaType::MBOX) {
        let first = head.split(|b| *b == b'\n').next().unwrap_or_default();
        return Some(if is_field(first) { MediaType::MAIL } else { MediaType::TEXT });
    }
    let extension = hint.extension.as_str();
    let known = TEXT_TYPES.iter().map(|(extension, _)| extension).chain(CODE_EXTENSIONS);
    let is_other = markup(extension).is_some()
        || known.into_iter().any(|known| *known == extension && extension != "txt");
    (!is_other && is_message(head)).then_some(MediaType::MAIL)
}

fn begins_like_html(bytes: &[u8]) -> bool {
    let head = bytes.get(..SNIFF_BYTES.min(bytes.len())).unwrap_or_default();
    let head: String = String::from_utf8_lossy(head).chars().filter(|c| *c != '\0').collect();
    let mut rest = head.trim_start_matches(['\u{FEFF}', '\u{FFFD}']).trim_start();
    // Comments and processing instructions may stand in front.
    while let Some(end) = match rest {
        r if r.starts_with("<!--") => r.find("-->").map(|at| at + 3),
        r if r.starts_with("<?") => r.find("?>").map(|at| at + 2),
        _ => None,
    } {
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    let Some(tag) = rest.strip_prefix('<').map(str::to_ascii_lowercase) else { return false };
    HTML_BEGINNINGS.iter().any(|name| {
        let after = tag.strip_prefix(name).and_then(|after| after.chars().next());
        after.is_some_and(|c| c == '>' || c == '/' || c.is_whitespace())
    })
}

/// What the sender says the document is.
struct Hint {
    extension: String,
    declared: Option<MediaType>,
}

impl Hint {
    fn of(raw: &RawDocument) -> Self {
        let file = raw.name.rsplit(['/', '\\']).next().unwrap_or_default();
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        Self { extension: extension.to_ascii_lowercase(), declared: raw.declared.clone() }
    }

    /// The kind of document in a container that it is said to be.
    fn package(&self) -> Option<MediaType> {
        let said = PACKAGES.iter().find(|(extension, kind)| self.is(extension, kind));
        said.map(|(_, kind)| kind.clone())
    }

    fn is(&self, extension: &str, media_type: &MediaType) -> bool {
        self.extension == extension || self.declared.as_ref() == Some(media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn kind(name: &str, declared: Option<&str>, bytes: &[u8]) -> String {
        let raw = RawDocument {
            name: name.into(),
            declared: declared.and_then(MediaType::parse),
            bytes: Bytes::copy_from_slice(bytes),
        };
        detect(&raw).as_str().to_owned()
    }

    #[test]
    fn content_beats_name_and_declared_type() {
        assert_eq!(kind("a.txt", Some("text/plain"), b"%PDF-1.4\n"), "application/pdf");
        assert_eq!(kind("a.html", None, b"\x89PNG\r\n\x1a\n"), "image/png");
        assert_eq!(kind("a.pdf", None, b"MZ\x90\0\x03"), "application/x-executable");
        assert_eq!(kind("a.pdf", None, b"junk\n%PDF-1.4\n"), "application/pdf");
        assert_eq!(kind("a.txt", None, b"about the header %PDF-1.4"), "text/plain");
    }

    #[test]
    fn hints_tell_kinds_of_text_apart() {
        assert_eq!(kind("a.md", None, b"# a"), "text/markdown");
        assert_eq!(kind("a", Some("text/markdown; charset=utf-8"), b"# a"), "text/markdown");
        assert_eq!(kind("page.html.txt", None, b"<html>"), "text/plain");
        assert_eq!(kind("page", None, b" <!-- c --><!DOCTYPE html>"), "text/html");
        assert_eq!(kind("page", None, b"<?xml version='1.0'?><html lang='en'>"), "text/html");
        assert_eq!(kind("note", None, b"<pretty> is not a tag"), "text/plain");
        assert_eq!(kind("t.csv", Some("application/vnd.ms-excel"), b"a,b"), "text/csv");
        assert_eq!(kind("feed", None, b"<?xml version='1.0'?><rss>"), "application/xml");
        assert_eq!(kind("talk", None, b"WEBVTT\n\n00:01"), "text/vtt");
        assert_eq!(kind("data", None, b"{\n \"a\": 1}"), "application/json");
        assert_eq!(kind("data.txt", None, b"{\n \"a\": 1}"), "text/plain");
    }

    #[test]
    fn a_password_protected_office_file_is_told_from_an_old_one() {
        let mut bytes = OLE.to_vec();
        assert_eq!(kind("a.doc", None, &bytes), "application/msword");
        bytes.resize(512, 0);
        bytes.extend(wide("Workbook"));
        bytes.resize(640, 0);
        assert_eq!(kind("a.doc", None, &bytes), "application/vnd.ms-excel");
        assert_eq!(kind("a", None, &bytes), "application/vnd.ms-excel");
        bytes.extend(ENCRYPTED_STREAM.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(kind("a.docx", None, &bytes), ENCRYPTED_OFFICE.as_str());
    }
}
