//! Figures of a release build.

use crate::peers;
use crate::project::Project;
use crate::report::{Ended, Outcome, Report};
use crate::shell::Shell;

/// Lets the load generator measure the server as it is shipped; `rest` goes to the generator.
pub(crate) fn server(project: &Project, report: &mut Report, rest: &[&str]) {
    measure(project, report, "load", rest);
}

/// Backs a server up while others write, and restores it.
pub(crate) fn backup(project: &Project, report: &mut Report, rest: &[&str]) {
    measure(project, report, "backup", rest);
}

/// Uploads documents made to break programs, several times over.
pub(crate) fn hostile(project: &Project, report: &mut Report, rest: &[&str]) {
    with_data(project, report, |report, data| {
        measure(project, report, "hostile", &[&["--data", data], rest].concat());
    });
}

/// Takes the time of turns beyond the model, alone, and beside others where there is a Python for them.
pub(crate) fn turns(project: &Project, report: &mut Report, rest: &[&str]) {
    let mut python = None;
    report.part("peers", || {
        Ok(match peers::frameworks(project)? {
            Ok(path) => {
                python = Some(path.display().to_string());
                Ended::Passed
            }
            Err(why) => Ended::Skipped(why),
        })
    });
    let scripts = project.root.join("benches").join("peers").display().to_string();
    let with = python.as_deref().map(|python| ["--python", python, "--peers", scripts.as_str()]);
    let with = with.as_ref().map_or(&[][..], |words| words.as_slice());
    measure(project, report, "turns", &[with, rest].concat());
}

/// Reads inputs that nobody would write, until a finding or the end of the time.
pub(crate) fn fuzz(project: &Project, report: &mut Report, rest: &[&str]) {
    with_data(project, report, |report, data| {
        alone(project, report, "fuzz", &[&["--data", data], rest].concat());
    });
}

/// Does work that needs the public sets, or says that they are not there.
fn with_data(project: &Project, report: &mut Report, work: impl FnOnce(&mut Report, &str)) {
    match project.eval_data() {
        Ok(data) => work(report, &data.display().to_string()),
        Err(why) => {
            report.part("figures", || Ok(Ended::Skipped(why)));
        }
    }
}

/// Lets another embedder take over while people ask: in a process of its own, without the server.
pub(crate) fn moving(project: &Project, report: &mut Report, rest: &[&str]) {
    alone(project, report, "moving", rest);
}

/// Runs a program that needs no server.
fn alone(project: &Project, report: &mut Report, program: &str, rest: &[&str]) {
    let built =
        report.part("release build", || build(project, &["chatbot-benches", "--bin", program]));
    if built {
        report.part("figures", || {
            let measured = Shell::new(project.program("release", program), &project.root);
            measured.args(rest).run()?;
            Ok(Ended::Passed)
        });
    }
}

/// Builds the server as it is shipped, and has `program` measure it.
fn measure(project: &Project, report: &mut Report, program: &str, rest: &[&str]) {
    let built = report.part("release build", || {
        build(project, &["chatbot-server"])?;
        build(project, &["chatbot-benches", "--bin", program])
    });
    if !built {
        return;
    }
    report.part("figures", || {
        let measured = Shell::new(project.program("release", program), &project.root);
        measured
            .args(["--server".as_ref(), project.program("release", "chatbot").as_os_str()])
            .args(rest)
            .run()?;
        Ok(Ended::Passed)
    });
}

fn build(project: &Project, package: &[&str]) -> Outcome {
    Shell::cargo(&project.root).args(["build", "--release", "--package"]).args(package).run()?;
    Ok(Ended::Passed)
}
