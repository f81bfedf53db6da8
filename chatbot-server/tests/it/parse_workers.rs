//! Parsing in processes of their own: what a document does to its parser there, it does to nobody else.
//!
//! The worker is the program itself. In a build with the engine's feature `testing` it can be told to do what a parser
//! under attack might do.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::Duration;

use chatbot_core::parsers::worker::{WorkerOptions, WorkerReader};
use chatbot_core::parsers::{InProcessReader, Parsers};
use chatbot_core::traits::{DocumentReader, ParseLimits};
use chatbot_core::types::{ParsedDocument, RawDocument};
use chatbot_core::{Context, Error, ErrorKind, Reason};

use crate::support::{eventually, processes};

/// What takes longer than this would never end.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A reader whose workers misbehave where a document says so, with a name that they can be found by.
struct Workers {
    reader: WorkerReader,
    mark: String,
}

fn limits() -> ParseLimits {
    let max_duration = Duration::from_secs(2);
    ParseLimits { max_text_bytes: 1 << 20, max_duration, ..ParseLimits::default() }
}

fn workers(options: impl FnOnce(&mut WorkerOptions)) -> Workers {
    let mark = format!("workers-{}", chatbot_core::types::RequestId::new());
    let mut all = WorkerOptions::new(env!("CARGO_BIN_EXE_chatbot"));
    all.arguments = ["parse-worker", "--data-dir", &mark].map(str::to_owned).into();
    let variables = [("CHATBOT_HOSTILE_WORKER", "1"), ("MALLOC_CONF", "retain:false")];
    all.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    options(&mut all);
    Workers { reader: WorkerReader::new(all, limits()), mark }
}

impl Workers {
    async fn read(&self, text: &str) -> Result<ParsedDocument, Error> {
        self.read_for(&Context::local().with_timeout(ENDS_WITHIN), text).await
    }

    async fn read_for(&self, ctx: &Context, text: &str) -> Result<ParsedDocument, Error> {
        let bytes = text.to_owned().into_bytes().into();
        self.reader.read(ctx, RawDocument { name: "a.txt".to_owned(), declared: None, bytes }).await
    }

    /// The processes that are there.
    fn there(&self) -> Vec<u32> {
        processes(&self.mark)
    }

    #[track_caller]
    fn only(&self) -> u32 {
        let there = self.there();
        assert_eq!(there.len(), 1, "{there:?}");
        there[0]
    }
}

#[tokio::test]
async fn each_misdeed_costs_one_document_and_says_why() {
    let workers = workers(|options| options.n_at_once = 2);
    for (deed, reason, said) in [
        ("abort", Reason::Corrupt, "damaged"),
        ("exit", Reason::Corrupt, "damaged"),
        ("loop", Reason::LimitExceeded, "too long"),
        ("threads", Reason::LimitExceeded, "too long"),
        ("wait", Reason::LimitExceeded, "too long"),
        ("memory", Reason::LimitExceeded, "memory"),
        ("crumbs", Reason::LimitExceeded, "memory"),
        ("recursion", Reason::LimitExceeded, "nested"),
        ("output", Reason::LimitExceeded, "more text"),
        ("garbage", Reason::Corrupt, "damaged"),
        ("lie", Reason::Corrupt, "damaged"),
        ("forgery", Reason::Corrupt, "damaged"),
    ] {
        let order = format!("hostile {deed}");
        let (bad, good) =
            tokio::join!(workers.read(&order), workers.read("The pump needs oil every day."));
        assert_eq!(good.unwrap().text, "The pump needs oil every day.", "beside {deed}");
        let error = bad.expect_err(deed);
        assert_eq!(
            (error.kind(), error.reason()),
            (ErrorKind::ParseFailed, Some(reason)),
            "{deed}"
        );
        assert!(error.message().contains(said), "{deed}: {error}");
        let next = workers.read("The filter is changed in spring.").await;
        assert_eq!(next.unwrap().text, "The filter is changed in spring.", "after {deed}");
    }
}

#[tokio::test]
async fn a_worker_has_no_more_processor_time_than_a_document_may_take() {
    let workers = workers(|_| ());
    workers.read("words").await.unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", workers.only())).unwrap();
    let time = limits.lines().find_map(|line| line.strip_prefix("Max cpu time")).unwrap();
    let seconds = time.split_whitespace().next().unwrap();
    assert!(seconds.parse().is_ok_and(|seconds: u64| seconds < 10), "{seconds}");
}

