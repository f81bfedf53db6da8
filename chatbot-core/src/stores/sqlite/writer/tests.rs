//! Who waits for whom, what shares a commit, and what a failure takes with it.

use std::path::Path;

use super::super::connect;
use super::super::sql::{Columns as _, sql};
use super::*;
use crate::error::{Error, ErrorKind};

type Log = Arc<Mutex<Vec<&'static str>>>;

struct Bench {
    writer: Arc<Writer>,
    dir: tempfile::TempDir,
    log: Log,
}

/// Holds the task inside a request until it is dropped, so that what comes meanwhile waits together.
struct Gate {
    _open: oneshot::Sender<()>,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = connect::writer(&dir.path().join("test.db")).await.unwrap();
        let tables = "CREATE TABLE parents (id INTEGER PRIMARY KEY);
                      CREATE TABLE rows (name TEXT NOT NULL,
                          parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)";
        sqlx::raw_sql(tables).execute(&mut conn).await.unwrap();
        let writer = Arc::new(Writer::start(conn, Arc::new(Notify::new())).unwrap());
        Self { writer, dir, log: Log::default() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("test.db")
    }

    /// Queues a request behind which all others wait until the gate is dropped.
    async fn gate(&self, lane: Lane) -> Gate {
        let (open, wait) = oneshot::channel::<()>();
        let (inside, entered) = oneshot::channel();
        self.queue(lane, move |_| {
            Box::pin(async move {
                inside.send(()).ok();
                wait.await.ok();
                Ok(())
            })
        });
        entered.await.unwrap();
        Gate { _open: open }
    }

    fn queue<F>(&self, lane: Lane, operation: F) -> tokio::task::JoinHandle<Result<()>>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<()>> + Send + 'static,
    {
        let writer = Arc::clone(&self.writer);
        tokio::spawn(async move { writer.write(lane, operation).await })
    }

    /// Queues a request that writes a row of this name.
    fn insert(&self, lane: Lane, name: &'static str) -> tokio::task::JoinHandle<Result<()>> {
        let log = Arc::clone(&self.log);
        self.queue(lane, move |conn| {
            Box::pin(async move {
                log.lock().unwrap().push(name);
                sql("INSERT INTO rows (name) VALUES (?)").bind(name).run(conn).await.map(|_| ())
            })
        })
    }
}

/// Lets every spawned request take its place in the queue.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

async fn names(path: &Path) -> Vec<String> {
    let mut conn = connect::writer(path).await.unwrap();
    let rows = sql("SELECT name FROM rows ORDER BY rowid").all(&mut conn).await.unwrap();
    rows.iter().map(|row| row.col("name").unwrap()).collect()
}

#[tokio::test]
async fn a_person_overtakes_bulk_work() {
    let bench = Bench::new().await;
    let gate = bench.gate(Lane::Bulk).await;
    let bulk: Vec<_> = ["b1", "b2", "b3"].map(|name| bench.insert(Lane::Bulk, name)).into();
    settle().await;
    let person = bench.insert(Lane::Interactive, "person");
    settle().await;
    drop(gate);
    person.await.unwrap().unwrap();
    for request in bulk {
        request.await.unwrap().unwrap();
    }
    assert_eq!(*bench.log.lock().unwrap(), ["person", "b1", "b2", "b3"]);
}

#[tokio::test]
async fn bulk_work_goes_on_however_many_people_write() {
    let bench = Bench::new().await;
    let gate = bench.gate(Lane::Interactive).await;
    // More than two rounds take, so that somebody waits all the time.
    let people: Vec<_> = (0..1500).map(|_| bench.insert(Lane::Interactive, "person")).collect();
    settle().await;
    let bulk = bench.insert(Lane::Bulk, "bulk");
    settle().await;
    drop(gate);
    bulk.await.unwrap().unwrap();
    for person in people {
        person.await.unwrap().unwrap();
    }
    let log = bench.log.lock().unwrap();
    assert!(log.iter().position(|name| *name == "bulk").unwrap() < log.len() - 1);
}

#[tokio::test]
async fn requests_that_wait_together_share_a_commit() {
    let bench = Bench::new().await;
    let before = bench.writer.stats();
    let gate = bench.gate(Lane::Interactive).await;
    let requests: Vec<_> = (0..100).map(|_| bench.insert(Lane::Interactive, "row")).collect();
    settle().await;
    drop(gate);
    for request in requests {
        request.await.unwrap().unwrap();
    }
    let stats = bench.writer.stats();
    assert_eq!(stats.requests - before.requests, 101);
    assert_eq!(stats.commits - before.commits, 1);
    assert_eq!(names(&bench.path()).await.len(), 100);
}

