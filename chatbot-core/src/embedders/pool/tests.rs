//! A pool over a model that does as the texts say.

use std::sync::mpsc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::error::ErrorKind;

const HOUR: Duration = Duration::from_secs(3600);

/// Notes what it was asked for; `hold` waits until it is let go, `panic` panics.
struct Scripted {
    seen: mpsc::Sender<String>,
    go: Arc<Mutex<mpsc::Receiver<()>>>,
    gone: mpsc::Sender<()>,
}

impl Model for Scripted {
    fn embed(&self, text: &str, go_on: &dyn Fn() -> Result<()>) -> Result<Vec<f32>> {
        self.seen.send(text.to_owned()).unwrap();
        if text == "hold" {
            self.go.lock().unwrap().recv().unwrap();
            go_on()?;
        }
        assert!(text != "panic", "as the text says");
        Ok(vec![text.len() as f32])
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let _ = self.gone.send(());
    }
}

/// A pool of one thread, and the other ends of its model's channels.
struct Bench {
    pool: Pool<Scripted>,
    seen: mpsc::Receiver<String>,
    go: mpsc::Sender<()>,
    gone: mpsc::Receiver<()>,
    loaded: mpsc::Receiver<()>,
}

impl Bench {
    fn new(idle: Duration) -> Self {
        Self::failing(idle, 0)
    }

    /// The first loads fail.
    fn failing(idle: Duration, n_failures: usize) -> Self {
        let (seen_in, seen) = mpsc::channel();
        let (go, go_out) = mpsc::channel();
        let (gone_in, gone) = mpsc::channel();
        let (loaded_in, loaded) = mpsc::channel();
        let (go_out, left) = (Arc::new(Mutex::new(go_out)), Mutex::new(n_failures));
        let load = move || {
            loaded_in.send(()).unwrap();
            let mut left = left.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Err(Error::new(ErrorKind::ConfigInvalid, "No model."));
            }
            Ok(Scripted { seen: seen_in.clone(), go: go_out.clone(), gone: gone_in.clone() })
        };
        Self { pool: Pool::new(load, 1, idle), seen, go, gone, loaded }
    }

    fn submit(&self, kind: EmbedKind, ctx: &Context, texts: &[&str]) -> Replies {
        let (reply, replies) = unbounded_channel();
        let job = |(at, text): (usize, &&str)| Job {
            ctx: ctx.clone(),
            text: (*text).to_owned(),
            at,
            reply: reply.clone(),
        };
        self.pool.submit(kind, texts.iter().enumerate().map(job).collect()).unwrap();
        Replies(replies)
    }

    fn passages(&self, texts: &[&str]) -> Replies {
        self.submit(EmbedKind::Document, &Context::local(), texts)
    }
}

struct Replies(UnboundedReceiver<(usize, Result<Vec<f32>>)>);

impl Replies {
    /// The next one's place, and its vector or the kind of its error.
    fn next(&mut self) -> (usize, std::result::Result<Vec<f32>, ErrorKind>) {
        let (at, vector) = self.0.blocking_recv().expect("a reply");
        (at, vector.map_err(|error| error.kind()))
    }
}

#[test]
fn a_question_waits_for_no_passage() {
    let bench = Bench::new(HOUR);
    let mut held = bench.passages(&["hold", "a"]);
    assert_eq!(bench.seen.recv().unwrap(), "hold");
    let mut questions = bench.submit(EmbedKind::Query, &Context::local(), &["ccc"]);
    assert_eq!(
        questions.next(),
        (0, Ok(vec![3.0])),
        "while a passage is worked on and another waits"
    );
    let mut sentences = bench.submit(EmbedKind::Sentence, &Context::local(), &["dd"]);
    assert_eq!(sentences.next(), (0, Ok(vec![2.0])));
    bench.go.send(()).unwrap();
    assert_eq!((held.next(), held.next()), ((0, Ok(vec![4.0])), (1, Ok(vec![1.0]))));
    assert_eq!(bench.loaded.try_iter().count(), 1, "they share the model");
}

#[test]
fn what_nobody_waits_for_is_not_computed() {
    let bench = Bench::new(HOUR);
    let ctx = Context::local();
    let mut held = bench.submit(EmbedKind::Document, &ctx, &["hold"]);
    assert_eq!(bench.seen.recv().unwrap(), "hold");
    let mut cancelled = bench.submit(EmbedKind::Document, &ctx, &["cancelled"]);
    drop(bench.passages(&["left"]));
    let mut last = bench.passages(&["last"]);
    ctx.cancel();
    bench.go.send(()).unwrap();
    assert_eq!(held.next(), (0, Err(ErrorKind::Cancelled)), "felt within a text");
    assert_eq!(cancelled.next(), (0, Err(ErrorKind::Cancelled)));
    assert_eq!(last.next(), (0, Ok(vec![4.0])));
    assert_eq!(bench.seen.try_iter().collect::<Vec<_>>(), ["last"]);
}

#[test]
fn a_panic_costs_one_text() {
    let bench = Bench::new(HOUR);
    let mut replies = bench.passages(&["panic", "fine"]);
    assert_eq!(replies.next(), (0, Err(ErrorKind::Internal)));
    assert_eq!(replies.next(), (1, Ok(vec![4.0])));
    assert_eq!(bench.loaded.try_iter().count(), 1);
}

#[test]
fn an_idle_model_is_given_back_and_loaded_again() {
    let bench = Bench::new(Duration::from_millis(1));
    for _ in 0..2 {
        assert_eq!(bench.passages(&["text"]).next(), (0, Ok(vec![4.0])));
        bench.gone.recv().expect("given back");
    }
    assert_eq!(bench.loaded.try_iter().count(), 2);
    let bench = Bench::new(HOUR);
    assert_eq!(bench.loaded.try_iter().count(), 0, "nothing is loaded before a text comes");
    assert_eq!(bench.passages(&["text"]).next(), (0, Ok(vec![4.0])));
    drop(bench.pool);
    bench.gone.recv().expect("given back with the pool");
}

#[test]
fn a_model_that_could_not_be_loaded_is_tried_again() {
    let bench = Bench::failing(HOUR, 1);
    let mut replies = bench.passages(&["one", "two"]);
    assert_eq!(replies.next(), (0, Err(ErrorKind::ConfigInvalid)));
    assert_eq!(replies.next(), (1, Ok(vec![3.0])));
}
