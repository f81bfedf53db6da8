//! Every test there is.
//!
//! Everything is built by one cargo selection, `--workspace --all-targets`: another selection resolves other features
//! of the same dependencies and would build most of them again.

use std::fs;
use std::path::PathBuf;

use crate::project::Project;
use crate::report::{Ended, Outcome, Report};
use crate::shell::Shell;
use crate::{browser, outside, setup, web};

const SELECTION: [&str; 2] = ["--workspace", "--all-targets"];

/// Sets up, builds, and runs every test; what one part finds does not stop the next.
pub(crate) fn run(project: &Project, report: &mut Report) {
    setup::run(project, report);
    let built = report.part("build", || {
        Shell::cargo(&project.root).args(["build"]).args(SELECTION).run()?;
        Ok(Ended::Passed)
    });
    if !built {
        return;
    }
    report.part("tests", || rust_tests(project));
    report.part("code in the documentation", || {
        Shell::cargo(&project.root).args(["test", "--workspace", "--doc"]).run()?;
        Ok(Ended::Passed)
    });
    report.part("examples", || examples(project));
    report.part("the package, used from outside", || outside::run(project));
    report.part("web page: lint", || web::npm(project, "lint"));
    report.part("web page: tests", || web::npm(project, "test"));
    report.part("the whole path in a browser", || browser::run(project));
}

fn rust_tests(project: &Project) -> Outcome {
    let cargo = Shell::cargo(&project.root);
    let runner = if setup::has_nextest() {
        cargo.args(["nextest", "run", "--no-fail-fast"])
    } else {
        cargo.args(["test", "--no-fail-fast"])
    };
    runner.args(SELECTION).run()?;
    Ok(Ended::Passed)
}

/// Runs each example as the build left it, and looks for the text that its first lines promise: "Prints: `…`".
fn examples(project: &Project) -> Outcome {
    let folder = project.root.join("examples");
    let io = |error: std::io::Error| format!("the examples cannot be read: {error}");
    let mut sources: Vec<PathBuf> =
        fs::read_dir(&folder).map_err(io)?.flatten().map(|entry| entry.path()).collect();
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources.sort();
    for source in &sources {
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        println!("\n$ cargo run --package chatbot-examples --example {name}");
        let code = fs::read_to_string(source).map_err(io)?;
        let promise =
            promise(&code).ok_or_else(|| format!("{name} does not say what it prints"))?;
        let printed = Shell::new(project.program("debug/examples", &name), &folder).read()?;
        print!("{printed}");
        if !printed.contains(promise) {
            return Err(format!("{name} did not print {promise:?}"));
        }
    }
    println!("\n{} examples ran", sources.len());
    Ok(Ended::Passed)
}

fn promise(code: &str) -> Option<&str> {
    code.lines().find_map(|line| line.strip_prefix("//! Prints: `")?.strip_suffix('`'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_promises_what_it_prints() {
        assert_eq!(
            promise("//! A thing.\n//!\n//! Prints: `42 words`\nfn main() {}"),
            Some("42 words")
        );
        assert_eq!(promise("//! A thing.\nfn main() {}"), None);
    }
}
