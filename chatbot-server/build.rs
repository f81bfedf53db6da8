//! Builds the web page with npm where Node is there, and says which folder is embedded.
//!
//! Without Node the server still builds; it then shows a page that says how to get the real one. The page is built
//! again only when one of its sources changed: a hash of them is kept beside what was built.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use std::{env, fs, io};

/// What the page is made of, relative to `web/`.
const SOURCES: [&str; 7] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "tsconfig.json",
];
const SKIP: &str = "CHATBOT_SKIP_WEB";
const INDEX: &str = "index.html";
const STAMP: &str = ".sources";

const NO_PAGE: &str = "<!doctype html><meta charset=utf-8><title>Chatbot</title>\
    <h1>The server runs, without its page</h1>\
    <p>This binary was built without Node. Install Node 20 or later and build again, or use the command line and the \
    API: <a href=/docs>what it offers</a>.</p>\n";

fn main() -> io::Result<()> {
    let web = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("web");
    println!("cargo::rerun-if-env-changed={SKIP}");
    for source in SOURCES.iter().map(|source| web.join(source)).filter(|source| source.exists()) {
        watch(&source);
    }
    let embedded = match page(&web) {
        Ok(dist) => {
            watch(&dist.join(INDEX));
            dist
        }
        Err(reason) => {
            println!("cargo::warning=The page is not embedded: {reason}");
            // Node may be found there one day.
            println!("cargo::rerun-if-env-changed=PATH");
            placeholder()?
        }
    };
    println!("cargo::rustc-env=CHATBOT_WEB_DIST={}", embedded.display());
    Ok(())
}

/// Runs this script again when the file, or something in the folder, changes. A path that is not there would run it
/// every time.
fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// The folder with the page, built where that is needed.
fn page(web: &Path) -> Result<PathBuf, String> {
    let begun = SystemTime::now();
    let dist = web.join("dist");
    let built = dist.join(INDEX).is_file();
    if env::var_os(SKIP).is_some_and(|value| value != "0") {
        return if built { Ok(dist) } else { Err(format!("{SKIP} is set")) };
    }
    if !web.join("package.json").is_file() {
        return Err("there is no web/package.json".to_owned());
    }
    let sources = hash(web);
    if built && fs::read_to_string(dist.join(STAMP)).is_ok_and(|stamp| stamp == sources) {
        return Ok(dist);
    }
    if Command::new(npm()).arg("--version").output().is_err() {
        return Err("Node and npm are not installed".to_owned());
    }
    if !is_installed(web) {
        run(web, &["ci", "--no-audit", "--no-fund"])?;
    }
    run(web, &["run", "build"])?;
    finish(&dist, &sources, begun).map_err(|error| error.to_string())?;
    Ok(dist)
}

/// Notes what the page was built from. What this script writes is not a change that it should run for: cargo tells by
/// the time of the change.
fn finish(dist: &Path, sources: &str, begun: SystemTime) -> io::Result<()> {
    fs::write(dist.join(STAMP), sources)?;
    let index = fs::OpenOptions::new().append(true).open(dist.join(INDEX))?;
    index.set_modified(begun.checked_sub(Duration::from_secs(2)).unwrap_or(begun))
}

/// Whether `node_modules` is what the lock file says: npm leaves its own lock there.
fn is_installed(web: &Path) -> bool {
    let changed = |path: &str| fs::metadata(web.join(path)).and_then(|file| file.modified()).ok();
    let installed = changed("node_modules/.package-lock.json");
    installed.is_some() && installed >= changed("package-lock.json")
}

fn run(web: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(npm()).args(arguments).current_dir(web).output();
    let output = output.map_err(|error| format!("npm cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    // Cargo shows a warning per line, whatever the build's verbosity.
    for text in [&output.stdout, &output.stderr] {
        for line in String::from_utf8_lossy(text).lines().filter(|line| !line.trim().is_empty()) {
            println!("cargo::warning={line}");
        }
    }
    Err(format!("`npm {}` failed in {}", arguments.join(" "), web.display()))
}

const fn npm() -> &'static str {
    if cfg!(windows) { "npm.cmd" } else { "npm" }
}

/// A hash of the names and the content of every source.
fn hash(web: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        add(&web.join(source), &mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn add(path: &Path, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    if let Ok(entries) = fs::read_dir(path) {
        let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| add(entry, hasher));
    } else if let Ok(bytes) = fs::read(path) {
        bytes.hash(hasher);
    }
}

fn placeholder() -> io::Result<PathBuf> {
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("page");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(INDEX), NO_PAGE)?;
    Ok(folder)
}
