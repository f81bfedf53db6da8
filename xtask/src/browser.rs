//! The whole path as a person goes it: the real server, the real page, a real browser.

use crate::project::Project;
use crate::report::{Ended, Outcome};
use crate::server::Server;
use crate::shell::{NPM, Shell};
use crate::web::cannot_run;
use crate::{setup, slow_model};

/// Starts a server with an empty data directory and lets the page's suite drive it.
pub(crate) fn run(project: &Project) -> Outcome {
    if let Some(why) = cannot_run(project) {
        return Ok(Ended::Skipped(why));
    }
    let Some(chromium) = setup::browser() else {
        return Ok(Ended::Skipped("there is no browser; see `cargo xtask setup`".to_owned()));
    };
    let slow = format!("openai+http://{}/v1#slow", slow_model::start()?);
    let config = format!("[engine]\nmodels = [\"{slow}\"]\n");
    let server = Server::start(&project.program("debug", "chatbot"), &config)?;
    let suite = Shell::new(NPM, &project.web())
        .args(["run", "--silent", "e2e"])
        .env("CHATBOT_URL", format!("http://{}", server.address))
        .env("CHATBOT_SLOW_MODEL", &slow)
        .env("CHROMIUM", chromium)
        .run();
    if suite.is_err() {
        print!("the server's log:\n{}", server.log());
    }
    suite.map(|()| Ended::Passed)
}
