//! What can be found without running anything.

use crate::project::Project;
use crate::report::{Ended, Report};
use crate::shell::{Shell, find};

/// Formatting, clippy, the engine without features, rustdoc and the licences of what we depend on.
pub(crate) fn run(project: &Project, report: &mut Report) {
    let cargo = || Shell::cargo(&project.root);
    report.part("format", || {
        cargo().args(["fmt", "--all", "--check"]).run()?;
        Ok(Ended::Passed)
    });
    report.part("clippy", || {
        let selection = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        cargo().args(selection).run()?;
        Ok(Ended::Passed)
    });
    report.part("the engine without its features", || {
        // A folder of its own: other features would make the next build begin anew.
        let selection = ["check", "-p", "chatbot-core", "--no-default-features"];
        let folder = ["--target-dir", "target/no-features"];
        cargo().args(selection).args(folder).env("RUSTFLAGS", "-D warnings").run()?;
        Ok(Ended::Passed)
    });
    report.part("rustdoc", || {
        let selection = ["doc", "--workspace", "--no-deps", "--document-private-items"];
        cargo().args(selection).env("RUSTDOCFLAGS", "-D warnings").run()?;
        Ok(Ended::Passed)
    });
    report.part("licences and advisories", || {
        if find(&["cargo-deny"]).is_none() {
            return Ok(Ended::Skipped("cargo-deny is not installed".to_owned()));
        }
        cargo()
            .args(["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
            .run()?;
        Ok(Ended::Passed)
    });
}
