//! The drill that walks: a server that ends itself at a named moment, for every moment that has a name.

use std::time::Duration;

use chatbot_benches::server::Server;
use chatbot_core::testing::CRASH_POINTS;
use futures_util::future::join_all;

use crate::Result;
use crate::api::Api;
use crate::check::store::Store;
use crate::life::{Life, Nature, Options, broken};
use crate::report::{Kind, Report};

/// The longest that clients try to reach a point.
const REACHED_WITHIN: Duration = Duration::from_secs(120);
/// How often the janitor comes in these servers.
const JANITOR_MS: &str = "150";
/// Points that lie on the way of every document or answer: one of the first few times is the one.
const FREQUENT: &[&str] =
    &["original", "accept", "ingest", "publish", "writer", "embedding", "turn", "index", "sweep"];

/// Points that are walked over in one data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// From nothing to a server that is ready.
    Start,
    /// From a file to a document that answers.
    Documents,
    /// From a question to a stored answer.
    Turns,
    /// What is written beside the documents: the log, the index, and what is removed.
    Upkeep,
    /// From a document to those inside it.
    Inside,
    /// From a passage to its vector in the index.
    Vectors,
}

impl Group {
    /// Every group.
    pub const ALL: &'static [Self] =
        &[Self::Start, Self::Documents, Self::Turns, Self::Upkeep, Self::Inside, Self::Vectors];

    fn of(point: &str) -> Self {
        match point.split('/').next() {
            Some("migration" | "start") => Self::Start,
            Some("embedding" | "dense") => Self::Vectors,
            Some("turn") => Self::Turns,
            Some("parts") => Self::Inside,
            Some("writer" | "log" | "index") => Self::Upkeep,
            // Vectors that nothing needs are removed only where there are vectors.
            Some("sweep") => Self::Vectors,
            _ => Self::Documents,
        }
    }

    /// Its points.
    pub fn points(self) -> impl Iterator<Item = &'static str> {
        CRASH_POINTS.iter().copied().filter(move |point| Self::of(point) == self)
    }
}

/// Ends a server at each point of a group, and looks each time what the next one makes of it.
pub async fn run(options: &Options, seed: u64, group: Group) -> Report {
    let by_meaning = group == Group::Vectors;
    // Text is stored each second while it arrives: some answers must take longer than that.
    let n_sentences = if group == Group::Turns { 6 } else { 1 };
    let mut life = match Life::new(options, seed, Nature { by_meaning, n_sentences }).await {
        Ok(life) => life,
        Err(error) => return broken(seed, &*error),
    };
    let outcome = life.walk(group).await;
    life.end(outcome)
}

impl Life {
    async fn walk(&mut self, group: Group) -> Result<()> {
        for point in group.points() {
            if point.starts_with("migration") {
                self.migrate_and_crash(point).await?;
            } else if group == Group::Inside {
                self.take_apart_and_crash(point).await?;
            } else {
                self.drive_and_crash(point).await?;
            }
            self.report.n_kills += 1;
        }
        self.program.environment.clear();
        self.last_look().await
    }

    /// A data directory of its own, which nobody has used before.
    async fn migrate_and_crash(&mut self, point: &'static str) -> Result<()> {
        let data = self.folder.path().join(point.replace('/', "-"));
        // At the first migration, then at the second: what was committed is not run again.
        let times_left = if point.ends_with("after_commit") { [1, 1] } else { [1, 2] };
        for times in times_left {
            self.crash_at(point, times);
            let mut server = self.program.spawn(&data)?;
            let ready = server.until_ready(&self.http).await;
            self.is_reached(point, ready.is_err() && server.id().is_none());
            server.kill().await.ok();
        }
        self.program.environment.clear();
        let mut server = self.program.spawn(&data)?;
        server.until_ready(&self.http).await?;
        server.kill().await?;
        if let Some(mut store) = Store::open(&data).await? {
            store.is_sound(&mut self.findings).await?;
        }
        Ok(())
    }

    async fn drive_and_crash(&mut self, point: &'static str) -> Result<()> {
        if matches!(point, "index/cleared" | "index/rebuilding") {
            std::fs::remove_dir_all(self.data().join("index")).ok();
        }
        let is_frequent = FREQUENT.iter().any(|part| point.starts_with(part));
        let is_rare =
            matches!(point, "index/cleared" | "index/rebuilding" | "sweep/vectors_removed");
        let times = if is_frequent && !is_rare { self.chance.between(1, 3) } else { 1 };
        self.crash_at(point, times);
        let mut server = self.program.spawn(&self.data())?;
        let is_dead = match server.until_ready(&self.http).await {
            Ok(()) => self.drive_until_dead(&mut server).await?,
            Err(_) => server.id().is_none(),
        };
        self.is_reached(point, is_dead);
        server.kill().await.ok();
        self.look_into_store().await?;
        self.program.environment = vec![janitor()];
        let mut server = self.start().await?;
        let api = Api::new(&self.http, server.address);
        self.look_back(&api, true, false).await?;
        server.kill().await
    }

    /// Lets all clients do what they like until the server has ended itself.
    async fn drive_until_dead(&mut self, server: &mut Server) -> Result<bool> {
        let api = &Api::new(&self.http, server.address);
        let acted = join_all(self.actors.iter_mut().map(|actor| actor.act(api)));
        if tokio::time::timeout(REACHED_WITHIN, acted).await.is_err() {
            return Ok(false);
        }
        Ok(tokio::time::timeout(Duration::from_secs(5), server.ended()).await.is_ok())
    }

    pub(crate) fn crash_at(&mut self, point: &str, times: usize) {
        let crash = ("CHATBOT_CRASH_AT".to_owned(), format!("{point}:{times}"));
        self.program.environment = vec![janitor(), crash];
    }

    pub(crate) fn is_reached(&mut self, point: &str, is_dead: bool) {
        self.findings.check(is_dead, Kind::Other, || format!("{point} was not reached"));
    }
}

fn janitor() -> (String, String) {
    ("CHATBOT_DRILL_JANITOR_MS".to_owned(), JANITOR_MS.to_owned())
}
