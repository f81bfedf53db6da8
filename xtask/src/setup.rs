//! What the tests need beside Rust: Node packages for the page, a browser to look at it.

use std::fs;
use std::path::PathBuf;

use crate::project::Project;
use crate::report::{Ended, Outcome, Report};
use crate::shell::{NPM, Shell, find};
use crate::web::cannot_run;

/// The browsers that the tests can drive, by the names they are installed under.
const BROWSERS: &[&str] =
    &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Installs what is missing and can be installed.
pub(crate) fn run(project: &Project, report: &mut Report) {
    report.part("setup: test runner", || {
        let runner = if has_nextest() { "cargo nextest" } else { "cargo test" };
        println!("{runner} runs the tests");
        Ok(Ended::Passed)
    });
    report.part("setup: packages of the web page", || packages(project));
    report.part("setup: browser", || install_browser(project));
}

/// Whether `cargo nextest` is there; it only is faster.
pub(crate) fn has_nextest() -> bool {
    find(&["cargo-nextest"]).is_some()
}

/// The browser for the tests: CHROMIUM, or one on the path.
pub(crate) fn browser() -> Option<PathBuf> {
    std::env::var_os("CHROMIUM").map(PathBuf::from).or_else(|| find(BROWSERS))
}

/// Installs the page's packages as its lock file says, where that was not done for this lock file.
pub(crate) fn packages(project: &Project) -> Outcome {
    let web = project.web();
    if let Some(why) = cannot_run(project) {
        return Ok(Ended::Skipped(why));
    }
    let changed = |path: &str| fs::metadata(web.join(path)).and_then(|file| file.modified()).ok();
    if changed("node_modules/.package-lock.json") >= changed("package-lock.json") {
        println!("the packages are those of package-lock.json");
        return Ok(Ended::Passed);
    }
    Shell::new(NPM, &web).args(["ci", "--no-audit", "--no-fund"]).run()?;
    Ok(Ended::Passed)
}

fn install_browser(project: &Project) -> Outcome {
    if let Some(path) = browser() {
        println!("{}", path.display());
        return Ok(Ended::Passed);
    }
    if !is_root() || find(&["apt-get"]).is_none() {
        let how = "no browser; install Chromium, or name one in CHROMIUM";
        return Ok(Ended::Skipped(how.to_owned()));
    }
    let apt = || Shell::new("apt-get", &project.root).env("DEBIAN_FRONTEND", "noninteractive");
    let installed = apt().args(["update", "-qq"]).run().and_then(|()| {
        apt().args(["install", "-y", "-qq", "--no-install-recommends", "chromium"]).run()
    });
    match installed {
        Ok(()) => Ok(Ended::Passed),
        Err(why) => Ok(Ended::Skipped(format!("no browser: {why}"))),
    }
}

fn is_root() -> bool {
    let user = std::process::Command::new("id").arg("-u").output();
    user.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
