//! The library as others get it: packaged, unpacked, and used by a crate that knows nothing of this workspace.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use crate::project::Project;
use crate::report::{Ended, Outcome};
use crate::shell::Shell;

/// The same profile as the workspace's, so that dependencies which both have are compiled once.
const MANIFEST: &str = r#"[package]
name = "outside"
version = "0.0.0"
edition = "2024"
publish = false

[dependencies]
chatbot-core = { path = "PACKAGE" }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }

[profile.dev]
debug = "line-tables-only"

[profile.dev.package."*"]
debug = false
opt-level = 1

[workspace]
"#;

/// Packages the library and runs README's first example with it.
pub(crate) fn run(project: &Project) -> Outcome {
    let package = unpack(project)?;
    let crate_root = package.with_file_name("outside");
    let io = |error: std::io::Error| format!("the outside crate cannot be written: {error}");
    fs::create_dir_all(crate_root.join("src")).map_err(io)?;
    let readme = fs::read_to_string(project.root.join("README.md")).map_err(io)?;
    let program = first_example(&readme).ok_or("README.md has no Rust example.")?;
    let package_name = package.file_name().map(Path::new).unwrap_or(Path::new("")).display();
    let manifest = MANIFEST.replace("PACKAGE", &format!("../{package_name}"));
    fs::write(crate_root.join("Cargo.toml"), manifest).map_err(io)?;
    fs::write(crate_root.join("src").join("main.rs"), program).map_err(io)?;
    fs::write(crate_root.join("README.md"), &readme).map_err(io)?;
    fs::copy(project.root.join("Cargo.lock"), crate_root.join("Cargo.lock")).map_err(io)?;
    let cargo = Shell::cargo(&crate_root).env("CARGO_TARGET_DIR", &project.target);
    let printed = cargo.args(["run", "--quiet"]).read()?;
    print!("{printed}");
    if printed.contains("[1]") {
        return Ok(Ended::Passed);
    }
    Err("README's first example ran, but printed no source.".to_owned())
}

/// Makes the package and unpacks it outside the workspace; the folder is the same for each run of this checkout, so
/// that only the library itself is compiled again.
fn unpack(project: &Project) -> Result<PathBuf, String> {
    let package = ["package", "--package", "chatbot-core", "--no-verify", "--allow-dirty"];
    Shell::cargo(&project.root)
        .env("CARGO_TARGET_DIR", &project.target)
        .args(package)
        .args(["--quiet"])
        .run()?;
    let name = format!("chatbot-core-{}", env!("CARGO_PKG_VERSION"));
    let archive = project.target.join("package").join(format!("{name}.crate"));
    let mut hasher = DefaultHasher::new();
    project.root.hash(&mut hasher);
    let folder = std::env::temp_dir().join(format!("chatbot-outside-{:016x}", hasher.finish()));
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(io)?;
    let unpacked = folder.join(&name);
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).map_err(io)?;
    }
    // -m: a package's files carry a fixed, old date, which cargo would take for unchanged.
    Shell::new("tar", &folder).args(["-xmf".as_ref(), archive.as_os_str()]).run()?;
    Ok(unpacked)
}

/// The first Rust block of a Markdown text.
fn first_example(markdown: &str) -> Option<&str> {
    let (_, rest) = markdown.split_once("```rust\n")?;
    rest.split_once("\n```").map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rust_block_is_the_example() {
        let readme = "# T\n```sh\nls\n```\n```rust\nfn main() {}\n```\n```rust\nlater\n```\n";
        assert_eq!(first_example(readme), Some("fn main() {}"));
        assert_eq!(first_example("```sh\nls\n```"), None);
    }
}
