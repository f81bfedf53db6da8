//! Formats by their media type: what they are called, and what to do about those that nobody reads.

use crate::error::{Error, Reason};
use crate::types::MediaType;

use super::pictures::is_picture;

/// Excel workbooks.
pub(super) const XLSX: MediaType =
    MediaType::from_static("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
/// Documents of Word 2003 and before.
pub(super) const DOC: MediaType = MediaType::from_static("application/msword");
/// Workbooks of Excel 2003 and before.
pub(super) const XLS: MediaType = MediaType::from_static("application/vnd.ms-excel");
/// Presentations of PowerPoint 2003 and before.
pub(super) const PPT: MediaType = MediaType::from_static("application/vnd.ms-powerpoint");
/// PowerPoint presentations.
pub(super) const PPTX: MediaType = MediaType::from_static(
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
);
/// OpenDocument texts.
pub(super) const ODT: MediaType = MediaType::from_static("application/vnd.oasis.opendocument.text");
/// OpenDocument presentations.
pub(super) const ODP: MediaType =
    MediaType::from_static("application/vnd.oasis.opendocument.presentation");
/// OpenDocument sheets.
pub(super) const ODS: MediaType =
    MediaType::from_static("application/vnd.oasis.opendocument.spreadsheet");
/// E-books.
pub(super) const EPUB: MediaType = MediaType::from_static("application/epub+zip");
/// A container of an Office document that is protected by a password.
pub(super) const ENCRYPTED_OFFICE: MediaType = MediaType::from_static("application/encrypted");
/// Text in the code pages of mainframes.
pub(super) const EBCDIC: MediaType = MediaType::from_static("text/x-ebcdic");

const SAVE_AS: &str = "Save it in a current format, such as DOCX, XLSX, PPTX or PDF, and add that.";
const UNPACK: &str = "Unpack it and add the documents in it.";
const PICTURE: &str = "Text in pictures cannot be read: add a document that holds the text itself.";
const SOUND: &str = "Add a transcript of it instead.";
const READABLE: &str = "PDF, Word, Excel, PowerPoint, OpenDocument, EPUB, RTF, HTML, Markdown, mail, zip and text files can \
    be read.";
const NOT_IN_THIS_BUILD: &str = "This build cannot read it.";

/// (media type, or its beginning where it ends in `/` or `.`; what people call it; what they can do)
const UNREAD: &[(&str, &str, &str)] = &[
    ("application/msword", "an old Word document (.doc)", NOT_IN_THIS_BUILD),
    ("application/vnd.ms-excel", "an old Excel workbook (.xls)", NOT_IN_THIS_BUILD),
    ("application/vnd.ms-powerpoint", "an old PowerPoint presentation (.ppt)", NOT_IN_THIS_BUILD),
    ("application/vnd.ms-outlook", "an Outlook message (.msg)", SAVE_AS),
    ("application/x-ole-storage", "an old Office document", SAVE_AS),
    ("application/vnd.ms-excel.sheet.binary.macroenabled.12", "a binary workbook (.xlsb)", SAVE_AS),
    ("application/postscript", "a PostScript document", "Convert it to PDF and add that."),
    ("application/vnd.ms-htmlhelp", "a compiled help file (.chm)", SAVE_AS),
    ("application/vnd.wordperfect", "a WordPerfect document", SAVE_AS),
    ("text/x-ebcdic", "text in an EBCDIC encoding", "Convert it to UTF-8 and add that."),
    ("application/zip", "a zip archive", UNPACK),
    ("application/gzip", "a gzip archive", UNPACK),
    ("application/x-tar", "a tar archive", UNPACK),
    ("application/x-bzip2", "a bzip2 archive", UNPACK),
    ("application/x-xz", "an xz archive", UNPACK),
    ("application/x-7z-compressed", "a 7z archive", UNPACK),
    ("application/vnd.rar", "a rar archive", UNPACK),
    ("application/zstd", "a zstd archive", UNPACK),
    ("application/x-compress", "a compressed file (.Z)", UNPACK),
    ("application/x-executable", "a program", READABLE),
    ("application/vnd.sqlite3", "a database", READABLE),
    ("application/pdf", "a PDF document", NOT_IN_THIS_BUILD),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "a Word document",
        NOT_IN_THIS_BUILD,
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "an Excel workbook (.xlsx)",
        NOT_IN_THIS_BUILD,
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "a PowerPoint presentation (.pptx)",
        NOT_IN_THIS_BUILD,
    ),
    ("application/epub+zip", "an e-book (.epub)", NOT_IN_THIS_BUILD),
    ("application/rtf", "a rich text document (.rtf)", NOT_IN_THIS_BUILD),
    ("application/vnd.oasis.opendocument.text", "an OpenDocument text (.odt)", NOT_IN_THIS_BUILD),
    ("application/vnd.oasis.opendocument.spreadsheet", "an OpenDocument sheet", NOT_IN_THIS_BUILD),
    (
        "application/vnd.oasis.opendocument.presentation",
        "an OpenDocument presentation (.odp)",
        NOT_IN_THIS_BUILD,
    ),
    ("application/vnd.oasis.opendocument.", "an OpenDocument drawing or formula", SAVE_AS),
    ("image/", "a picture", PICTURE),
    ("audio/", "a sound file", SOUND),
    ("video/", "a film", SOUND),
    ("font/", "a font", READABLE),
];

