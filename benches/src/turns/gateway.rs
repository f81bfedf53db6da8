//! The server as a gateway to a model, beside LiteLLM's proxy: the same model behind both, requests at fixed rates.
//!
//! An open loop: a request begins when it is due, whatever became of those before it, and its time counts from then on. What
//! counts is what a gateway adds to the same requests without one. Ours stores each question and each answer durably, which the
//! other does not do.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::MissedTickBehavior;

use super::peer::Python;
use crate::client::http;
use crate::figure::Figure;
use crate::measurement::Table;
use crate::processes::computed_s;
use crate::server::Program;
use crate::stats::Samples;
use crate::{Failure, Result};

/// Requests before anything is measured: what is imported and opened at the first ones.
const N_WARM: usize = 40;
/// The proxy reads its prices and models for this long at the most.
const READY_WITHIN: Duration = Duration::from_secs(120);
const READY_POLL: Duration = Duration::from_millis(200);
/// Our share of what the proxy adds, at the most: a tenth.
const BAR_ADDED_PERCENT: f64 = 10.0;
/// Our share of the processor that the proxy needs, at the most.
const BAR_CPU_PERCENT: f64 = 5.0;
const MESSAGE: &str = "When was the harbour bridge finished, and who paid for it?";

/// A way to the model.
struct Route {
    name: &'static str,
    url: String,
    body: Value,
    /// What stands in a whole answer.
    end: &'static str,
    /// The process that is looked at, where there is one beside the model's.
    process: Option<u32>,
}

/// How much is asked: so many requests a second each, for so long.
#[derive(Debug, Clone)]
pub struct Load {
    /// Requests a second, one rate after the other.
    pub rates: Vec<u32>,
    /// How long each rate lasts.
    pub lasts: Duration,
}

/// What was measured of one route at one rate.
struct Measured {
    samples: Samples,
    /// Requests without a whole answer.
    n_failed: u32,
    cpu_s_per_1000: f64,
}

/// Measures the server and the proxy at each rate, one after the other.
///
/// # Errors
/// Where one of them cannot be started, or does not answer.
pub async fn measure(
    program: &Program,
    python: &Python,
    (model, load): (SocketAddr, &Load),
    table: &mut Table,
) -> Result<()> {
    let folder = TempDir::new()?;
    let server = program.start(&folder.path().join("data")).await?;
    let proxy = Proxy::start(python, model, folder.path()).await?;
    let openai = json!({
        "model": "instant", "stream": true, "messages": [{"role": "user", "content": MESSAGE}],
    });
    let ours = json!({
        "message": MESSAGE, "stream": true, "use_rag": false, "model": program.model,
    });
    let chat = |address| format!("http://{address}/v1/chat/completions");
    let route = |name, url, body: &Value, end, process| Route {
        name,
        url,
        body: body.clone(),
        end,
        process,
    };
    let ours_url = format!("http://{}/api/v1/chat", server.address);
    let routes = [
        route("without a gateway", chat(model), &openai, "[DONE]", None),
        route("chatbot-core", ours_url, &ours, "event: done", server.id()),
        route("litellm", chat(proxy.address), &openai, "[DONE]", proxy.process.id()),
    ];
    let http = http()?;
    for route in &routes {
        for _ in 0..N_WARM {
            route.ask(&http).await?;
        }
    }
    let mut rows = Vec::new();
    for (round, rate) in load.rates.iter().copied().enumerate() {
        let mut measured: [Option<Measured>; 3] = [None, None, None];
        for place in 0..routes.len() {
            let at = (place + round) % routes.len();
            if let (Some(route), Some(slot)) = (routes.get(at), measured.get_mut(at)) {
                *slot = Some(route.load(&http, rate, load.lasts).await?);
            }
        }
        let [Some(direct), Some(own), Some(other)] = &measured else {
            return Err(Failure::from("a route was not measured"));
        };
        compare(rate, [direct, own, other], table);
        for (route, of) in routes.iter().zip([direct, own, other]) {
            rows.push(row(route.name, rate, of, direct));
        }
    }
    table.note("gateway", Value::Array(rows));
    table.note("litellm", json!(proxy.version));
    server.stop().await
}

fn compare(rate: u32, [direct, own, other]: [&Measured; 3], table: &mut Table) {
    let added = |of: &Measured, percent| of.samples.ms(percent) - direct.samples.ms(percent);
    let name = format!("requests of ours that failed at {rate}/s");
    let detail = format!("of {}; {} of litellm's", own.samples.len(), other.n_failed);
    table.row(Figure::new(name, f64::from(own.n_failed), "", 0.0).with_detail(detail));
    for percent in [50, 99] {
        let (ours, theirs) = (added(own, percent), added(other, percent));
        let detail = format!("{ours:.2} ms beside {theirs:.2} ms");
        let name = format!("added beside litellm at {rate}/s, p{percent}");
        // The bar is for the tail.
        let bar = if percent == 99 { BAR_ADDED_PERCENT } else { f64::INFINITY };
        table.row(Figure::new(name, 100.0 * ours / theirs, "%", bar).with_detail(detail));
    }
    let (ours, theirs) = (own.cpu_s_per_1000, other.cpu_s_per_1000);
    let detail = format!("{ours:.2} s beside {theirs:.2} s for 1,000 requests");
    let name = format!("processor beside litellm at {rate}/s");
    let share = 100.0 * ours / theirs;
    table.row(Figure::new(name, share, "%", BAR_CPU_PERCENT).with_detail(detail));
}

