//! Runs the program over one page at a time.

use std::io;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};

use super::super::pictures::Picture;
use super::OcrOptions;
use super::words::{self, Recognised};

/// Bytes of what the program says of a page: a dense one has 300 kB.
const MAX_OUTPUT_BYTES: u64 = 8 << 20;
/// Variables of this process that the program needs: where its data are, and its libraries.
const VARIABLES: [&str; 3] = ["TESSDATA_PREFIX", "LD_LIBRARY_PATH", "PATH"];
/// What it calls the data by which it finds out how a page is turned.
const TURNING: &str = "osd";

/// The program.
#[derive(Debug)]
pub(super) struct Tesseract {
    options: OcrOptions,
    /// Whether it can find out how a page is turned; known once it was asked.
    turns: OnceCell<bool>,
}

/// What came of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Read(Recognised),
    /// The page took more than it may, or the program did not survive it.
    Lost,
}

impl Tesseract {
    pub(super) fn new(options: OcrOptions) -> Self {
        Self { options, turns: OnceCell::new() }
    }

    pub(super) const fn options(&self) -> &OcrOptions {
        &self.options
    }

    /// Reads a page.
    ///
    /// # Errors
    /// `unavailable` where the program does not start, or does not know a language that it is to read.
    ///
    /// # Cancellation
    /// The program is killed.
    pub(super) async fn read(&self, picture: &Picture) -> Result<Outcome> {
        let turns = *self.turns.get_or_try_init(|| self.check()).await?;
        // Orientation, then everything; or everything but that.
        let order = if turns { "1" } else { "3" };
        let (languages, dpi) = (self.options.languages.join("+"), picture.dpi.to_string());
        let (languages, dpi) = (languages.as_str(), dpi.as_str());
        let said = ["stdin", "stdout", "-l", languages, "--dpi", dpi, "--psm", order];
        let table = ["-c", "tessedit_create_tsv=1"];
        let folder = tempfile::tempdir()?;
        let child = self.start(&folder, &[&said[..], &table].concat())?;
        match timeout(self.options.page_time, talk(child, picture)).await {
            Ok(Ok(Some(output))) => {
                Ok(Outcome::Read(words::read(&String::from_utf8_lossy(&output))))
            }
            Ok(Ok(None)) | Err(_) => Ok(Outcome::Lost),
            Ok(Err(error)) => Err(self.unavailable("did not run").with_source(error)),
        }
    }

    /// Whether it knows how pages are turned. It has to know the languages.
    async fn check(&self) -> Result<bool> {
        let folder = tempfile::tempdir()?;
        let child = self.start(&folder, &["--list-langs"])?;
        let listed = timeout(self.options.page_time, child.wait_with_output()).await;
        let listed = listed.map_err(|_| self.unavailable("did not answer"))??;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let knows = |language: &str| listed.lines().any(|line| line.trim() == language);
        match self.options.languages.iter().find(|language| !knows(language)) {
            Some(missing) => Err(self.unavailable(&format!("has no data for `{missing}`"))),
            None => Ok(knows(TURNING)),
        }
    }

    fn start(&self, folder: &TempDir, arguments: &[&str]) -> Result<Child> {
        let mut command = Command::new(&self.options.program);
        let kept = VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .args(arguments)
            .env_clear()
            .envs(kept)
            // Its threads gain a tenth, and take whole cores from those who wait for an answer.
            .env("OMP_THREAD_LIMIT", "1")
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let child = command
            .spawn()
            .map_err(|error| self.unavailable("could not be started").with_source(error))?;
        // Before it has anything of a document to read.
        limit(&child, &self.options)
            .map_err(|error| self.unavailable("could not be limited").with_source(error))?;
        Ok(child)
    }

    fn unavailable(&self, what: &str) -> Error {
        let program = self.options.program.display();
        let message = format!(
            "The program that recognises characters, {program}, {what}. Check `parsing.ocr_program` and `parsing.ocr_languages`."
        );
        Error::new(ErrorKind::Unavailable, message)
    }
}

/// Gives the page to the program and takes what it says; `None` where it fails or says too much.
async fn talk(mut child: Child, picture: &Picture) -> io::Result<Option<Vec<u8>>> {
    let (Some(mut to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
        return Ok(None);
    };
    let give = async {
        let head = format!("P5\n{} {}\n255\n", picture.width, picture.height);
        // Where it ends early, that is seen in how it ends.
        let _ = to.write_all(head.as_bytes()).await;
        let _ = to.write_all(&picture.grey).await;
        drop(to);
    };
    let take = async {
        let mut output = Vec::new();
        from.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut output).await.map(|_| output)
    };
    let ((), output) = tokio::join!(give, take);
    let output = output?;
    if output.len() as u64 > MAX_OUTPUT_BYTES {
        return Ok(None);
    }
    Ok(child.wait().await?.success().then_some(output))
}

/// Bounds the program's memory, time, files and processes.
#[cfg(target_os = "linux")]
fn limit(child: &Child, options: &OcrOptions) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit, setpriority_process};

    /// Files that it opens: its data, its settings, its libraries.
    const N_FILES: u64 = 64;
    let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else {
        return Ok(());
    };
    for (resource, limit) in [
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Nofile, N_FILES),
        (Resource::Data, options.max_memory_bytes),
        (Resource::Cpu, options.page_time.as_secs().saturating_add(1)),
    ] {
        prlimit(Some(pid), resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    // Answers go first. Refused, it competes as any other.
    let _ = setpriority_process(Some(pid), 10);
    Ok(())
}

/// Elsewhere its time alone is bounded, by whoever waits for it.
#[cfg(not(target_os = "linux"))]
fn limit(_: &Child, _: &OcrOptions) -> io::Result<()> {
    Ok(())
}