/// Documents in a zip container, by their extension: what a damaged one is taken for.
pub(super) const PACKAGES: &[(&str, MediaType)] = &[
    ("docx", MediaType::DOCX),
    ("xlsx", XLSX),
    ("pptx", PPTX),
    ("odt", ODT),
    ("odp", ODP),
    ("ods", ODS),
    ("epub", EPUB),
];

/// Why a document of this type is not read.
pub(super) fn unsupported(media_type: &MediaType) -> Error {
    if *media_type == ENCRYPTED_OFFICE {
        return Error::parse(
            Reason::Encrypted,
            "The document is protected by a password. Remove the protection and add it again.",
        );
    }
    if is_picture(media_type) {
        let message = "This is a picture. Where the program `tesseract` is installed beside the server, the text in it is \
            read (setting `parsing.ocr`); or add a document that holds the text itself.";
        return Error::parse(Reason::NoTextLayer, message).with_context("media_type", media_type);
    }
    let name = media_type.as_str();
    let known = UNREAD.iter().find(|(prefix, ..)| {
        if prefix.ends_with(['/', '.']) { name.starts_with(prefix) } else { name == *prefix }
    });
    let message = match known {
        Some((_, what, advice)) => format!("This is {what}, which cannot be read. {advice}"),
        None => format!("The format of this file is not known. {READABLE}"),
    };
    Error::parse(Reason::UnsupportedFormat, message).with_context("media_type", media_type)
}

/// (file name extension, media type) of kinds of text; the first of a type is its usual one.
pub(super) const TEXT_TYPES: &[(&str, MediaType)] = &[
    ("txt", MediaType::TEXT),
    ("csv", MediaType::from_static("text/csv")),
    ("tsv", MediaType::from_static("text/tab-separated-values")),
    ("json", MediaType::from_static("application/json")),
    ("jsonl", MediaType::from_static("application/x-ndjson")),
    ("ndjson", MediaType::from_static("application/x-ndjson")),
    ("xml", MediaType::from_static("application/xml")),
    ("svg", MediaType::from_static("image/svg+xml")),
    ("yaml", MediaType::from_static("application/yaml")),
    ("yml", MediaType::from_static("application/yaml")),
    ("toml", MediaType::from_static("application/toml")),
    ("tex", MediaType::from_static("application/x-tex")),
    ("latex", MediaType::from_static("application/x-tex")),
    ("ltx", MediaType::from_static("application/x-tex")),
    ("rst", MediaType::from_static("text/x-rst")),
    ("rest", MediaType::from_static("text/x-rst")),
    ("adoc", MediaType::from_static("text/asciidoc")),
    ("asciidoc", MediaType::from_static("text/asciidoc")),
    ("org", MediaType::from_static("text/x-org")),
    ("ipynb", MediaType::from_static("application/x-ipynb+json")),
    ("rss", MediaType::from_static("application/xml")),
    ("atom", MediaType::from_static("application/xml")),
    ("vtt", MediaType::from_static("text/vtt")),
    ("srt", MediaType::from_static("application/x-subrip")),
    ("eml", MediaType::from_static("message/rfc822")),
    ("mbox", MediaType::from_static("application/mbox")),
    ("css", MediaType::from_static("text/css")),
    ("js", MediaType::from_static("text/javascript")),
];

/// Extensions of program text, whose lines and indentation mean something.
pub(super) const CODE_EXTENSIONS: &[&str] = &[
    "rs", "py", "js", "ts", "tsx", "jsx", "java", "c", "h", "cpp", "hpp", "cc", "cs", "go", "rb",
    "php", "swift", "kt", "scala", "sh", "bash", "ps1", "sql", "lua", "pl", "r", "hs", "ml", "ex",
    "exs", "erl", "clj", "dart", "zig", "css", "scss", "json", "yaml", "yml", "toml", "ini", "cfg",
    "conf", "xml",
];
