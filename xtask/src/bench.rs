//! Figures of a release build.

use crate::project::Project;
use crate::report::{Ended, Report};
use crate::shell::Shell;

/// Lets the load generator measure the server as it is shipped; `rest` goes to the generator.
pub(crate) fn server(project: &Project, report: &mut Report, rest: &[&str]) {
    measure(project, report, "load", rest);
}

/// Backs a server up while others write, and restores it.
pub(crate) fn drill(project: &Project, report: &mut Report, rest: &[&str]) {
    measure(project, report, "backup", rest);
}

/// Builds the server as it is shipped, and has `program` measure it.
fn measure(project: &Project, report: &mut Report, program: &str, rest: &[&str]) {
    let built = report.part("release build", || {
        let server = ["build", "--release", "--package", "chatbot-server"];
        Shell::cargo(&project.root).args(server).run()?;
        let bench = ["build", "--release", "--package", "chatbot-benches", "--bin", program];
        Shell::cargo(&project.root).args(bench).run()?;
        Ok(Ended::Passed)
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
