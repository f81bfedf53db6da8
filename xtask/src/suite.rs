//! Every test there is.
//!
//! Everything is built by one cargo selection, `--workspace --all-targets`: another selection resolves other features
//! of the same dependencies and would build most of them again.

use std::fs;

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

/// Runs each example as the build left it, in an empty folder that does not outlive it.
fn examples(project: &Project) -> Outcome {
    let sources = fs::read_dir(project.root.join("examples"))
        .map_err(|error| format!("the examples cannot be listed: {error}"))?;
    let mut names: Vec<String> = sources
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == "rs").then_some(name)
        })
        .collect();
    names.sort();
    for name in &names {
        println!("\n$ cargo run --package chatbot-examples --example {name}");
        let program = project.program("debug/examples", name);
        Shell::new(program, &project.root.join("examples")).run()?;
    }
    println!("\n{} examples ran", names.len());
    Ok(Ended::Passed)
}
