//! Character recognition: the text of pages that are pictures.
//!
//! The recognition itself is the program *tesseract*, where a machine has it. It is large, in another language, and brings
//! decoders for every kind of picture, so it is kept from documents: a parse worker, which can only compute, decodes and
//! draws the pages, this process checks that they are grey values and nothing else, and
//! only these reach the program, one page at a time. What a hostile file can choose is how a page looks.
//!
//! Only pages whose text fails are recognised: those without any, those whose fonts hide their characters, and pictures of
//! pages under a stamp. What was recognised is marked: it is a reading of a picture, and can be wrong.
//!
//! Deliberately not here: recognition without workers. Decoders of pictures are the favourite door of attackers.

mod merge;
mod reader;
mod tesseract;
mod words;

use std::path::PathBuf;
use std::time::Duration;

pub use reader::OcrReader;

/// How characters are recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcrOptions {
    /// The program.
    pub program: PathBuf,
    /// The languages that pages are taken to be in, by the names that the program has for them.
    pub languages: Vec<String>,
    /// Pages of one document.
    pub max_pages: usize,
    /// Time for one page.
    pub page_time: Duration,
    /// Time for all pages of a document.
    pub document_time: Duration,
    /// Bytes of memory that the program may have.
    pub max_memory_bytes: u64,
}

impl OcrOptions {
    /// A dense page of A4 takes about five seconds on a slow core.
    pub const DEFAULT_PAGE_TIME: Duration = Duration::from_secs(60);
    /// An hour: the pages of a thick book.
    pub const DEFAULT_DOCUMENT_TIME: Duration = Duration::from_secs(3600);
    /// As many as are recognised within that time.
    pub const DEFAULT_MAX_PAGES: usize = 1000;
    /// Twice what an A3 page in three languages takes.
    pub const DEFAULT_MAX_MEMORY_BYTES: u64 = 1 << 30;

    /// Recognition by this program, in English, with the usual bounds.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            languages: vec!["eng".to_owned()],
            max_pages: Self::DEFAULT_MAX_PAGES,
            page_time: Self::DEFAULT_PAGE_TIME,
            document_time: Self::DEFAULT_DOCUMENT_TIME,
            max_memory_bytes: Self::DEFAULT_MAX_MEMORY_BYTES,
        }
    }

    /// The file that `program` names: a path, or a name that is looked for where programs are.
    #[must_use]
    pub fn find(program: &str) -> Option<PathBuf> {
        let found = if program.contains(std::path::is_separator) {
            Some(PathBuf::from(program)).filter(|path| path.is_file())
        } else {
            let folders = std::env::var_os("PATH")?;
            let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
            let mut files = std::env::split_paths(&folders).map(|folder| folder.join(&file));
            files.find(|path| path.is_file())
        };
        // It runs in a folder of its own.
        std::path::absolute(found?).ok()
    }
}
