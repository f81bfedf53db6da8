//! The drill that lasts: a mixed load at a bounded rate, and whether what the server holds stays bounded as well.
//!
//! Documents and sessions are deleted as fast as they are made, so that what lives is always about the same; whatever
//! grows all the same is a leak. Memory is judged by its trend after a warm-up; descriptors and the disk by what is left
//! once the load is over and everything had the time to be cleared up.

mod sample;
mod trend;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chatbot_benches::chance::Chance;
use chatbot_benches::client::http;
use chatbot_benches::server::{Program, Server};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::MissedTickBehavior;

use crate::actor::Actor;
use crate::api::Api;
use crate::check::store::Store;
use crate::check::{answers, folder};
use crate::report::{Findings, Kind};
use crate::{Result, slow_model};

pub use self::sample::Sample;
pub use self::trend::Trend;

/// Clients at the same time.
const N_ACTORS: usize = 4;
/// Time between two samples.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// The part of the time that counts as warm-up: caches fill, the first documents come.
const WARM_UP_SHARE: f64 = 0.25;
/// How long nothing is asked at the end before it is looked at what is left: the janitor comes every 30 seconds, and what
/// is kept for the next question is let go after 60.
const REST: Duration = Duration::from_secs(100);
/// Growth of resident memory, in percent an hour, from which on it is a leak.
const MAX_GROWTH: f64 = 1.0;
/// What lasts less says nothing about hours.
const SHORTEST_TREND: Duration = Duration::from_secs(20 * 60);
/// Descriptors and threads that may be open at the end beyond those at the beginning: connections to the store that are
/// opened when they are needed.
const MAX_LEFT: u64 = 8;
/// What a turn and an upload leave for good, or for a day: a line in the ledger of usage, and an idempotency key.
const LASTING_ROW_BYTES: f64 = 600.0;
/// How much of the disk may be used at the end beyond the time after the warm-up, apart from that: texts differ in length.
const MAX_DISK_GROWTH: f64 = 0.25;
const DISK_SLACK_BYTES: f64 = 2e6;
/// The longest write-ahead log: the store cuts it at 64 MiB.
const MAX_LOG_BYTES: u64 = 80 << 20;

/// How the load is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's binary.
    pub server: PathBuf,
    /// `builtin` or `none`.
    pub embedder: &'static str,
    /// For how long.
    pub lasts: Duration,
    /// Requests a second, over all clients.
    pub rate: f64,
    /// Where chance begins.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What was seen, in order.
    pub samples: Vec<Sample>,
    /// How resident memory went after the warm-up.
    pub memory: Option<Trend>,
    /// Before the load, and after it.
    pub rest: (Sample, Sample),
    /// Requests that were made.
    pub n_steps: u64,
    /// Promises that were broken.
    pub findings: Findings,
}

/// Runs the load and tells `progress` about each sample.
///
/// # Errors
/// Where the server cannot be started or does not answer.
pub async fn run(options: &Options, mut progress: impl FnMut(&Sample)) -> Result<Outcome> {
    let model = slow_model::start(1).await?;
    let name = slow_model::uri(&model);
    let program = Program {
        path: options.server.clone(),
        model: name.clone(),
        embedder: options.embedder,
        environment: Vec::new(),
    };
    let folder = TempDir::with_prefix("drill-load-")?;
    let data = folder.path().join("data");
    let server = program.start(&data).await?;
    let api = Api::new(&http()?, server.address);
    let mut chance = Chance::new(options.seed);
    let mut actors: Vec<Actor> =
        (0..N_ACTORS).map(|number| Actor::new(number, chance.fork(), &name, 40)).collect();
    let (begun, watched) = (Instant::now(), Watched { server: &server, data: &data });
    let before = watched.sample(begun).await?;
    let (samples, n_steps) = load(options, &mut actors, &api, &watched, &mut progress).await?;
    let by_meaning = options.embedder != "none";
    answers::settled(&mut actors, &api, by_meaning).await?;
    tokio::time::sleep(REST).await;
    let after = watched.sample(begun).await?;
    progress(&after);
    let mut outcome = Outcome {
        memory: trend_of_memory(&samples),
        samples,
        rest: (before, after),
        n_steps,
        findings: Findings::default(),
    };
    last_look(server, &api, &data, &mut actors, &mut outcome.findings).await?;
    outcome.judge(options);
    Ok(outcome)
}

/// The server and its folder.
struct Watched<'w> {
    server: &'w Server,
    data: &'w Path,
}

impl Watched<'_> {
    async fn sample(&self, begun: Instant) -> Result<Sample> {
        let id = self.server.id().ok_or("the server has ended")?;
        Sample::take(id, self.data, begun.elapsed()).await
    }
}

