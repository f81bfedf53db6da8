//! One data directory through many lives of its server.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chatbot_benches::chance::Chance;
use chatbot_benches::client::http;
use chatbot_benches::server::{Program, Server};
use chatbot_core::testing::scripted_server::ScriptedServer;
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::actor::Actor;
use crate::api::Api;
use crate::check::store::Store;
use crate::check::{answers, folder};
use crate::disk::Disk;
use crate::report::{Findings, Kind, Report, Violation};
use crate::{Result, resolve, slow_model};

/// Clients at the same time.
const N_ACTORS: usize = 4;
/// The moment of a kill, after the server was ready: from the first request to long after the first passages were
/// embedded. Drawn so that each doubling is as likely as any other.
const KILL_AFTER_MS: (f64, f64) = (3.0, 800.0);
/// One kill in so many hits a server that is starting, this long after its process began at the latest.
const KILL_AT_START: usize = 8;
const STARTING_MS: usize = 120;
/// Kills between two times that everything is waited for. A document is given up after five tries, and each kill may cost
/// it one.
const KILLS_UNSETTLED: u32 = 3;
/// One kill in so many is followed by a look into the store before the next start.
const LOOK_INTO_STORE: usize = 3;

/// How drills are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's binary.
    pub server: PathBuf,
    /// The longest that a restart may take.
    pub ready_within: Duration,
    /// How servers end.
    pub ending: Ending,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is killed; the system goes on, and writes what it was given.
    Kill,
    /// The power is cut: only what was flushed is there afterwards.
    PowerCut,
}

/// One data directory, its clients, and what came of it so far.
#[derive(Debug)]
pub struct Life {
    seed: u64,
    options: Options,
    pub(crate) chance: Chance,
    // Before the folder in which it lies: it is unmounted first.
    disk: Option<Disk>,
    pub(crate) folder: TempDir,
    pub(crate) program: Program,
    by_meaning: bool,
    pub(crate) http: reqwest::Client,
    pub(crate) actors: Vec<Actor>,
    pub(crate) findings: Findings,
    pub(crate) report: Report,
    _model: ScriptedServer,
}

/// Runs the life of this seed and kills its server so often.
pub async fn run(options: &Options, seed: u64, n_kills: u64) -> Report {
    let nature = Nature { by_meaning: Chance::new(seed).once_in(2), n_sentences: 1 };
    let mut life = match Life::new(options, seed, nature).await {
        Ok(life) => life,
        Err(error) => return broken(seed, &*error),
    };
    let outcome = life.live(n_kills).await;
    life.end(outcome)
}

/// What kind of life it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nature {
    /// Whether passages get vectors.
    pub(crate) by_meaning: bool,
    /// How long the slow model talks; a sentence takes a quarter of a second.
    pub(crate) n_sentences: usize,
}

pub(crate) fn broken(seed: u64, error: &(dyn std::error::Error + Send + Sync)) -> Report {
    let what = format!("the drill itself failed: {error}");
    let violations = vec![Violation { kind: Kind::Other, seed, what }];
    Report { violations, ..Report::default() }
}

impl Life {
    pub(crate) async fn new(options: &Options, seed: u64, nature: Nature) -> Result<Self> {
        let mut chance = Chance::new(seed);
        let Nature { by_meaning, n_sentences } = nature;
        let model = slow_model::start(n_sentences).await?;
        let name = slow_model::uri(&model);
        // Long texts are for lives without an embedder: vectors take a second for each thirty passages.
        let book_once_in = if by_meaning { 0 } else { 25 };
        let actors =
            (0..N_ACTORS).map(|number| Actor::new(number, chance.fork(), &name, book_once_in));
        let folder = TempDir::with_prefix("drill-")?;
        let disk = match options.ending {
            Ending::Kill => None,
            Ending::PowerCut => Some(Disk::new(folder.path())?),
        };
        Ok(Self {
            seed,
            options: options.clone(),
            actors: actors.collect(),
            chance,
            disk,
            folder,
            program: Program {
                path: options.server.clone(),
                model: name,
                embedder: if by_meaning { "builtin" } else { "none" },
                environment: Vec::new(),
            },
            by_meaning,
            http: http()?,
            findings: Findings::default(),
            report: Report::default(),
            _model: model,
        })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.disk.as_ref().map_or_else(|| self.folder.path(), Disk::place).join("data")
    }