#[tokio::test]
async fn a_failing_request_fails_alone() {
    let bench = Bench::new().await;
    let gate = bench.gate(Lane::Interactive).await;
    let one = bench.insert(Lane::Interactive, "one");
    let refused = bench.queue(Lane::Interactive, |conn| {
        Box::pin(async move {
            sql("INSERT INTO rows (name) VALUES ('refused')").run(conn).await?;
            Err(Error::invalid("no"))
        })
    });
    let broken = bench.queue(Lane::Interactive, |_| Box::pin(async { panic!("a defect") }));
    let two = bench.insert(Lane::Interactive, "two");
    settle().await;
    drop(gate);
    one.await.unwrap().unwrap();
    two.await.unwrap().unwrap();
    assert_eq!(refused.await.unwrap().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(broken.await.unwrap().unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(names(&bench.path()).await, ["one", "two"]);
    let stats = bench.writer.stats();
    assert_eq!((stats.commits, stats.failed_requests, stats.failed_commits), (1, 2, 0));
}

#[tokio::test]
async fn a_failing_commit_fails_all_its_requests_and_nothing_else() {
    let bench = Bench::new().await;
    let gate = bench.gate(Lane::Interactive).await;
    let innocent = bench.insert(Lane::Interactive, "innocent");
    // The missing parent is noticed at the commit.
    let guilty = bench.queue(Lane::Interactive, |conn| {
        Box::pin(async move {
            sql("INSERT INTO rows (name, parent) VALUES ('guilty', 7)").run(conn).await.map(|_| ())
        })
    });
    settle().await;
    drop(gate);
    assert_eq!(innocent.await.unwrap().unwrap_err().kind(), ErrorKind::Storage);
    assert_eq!(guilty.await.unwrap().unwrap_err().kind(), ErrorKind::Storage);
    bench.insert(Lane::Interactive, "later").await.unwrap().unwrap();
    assert_eq!(names(&bench.path()).await, ["later"]);
    assert_eq!(bench.writer.stats().failed_commits, 1);
}

#[tokio::test]
async fn a_lost_transaction_acknowledges_nothing() {
    let bench = Bench::new().await;
    let gate = bench.gate(Lane::Interactive).await;
    let before = bench.insert(Lane::Interactive, "before");
    // What SQLite does by itself when a disk is full.
    let fatal = bench.queue(Lane::Interactive, |conn| {
        Box::pin(async move {
            sql("ROLLBACK").run(conn).await?;
            Err(Error::new(ErrorKind::Storage, "full").with_reason(crate::error::Reason::DiskFull))
        })
    });
    settle().await;
    drop(gate);
    for request in [before, fatal] {
        let error = request.await.unwrap().unwrap_err();
        assert_eq!(error.reason(), Some(crate::error::Reason::DiskFull));
    }
    bench.insert(Lane::Interactive, "after").await.unwrap().unwrap();
    assert_eq!(names(&bench.path()).await, ["after"]);
}

#[tokio::test]
async fn what_was_queued_is_written_although_nobody_waits() {
    let bench = Bench::new().await;
    let gate = bench.gate(Lane::Interactive).await;
    let deserted = bench.insert(Lane::Interactive, "deserted");
    settle().await;
    deserted.abort();
    drop(gate);
    bench.writer.close().await;
    assert_eq!(names(&bench.path()).await, ["deserted"]);
    let late = bench.insert(Lane::Interactive, "late").await.unwrap();
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_full_disk_is_said_and_survived() {
    let bench = Bench::new().await;
    let limit = bench.queue(Lane::Interactive, |conn| {
        Box::pin(async move { sql("PRAGMA max_page_count = 20").all(conn).await.map(|_| ()) })
    });
    limit.await.unwrap().unwrap();
    let large = bench.queue(Lane::Interactive, |conn| {
        Box::pin(async move {
            let row = "x".repeat(1 << 20);
            sql("INSERT INTO rows (name) VALUES (?)").bind(row).run(conn).await.map(|_| ())
        })
    });
    let error = large.await.unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(crate::error::Reason::DiskFull));
    bench.insert(Lane::Interactive, "small").await.unwrap().unwrap();
    assert_eq!(names(&bench.path()).await, ["small"]);
}

#[tokio::test]
async fn after_a_failed_flush_the_log_is_left_as_it_is() {
    let bench = Bench::new().await;
    bench.insert(Lane::Interactive, "row").await.unwrap().unwrap();
    let log = || std::fs::read(bench.dir.path().join("test.db-wal")).ok();
    let before = log();
    bench.writer.control().fail_for_good();
    bench.writer.close().await;
    assert!(before.is_some() && log() == before, "it was copied and deleted");
}