async fn load(
    options: &Options,
    actors: &mut [Actor],
    api: &Api,
    watched: &Watched<'_>,
    progress: &mut impl FnMut(&Sample),
) -> Result<(Vec<Sample>, u64)> {
    let begun = Instant::now();
    let n_actors = f64::from(u32::try_from(N_ACTORS)?);
    let period = Duration::from_secs_f64(n_actors / options.rate.max(0.01));
    let acted = actors.iter_mut().map(|actor| async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut n_steps = 0_u64;
        while begun.elapsed() < options.lasts {
            ticks.tick().await;
            actor.step(api).await?;
            actor.ledger.forget_deleted();
            n_steps += 1;
        }
        Ok::<u64, crate::Failure>(n_steps)
    });
    let sampled = async {
        let mut samples = Vec::new();
        while begun.elapsed() + SAMPLE_EVERY < options.lasts {
            tokio::time::sleep(SAMPLE_EVERY).await;
            let sample = watched.sample(begun).await?;
            progress(&sample);
            samples.push(sample);
        }
        Ok::<_, crate::Failure>(samples)
    };
    let (n_steps, samples) = tokio::join!(join_all(acted), sampled);
    let n_steps = n_steps.into_iter().collect::<Result<Vec<u64>>>()?;
    Ok((samples?, n_steps.into_iter().sum()))
}

#[allow(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn trend_of_memory(samples: &[Sample]) -> Option<Trend> {
    Trend::of(after_warm_up(samples).map(|sample| (sample.hours(), sample.resident_bytes as f64)))
}

/// The samples that count.
fn after_warm_up(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    let lasted = samples.last().map_or(0.0, Sample::hours);
    samples.iter().filter(move |sample| sample.hours() >= lasted * WARM_UP_SHARE)
}

async fn last_look(
    server: Server,
    api: &Api,
    data: &Path,
    actors: &mut [Actor],
    findings: &mut Findings,
) -> Result<()> {
    for actor in actors.iter_mut() {
        answers::kept(actor, api, true).await?;
        findings.add(&mut actor.findings);
    }
    server.stop().await?;
    let Some(mut store) = Store::open(data).await? else { return Ok(()) };
    store.is_sound(findings).await?;
    store.is_settled(actors, findings).await?;
    let originals = store.originals().await?;
    let n_loose = folder::check(data, &originals, findings)?;
    findings.check(n_loose == 0, Kind::Other, || format!("{n_loose} originals are nobody's"));
    Ok(())
}

impl Outcome {
    fn judge(&mut self, options: &Options) {
        let (before, after) = &self.rest;
        if let Some(trend) = self.memory.as_ref().filter(|_| options.lasts >= SHORTEST_TREND) {
            let grows = trend.percent_an_hour >= MAX_GROWTH && trend.is_beyond_noise();
            self.findings.check(!grows, Kind::Other, || format!("memory grows: {trend}"));
        }
        for (what, first, last) in [
            ("descriptors", before.n_descriptors, after.n_descriptors),
            ("threads", before.n_threads, after.n_threads),
        ] {
            self.findings.check(last <= first + MAX_LEFT, Kind::Other, || {
                format!("{last} {what} are left of a load that began with {first}")
            });
        }
        let longest = self.samples.iter().map(|sample| sample.log_bytes).max().unwrap_or_default();
        self.findings.check(longest <= MAX_LOG_BYTES, Kind::Other, || {
            format!("the write-ahead log had {longest} bytes")
        });
        if let Some(warm) = after_warm_up(&self.samples).next() {
            let lasting = options.lasts.as_secs_f64() * options.rate * LASTING_ROW_BYTES;
            let may = warm.kept_bytes() * (1.0 + MAX_DISK_GROWTH) + lasting + DISK_SLACK_BYTES;
            let kept = after.kept_bytes();
            self.findings.check(kept <= may, Kind::Other, || {
                format!("the disk holds {kept:.0} bytes for what lives, and may hold {may:.0}")
            });
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let broken = self.findings.broken.iter();
        json!({
            "steps": self.n_steps,
            "memory_percent_an_hour": self.memory.as_ref().map(|trend| trend.percent_an_hour),
            "memory_noise_percent_an_hour": self.memory.as_ref().map(|trend| trend.noise),
            "before": self.rest.0.to_json(),
            "after": self.rest.1.to_json(),
            "checks": self.findings.n_checks,
            "violations": broken.map(|(kind, what)| format!("{kind:?}: {what}")).collect::<Vec<_>>(),
            "samples": self.samples.iter().map(Sample::to_json).collect::<Vec<_>>(),
        })
    }
}
