//! Figures of a release build.

use crate::project::Project;
use crate::report::{Ended, Report};
use crate::shell::Shell;

/// Builds the server as it is shipped, and lets the load generator measure it; `rest` goes to the generator.
pub(crate) fn server(project: &Project, report: &mut Report, rest: &[&str]) {
    let built = report.part("release build", || {
        let server = ["build", "--release", "--package", "chatbot-server"];
        Shell::cargo(&project.root).args(server).run()?;
        let load = ["build", "--release", "--package", "chatbot-benches", "--bin", "load"];
        Shell::cargo(&project.root).args(load).run()?;
        Ok(Ended::Passed)
    });
    if !built {
        return;
    }
    report.part("figures", || {
        let load = Shell::new(project.program("release", "load"), &project.root);
        load.args(["--server".as_ref(), project.program("release", "chatbot").as_os_str()])
            .args(rest)
            .run()?;
        Ok(Ended::Passed)
    });
}