#[tokio::test]
async fn a_worker_reaches_no_network_no_file_and_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let [there, new] = ["there.txt", "new.txt"].map(|name| folder.path().join(name));
    std::fs::write(&there, "words").unwrap();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let workers = workers(|_| ());
    for order in [
        format!("connect {}", listener.local_addr().unwrap()),
        "send".to_owned(),
        format!("read {}", there.display()),
        "read /proc/self/environ".to_owned(),
        format!("write {}", new.display()),
        "write here.txt".to_owned(),
        "execute /bin/true".to_owned(),
    ] {
        let said = workers.read(&format!("hostile {order}")).await.unwrap().text;
        assert!(said.starts_with("refused "), "{order}: {said}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert!(!new.exists());
    let said = workers.read("hostile environment .").await.unwrap().text;
    let mut names: Vec<&str> = said.split(' ').collect();
    names.sort_unstable();
    let given = ["CHATBOT_HOSTILE_WORKER", "CHATBOT_WORKER_MEMORY_BYTES"];
    assert_eq!(names, [&["."], &given[..], &["MALLOC_CONF"]].concat());
    workers.only();
}

#[tokio::test]
async fn workers_are_kept_replaced_and_ended() {
    let workers = workers(|options| options.idle_after = Duration::from_millis(300));
    assert!(workers.there().is_empty(), "none before it is needed");
    workers.read("one").await.unwrap();
    let first = workers.only();
    workers.read("two").await.unwrap();
    assert_eq!(workers.only(), first);
    workers.read("hostile abort").await.unwrap_err();
    workers.read("three").await.unwrap();
    let second = workers.only();
    assert_ne!(second, first);
    for _ in 0..150 {
        workers.read("again and again").await.unwrap();
    }
    assert_ne!(workers.only(), second, "it has done its share");
    eventually(|| async { workers.there().is_empty() }).await;
    workers.read("four").await.unwrap();
}

#[tokio::test]
async fn a_worker_that_keeps_too_much_is_replaced() {
    let workers = workers(|_| ());
    workers.read("hostile hoard").await.unwrap();
    eventually(|| async { workers.there().is_empty() }).await;
    workers.read("two").await.unwrap();
    workers.only();
}

#[tokio::test]
async fn what_is_cancelled_is_killed() {
    let workers = workers(|_| ());
    let ctx = Context::local();
    let reading = workers.read_for(&ctx, "hostile wait");
    let cancel = async {
        eventually(|| async { !workers.there().is_empty() }).await;
        ctx.cancel();
    };
    let (read, ()) = tokio::join!(reading, cancel);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::Cancelled);
    eventually(|| async { workers.there().is_empty() }).await;
    workers.read("words").await.unwrap();
}

#[tokio::test]
async fn there_are_never_more_than_allowed() {
    let workers = workers(|options| options.n_at_once = 2);
    let all = (0..20).map(|_| workers.read("words"));
    for read in futures_util::future::join_all(all).await {
        read.unwrap();
        assert!(workers.there().len() <= 2);
    }
    let mark = workers.mark.clone();
    drop(workers);
    eventually(|| async { processes(&mark).is_empty() }).await;
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_said() {
    for program in [Path::new("/no/such/program"), Path::new("/bin/true"), Path::new("/bin/yes")] {
        let reader = WorkerReader::new(WorkerOptions::new(program), limits());
        let bytes = b"words".to_vec().into();
        let raw = RawDocument { name: "a".to_owned(), declared: None, bytes };
        let error = reader.read(&Context::local(), raw).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}: {error:?}", program.display());
        assert!(error.message().contains("parsing.worker"), "{error}");
    }
}

/// Reads all of it, one after the other, and says how long that took.
async fn time(reader: &dyn DocumentReader, files: &[(String, Vec<u8>)]) -> Duration {
    let begun = std::time::Instant::now();
    for (name, bytes) in files {
        let raw = RawDocument { name: name.clone(), declared: None, bytes: bytes.clone().into() };
        // Some are made to fail; that takes its time too.
        let _ = reader.read(&Context::local(), raw).await;
    }
    begun.elapsed()
}

#[tokio::test]
#[ignore = "a measurement: by hand, on a machine that does nothing else"]
async fn what_a_process_of_its_own_costs() {
    let Some(folder) = crate::support::evaluation_data("documents") else { return };
    let all = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let texts = ["txt", "md", "html", "htm", "csv", "json", "xml", "log"];
    let is_text = |path: &Path| {
        path.extension()
            .is_some_and(|kind| texts.iter().any(|text| kind.eq_ignore_ascii_case(text)))
    };
    let (texts, others): (Vec<_>, Vec<_>) = all
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().display().to_string(), std::fs::read(entry.path()).unwrap()))
        .partition(|(name, _)| is_text(Path::new(name)));
    let limits = ParseLimits::default();
    let inside = InProcessReader::new(Parsers::default(), limits.clone(), 1);
    let mut options = WorkerOptions::new(env!("CARGO_BIN_EXE_chatbot"));
    options.arguments = vec!["parse-worker".to_owned()];
    options.environment = [("MALLOC_CONF".to_owned(), "retain:false".to_owned())].into();
    let outside = WorkerReader::new(options, limits);
    for (name, files) in [("texts", texts), ("others", others)] {
        let n_bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        let (inside, outside) = (time(&inside, &files).await, time(&outside, &files).await);
        println!(
            "{name}: {} files, {n_bytes} bytes: {inside:?} inside, {outside:?} outside",
            files.len()
        );
    }
}