fn row(name: &str, rate: u32, of: &Measured, direct: &Measured) -> Value {
    let added = |percent| of.samples.ms(percent) - direct.samples.ms(percent);
    json!({
        "name": name, "rate": rate, "p50_ms": of.samples.ms(50), "p99_ms": of.samples.ms(99),
        "added_p50_ms": added(50), "added_p99_ms": added(99), "requests": of.samples.len(), "failed": of.n_failed,
        "cpu_s_per_1000": of.cpu_s_per_1000,
    })
}

impl Route {
    /// Requests at this rate for so long.
    async fn load(&self, http: &reqwest::Client, rate: u32, lasts: Duration) -> Result<Measured> {
        let before = self.computed_s()?;
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (begun, mut asked) = (Instant::now(), Vec::new());
        while begun.elapsed() < lasts {
            let due = ticks.tick().await.into_std();
            let request = self.request(http);
            let end = self.end;
            asked.push(tokio::spawn(
                async move { whole(request, end).await.map(|()| due.elapsed()) },
            ));
        }
        let (mut samples, mut n_failed) = (Samples::default(), 0);
        for took in join_all(asked).await {
            match took? {
                Ok(took) => samples.push(took),
                Err(_) => n_failed += 1,
            }
        }
        let n = f64::from(u32::try_from(samples.len())?).max(1.0);
        let cpu_s_per_1000 = (self.computed_s()? - before) * 1e3 / n;
        Ok(Measured { samples, n_failed, cpu_s_per_1000 })
    }

    async fn ask(&self, http: &reqwest::Client) -> Result<()> {
        whole(self.request(http), self.end).await
    }

    fn request(&self, http: &reqwest::Client) -> reqwest::RequestBuilder {
        http.post(&self.url).json(&self.body)
    }

    fn computed_s(&self) -> Result<f64> {
        self.process.map_or(Ok(0.0), computed_s)
    }
}

/// Sends a request and reads its answer, which has to be whole.
async fn whole(request: reqwest::RequestBuilder, end: &'static str) -> Result<()> {
    let text = request.send().await?.error_for_status()?.text().await?;
    if text.contains(end) {
        return Ok(());
    }
    Err(Failure::from(format!("an answer is not whole: {text}")))
}

/// `LiteLLM`'s proxy with one worker, as it is set up for production: nothing logged, nothing told to anybody.
struct Proxy {
    process: Child,
    address: SocketAddr,
    version: String,
}

impl Proxy {
    async fn start(python: &Python, model: SocketAddr, folder: &Path) -> Result<Self> {
        let config = folder.join("litellm.yaml");
        let mut text = String::from("model_list:\n  - model_name: instant\n    litellm_params:\n");
        let _ = writeln!(text, "      model: openai/instant\n      api_base: http://{model}/v1");
        text.push_str("      api_key: none\nlitellm_settings:\n  telemetry: false\n");
        // The other two ask for no key either.
        text.push_str("general_settings:\n  dangerously_permit_weak_or_unset_master_key: true\n");
        std::fs::write(&config, text)?;
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let program =
            python.path.with_file_name(format!("litellm{}", std::env::consts::EXE_SUFFIX));
        let log = std::fs::File::create(folder.join("litellm.log"))?;
        let process = Command::new(&program)
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--num_workers", "1", "--telemetry", "False", "--config"])
            .arg(&config)
            .env("LITELLM_LOG", "ERROR")
            .env("LITELLM_MODE", "PRODUCTION")
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let mut proxy = Self { process, address, version: version(python).await? };
        proxy.until_ready(&folder.join("litellm.log")).await?;
        Ok(proxy)
    }

    async fn until_ready(&mut self, log: &Path) -> Result<()> {
        let (http, begun) = (http()?, Instant::now());
        let url = format!("http://{}/health/liveliness", self.address);
        while begun.elapsed() < READY_WITHIN && self.process.try_wait()?.is_none() {
            if http.get(&url).send().await.is_ok_and(|reply| reply.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(READY_POLL).await;
        }
        let said = std::fs::read_to_string(log).unwrap_or_default();
        Err(Failure::from(format!("the proxy does not start: {said}")))
    }
}

async fn version(python: &Python) -> Result<String> {
    let ask = "import importlib.metadata as m; print(m.version('litellm'))";
    let said = Command::new(&python.path).args(["-c", ask]).output().await?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}
