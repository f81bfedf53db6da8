//! The web page: its build, and the types that it shares with the server.

use std::fs;

use crate::project::Project;
use crate::report::{Ended, Outcome, Report};
use crate::server::Server;
use crate::setup;
use crate::shell::{NPM, Shell, find};

/// Builds the page into `chatbot-server/web/dist`, where the server's build takes it from.
pub(crate) fn build(project: &Project, report: &mut Report) {
    report.part("packages of the web page", || setup::packages(project));
    report.part("web page", || npm(project, "build"));
}

/// Asks the server for its API description and makes the page's types from it.
pub(crate) fn types(project: &Project, report: &mut Report) {
    report.part("packages of the web page", || setup::packages(project));
    report.part("OpenAPI description", || {
        let package = ["build", "--package", "chatbot-server"];
        Shell::cargo(&project.root).args(package).run()?;
        let server = Server::start(&project.program("debug", "chatbot"), "")?;
        fs::write(project.web().join("openapi.json"), server.get("/openapi.json")?)
            .map_err(|error| format!("openapi.json cannot be written: {error}"))?;
        Ok(Ended::Passed)
    });
    report.part("types of the web page", || npm(project, "types"));
}

/// Runs a script of the page, where there are a page and Node.
pub(crate) fn npm(project: &Project, script: &str) -> Outcome {
    if let Some(why) = cannot_run(project) {
        return Ok(Ended::Skipped(why));
    }
    Shell::new(NPM, &project.web()).args(["run", "--silent", script]).run()?;
    Ok(Ended::Passed)
}

/// Why nothing of the page can be built or tested here.
pub(crate) fn cannot_run(project: &Project) -> Option<String> {
    if !project.web().join("package.json").is_file() {
        return Some("there is no web page in this checkout".to_owned());
    }
    let no_node = "Node is not installed (20.19 or later, https://nodejs.org)";
    find(&["node"]).is_none().then(|| no_node.to_owned())
}
