//! The library as others get it: packaged, unpacked, and used by a crate that knows nothing of this workspace.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

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

[patch.crates-io]
"#;

/// The library and the parts of it that are crates of their own: none of them need be in a registry to be tried.
const CRATES: [&str; 4] =
    ["chatbot-core", "chatbot-kernels", "chatbot-model-encoder", "chatbot-model-tokens"];

/// Packages the library and runs README's first example with it.
pub(crate) fn run(project: &Project) -> Outcome {
    let folder = unpack(project)?;
    let crate_root = folder.join("outside");
    let io = |error: std::io::Error| format!("the outside crate cannot be written: {error}");
    fs::create_dir_all(crate_root.join("src")).map_err(io)?;
    let readme = fs::read_to_string(project.root.join("README.md")).map_err(io)?;
    let program = first_example(&readme).ok_or("README.md has no Rust example.")?;
    let path = |name: &str| format!("../{}", unpacked(name));
    let mut manifest = MANIFEST.replace("PACKAGE", &path(CRATES[0]));
    for name in CRATES {
        manifest.push_str(&format!("{name} = {{ path = \"{}\" }}\n", path(name)));
    }
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

/// Makes the packages and unpacks them outside the workspace; the folder is the same for each run of this checkout, so
/// that only the library itself is compiled again.
fn unpack(project: &Project) -> Result<PathBuf, String> {
    let packages = CRATES.iter().flat_map(|name| ["--package", name]);
    Shell::cargo(&project.root)
        .env("CARGO_TARGET_DIR", &project.target)
        .args(["package", "--no-verify", "--allow-dirty", "--quiet"])
        .args(packages)
        .run()?;
    let mut hasher = DefaultHasher::new();
    project.root.hash(&mut hasher);
    let folder = std::env::temp_dir().join(format!("chatbot-outside-{:016x}", hasher.finish()));
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(io)?;
    for name in CRATES.map(unpacked) {
        let archive = project.target.join("package").join(format!("{name}.crate"));
        if folder.join(&name).exists() {
            fs::remove_dir_all(folder.join(&name)).map_err(io)?;
        }
        // -m: a package's files carry a fixed, old date, which cargo would take for unchanged.
        Shell::new("tar", &folder).args(["-xmf".as_ref(), archive.as_os_str()]).run()?;
    }
    Ok(folder)
}

/// The folder that a crate's package unpacks to.
fn unpacked(name: &str) -> String {
    format!("{name}-{}", env!("CARGO_PKG_VERSION"))
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