    async fn live(&mut self, n_kills: u64) -> Result<()> {
        let mut n_unsettled = 0;
        while self.report.n_kills < n_kills {
            let may_wait = self.report.n_kills > 0 && n_unsettled < KILLS_UNSETTLED;
            if may_wait && self.chance.once_in(KILL_AT_START) {
                self.kill_at_start().await?;
            } else {
                let mut server = self.start().await?;
                let api = Api::new(&self.http, server.address);
                let settles = n_unsettled >= KILLS_UNSETTLED || self.chance.once_in(4);
                self.look_back(&api, settles, false).await?;
                if settles {
                    n_unsettled = 0;
                }
                self.drive_and_kill(&mut server, &api).await?;
            }
            n_unsettled += 1;
            self.report.n_kills += 1;
            if self.chance.once_in(LOOK_INTO_STORE) {
                self.look_into_store().await?;
            }
        }
        self.last_look().await
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn start(&mut self) -> Result<Server> {
        let mut server = self.program.spawn(&self.data())?;
        server.until_ready(&self.http).await?;
        if self.report.n_kills > 0 {
            self.report.ready.push(server.took);
            let (took, within) = (server.took, self.options.ready_within);
            self.findings.check(took <= within, Kind::Other, || {
                format!("ready after {took:?} and not within {within:?}")
            });
        }
        Ok(server)
    }

    async fn kill_at_start(&mut self) -> Result<()> {
        let mut server = self.program.spawn(&self.data())?;
        let after = u64::try_from(self.chance.below(STARTING_MS))?;
        tokio::time::sleep(Duration::from_millis(after)).await;
        strike(&mut server, self.disk.as_ref()).await?;
        self.report.n_kills_at_start += 1;
        Ok(())
    }

    /// Compares what the server says with what its clients know, and clears up what is in doubt.
    pub(crate) async fn look_back(&mut self, api: &Api, settles: bool, all: bool) -> Result<()> {
        let looked = self.actors.iter_mut().map(|actor| async move {
            answers::kept(actor, api, all).await?;
            resolve::resolve(actor, api).await
        });
        for n_repeated in join_all(looked).await {
            self.report.n_repeated += n_repeated?;
        }
        if settles {
            let took = answers::settled(&mut self.actors, api, self.by_meaning).await?;
            self.report.settled.push(took);
        }
        Ok(())
    }

    /// Lets all clients do what they like, and kills the server in the midst of it.
    async fn drive_and_kill(&mut self, server: &mut Server, api: &Api) -> Result<()> {
        let (least, most) = KILL_AFTER_MS;
        let after = least * (most / least).powf(self.chance.share());
        let (is_killed, disk) = (&AtomicBool::new(false), self.disk.as_ref());
        let kill = async {
            tokio::time::sleep(Duration::from_secs_f64(after / 1e3)).await;
            is_killed.store(true, Ordering::SeqCst);
            strike(server, disk).await
        };
        let acted = self.actors.iter_mut().map(|actor| async move {
            let ended = actor.act(api).await;
            let was_killed = is_killed.load(Ordering::SeqCst);
            actor.findings.check(was_killed, Kind::Other, || {
                format!("a request broke off while the server lived: {:?}", ended.err())
            });
        });
        let (killed, _) = tokio::join!(kill, join_all(acted));
        killed
    }

    pub(crate) async fn look_into_store(&mut self) -> Result<()> {
        if let Some(mut store) = Store::open(&self.data()).await? {
            store.is_sound(&mut self.findings).await?;
        }
        Ok(())
    }

    /// Everything once more: nobody asks for anything now.
    pub(crate) async fn last_look(&mut self) -> Result<()> {
        let mut server = self.start().await?;
        let api = Api::new(&self.http, server.address);
        self.look_back(&api, true, true).await?;
        // What is indexed is noted in the store a moment after it is found.
        until_noted(&self.data()).await?;
        if self.chance.once_in(2) {
            server.stop().await?
        } else {
            server.kill().await?
        }
        let Some(mut store) = Store::open(&self.data()).await? else { return Ok(()) };
        store.is_sound(&mut self.findings).await?;
        store.is_settled(&self.actors, &mut self.findings).await?;
        let originals = store.originals().await?;
        self.report.n_loose_originals +=
            folder::check(&self.data(), &originals, &mut self.findings)?;
        Ok(())
    }

    /// What came of it. Where a promise was broken, the folder stays.
    pub(crate) fn end(mut self, outcome: Result<()>) -> Report {
        for actor in &mut self.actors {
            self.findings.add(&mut actor.findings);
            self.report.n_acknowledged += actor.ledger.n_acknowledged;
        }
        if let Err(error) = outcome {
            self.findings.check(false, Kind::Loss, || format!("the life ended early: {error}"));
        }
        self.report.n_lives = 1;
        self.report.n_checks = self.findings.n_checks;
        let seed = self.seed;
        let violations = self.findings.broken.drain(..);
        self.report.violations =
            violations.map(|(kind, what)| Violation { kind, seed, what }).collect();
        if !self.report.violations.is_empty() {
            let kept = self.folder.keep();
            self.report.violations.push(Violation {
                kind: Kind::Other,
                seed,
                what: format!("the folder is kept: {}", kept.display()),
            });
        }
        self.report
    }
}

/// Ends the server, and with it the power of its disk where it has one of its own.
async fn strike(server: &mut Server, disk: Option<&Disk>) -> Result<()> {
    let Some(disk) = disk else { return server.kill().await };
    // From here on it tells nobody anything: not that a write failed, either.
    server.pause().await?;
    disk.cut()?;
    server.kill().await?;
    disk.restore()
}

/// Waits until the indexes have noted the last change; what comes after that says whether they have.
async fn until_noted(data: &Path) -> Result<()> {
    let Some(mut store) = Store::open(data).await? else { return Ok(()) };
    for _ in 0..500 {
        if store.n_behind().await? == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}
