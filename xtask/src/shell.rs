//! Other programs: started with their output shown, failed with their command line.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A command whose failure reads well.
pub(crate) struct Shell {
    command: Command,
    shows_errors: bool,
}

impl Shell {
    /// Will run `program` in `folder`.
    pub(crate) fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        Self { command, shows_errors: true }
    }

    /// Will run the cargo that runs us.
    pub(crate) fn cargo(folder: &Path) -> Self {
        let mut shell = Self::new(std::env::var_os("CARGO").unwrap_or("cargo".into()), folder);
        // Ours describe xtask; a build script that saw them would be run again for every caller.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            shell.command.env_remove(name);
        }
        shell
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it says on standard error is of no concern; `read` shows it otherwise.
    pub(crate) fn quiet(mut self) -> Self {
        self.shows_errors = false;
        self
    }

    /// Runs it to its end with its output shown.
    pub(crate) fn run(mut self) -> Result<(), String> {
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{} ({status})", self.line())),
            Err(error) => Err(format!("{}: {error}", self.line())),
        }
    }

    /// Runs it to its end and returns what it wrote to its standard output.
    pub(crate) fn read(mut self) -> Result<String, String> {
        let stderr = if self.shows_errors { Stdio::inherit() } else { Stdio::null() };
        let output = self.command.stderr(stderr).output();
        match output {
            Ok(output) if output.status.success() => {
                Ok(String::from_utf8_lossy(&output.stdout).into_owned())
            }
            Ok(output) => Err(format!("{} ({})", self.line(), output.status)),
            Err(error) => Err(format!("{}: {error}", self.line())),
        }
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }
}

/// The first of these programs that is on the path.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let files = names.iter().flat_map(|name| {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        folders.iter().map(move |folder| folder.join(&file))
    });
    files.into_iter().find(|file| file.is_file())
}

/// The name by which npm is started here.
pub(crate) const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let failure = Shell::new("no-such-program", Path::new(".")).args(["--flag"]).run();
        assert!(failure.is_err_and(|line| line.starts_with("no-such-program --flag: ")));
    }
}
