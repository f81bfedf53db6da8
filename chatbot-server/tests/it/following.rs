//! Folders that are followed, by the real program: what happens to files happens to documents, and nothing is taken in
//! twice however the program ends.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::cli::{chatbot, json_of, run};
use crate::support::Server;

/// A run of `ingest --watch`, killed when it is dropped.
struct Following {
    process: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Following {
    fn start(data: &Path, folder: &Path, more: &[&str]) -> Self {
        let folder = folder.to_str().unwrap();
        let arguments = [&["ingest", folder, "--watch", "--json", "--embedder", "none"], more];
        let mut command = chatbot(data, &arguments.concat());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, lines) = (Arc::new(Mutex::new(Vec::new())), process.stderr.take().unwrap());
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                heard.lock().unwrap().push(line);
            }
        });
        Self { process, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// Waits until it says something.
    async fn says(&mut self, text: &str) {
        self.says_times(1, text).await;
    }

    /// Waits until it has said something so often.
    async fn says_times(&mut self, n: usize, text: &str) {
        for _ in 0..3000 {
            if self.said().matches(text).count() >= n {
                return;
            }
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("it ended with {status} and never said `{text}`: {}", self.said());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never said `{text}`: {}", self.said());
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Interrupts it, and gives what it says at the end.
    async fn end(mut self) -> Value {
        let stop = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(stop.unwrap().success());
        let said = Arc::clone(&self.said);
        let mut stdout = self.process.stdout.take().unwrap();
        let (text, status) = tokio::task::spawn_blocking(move || {
            let text = std::io::read_to_string(&mut stdout).unwrap();
            (text, self.process.wait().unwrap())
        })
        .await
        .unwrap();
        assert_eq!(status.code(), Some(0), "{}", said.lock().unwrap().join("\n"));
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A document as these tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    id: String,
    version: u64,
    status: String,
    size: u64,
    title: String,
}

/// The documents by their paths below the folder. No path has two.
async fn documents(server: &Server, folder: &Path) -> BTreeMap<String, Seen> {
    let mut seen = BTreeMap::new();
    let list = server.get("/api/v1/documents?limit=200").await.expect(200);
    for document in list["items"].as_array().unwrap() {
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        let source = text("source");
        let path = Path::new(&source).strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        let number = |name: &str| document[name].as_u64().unwrap();
        let (version, size) = (number("version"), number("size_bytes"));
        let is =
            Seen { id: text("id"), version, status: text("status"), size, title: text("title") };
        assert_eq!(seen.insert(path.clone(), is), None, "{path} is there twice: {list}");
    }
    seen
}

/// Waits until the documents are as they should be, with a bound that no machine needs.
async fn until(
    (server, folder): (&Server, &Path),
    following: &Following,
    holds: impl Fn(&BTreeMap<String, Seen>) -> bool,
) -> BTreeMap<String, Seen> {
    let mut last = BTreeMap::new();
    for _ in 0..3000 {
        last = documents(server, folder).await;
        if holds(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came to hold: {last:#?}\n{}", following.said());
}

fn paths(documents: &BTreeMap<String, Seen>) -> Vec<&str> {
    documents.keys().map(String::as_str).collect()
}

fn are_ready(documents: &BTreeMap<String, Seen>, names: &[&str]) -> bool {
    paths(documents) == names && documents.values().all(|document| document.status == "ready")
}

/// A server, its data directory, and a folder beside it.
async fn setting() -> (Server, PathBuf, PathBuf) {
    let server = Server::start().await;
    server.get("/ready").await.expect(200);
    let data = server.folder.path().join("data");
    let folder = server.folder.path().join("docs");
    fs::create_dir(&folder).unwrap();
    (server, data, folder)
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn documents_follow_the_files() {
    let (server, data, folder) = setting().await;
    write(&folder, "a.txt", "The pump is oiled.");
    write(&folder, "deep/b.txt", "The filter is changed.");
    let following = Following::start(&data, &folder, &["--exclude", "*.tmp"]);
    let at = (&server, folder.as_path());
    let first = until(at, &following, |all| are_ready(all, &["a.txt", "deep/b.txt"])).await;

    // What does not count comes first: were it followed, it would be there with the last one.
    write(&folder, ".hidden.txt", "hidden");
    write(&folder, "half.tmp", "excluded");
    write(&folder, "deep/.chatbotignore", "*.log\n");
    write(&folder, "deep/x.log", "ignored");
    write(&folder, "c.txt", "The belt is tightened.");
    let three = ["a.txt", "c.txt", "deep/b.txt"];
    let all = until(at, &following, |all| are_ready(all, &three)).await;
    assert_eq!(all["a.txt"], first["a.txt"]);

    write(&folder, "a.txt", "The pump is oiled every 400 hours.");
    let changed = until(at, &following, |all| all["a.txt"].version == 2).await;
    assert_eq!(changed["a.txt"].id, first["a.txt"].id);

    fs::rename(folder.join("c.txt"), folder.join("belt.txt")).unwrap();
    fs::rename(folder.join("deep"), folder.join("moved")).unwrap();
    let names = ["a.txt", "belt.txt", "moved/b.txt"];
    let moved = until(at, &following, |all| are_ready(all, &names)).await;
    for (was, is) in [("c.txt", "belt.txt"), ("deep/b.txt", "moved/b.txt")] {
        assert_eq!((&moved[is].id, moved[is].version), (&all[was].id, 1), "{was} is {is}");
    }
    assert_eq!((moved["belt.txt"].title.as_str(), moved["a.txt"].version), ("belt.txt", 2));

    fs::remove_file(folder.join("a.txt")).unwrap();
    fs::remove_dir_all(folder.join("moved")).unwrap();
    until(at, &following, |all| are_ready(all, &["belt.txt"])).await;

    let end = following.end().await;
    for (name, n) in [("added", 3), ("changed", 1), ("moved", 2), ("deleted", 2)] {
        assert_eq!(end[name], n, "{name}: {end}");
    }
    assert_eq!(end["failed"].as_array().unwrap().len(), 0, "{end}");
}

#[tokio::test]
async fn what_cannot_be_read_is_said_until_it_can() {
    let (server, data, folder) = setting().await;
    write(&folder, "empty.txt", "");
    write(&folder, "good.txt", "The pump is oiled.");
    let mut following = Following::start(&data, &folder, &[]);
    let at = (&server, folder.as_path());
    let first = until(at, &following, |all| {
        all.len() == 2 && all["empty.txt"].status == "failed" && all["good.txt"].status == "ready"
    });
    let first = first.await;
    following.says("parse_failed (empty)").await;
    write(&folder, "empty.txt", "The filter is changed in spring.");
    let all = until(at, &following, |all| are_ready(all, &["empty.txt", "good.txt"])).await;
    assert_eq!(all["empty.txt"].id, first["empty.txt"].id, "it is the same document");
    fs::write(folder.join("good.txt"), "").unwrap();
    following.says("good.txt").await;
    let end = following.end().await;
    assert_eq!(end["failed"].as_array().unwrap().len(), 1, "{end}");
    assert_eq!(end["failed"][0]["reason"], "empty");
    let all = documents(&server, &folder).await;
    assert_eq!((all["good.txt"].version, all["good.txt"].size), (1, 18), "the last one answers");
}

#[tokio::test]
async fn a_run_that_was_killed_catches_up() {
    let (server, data, folder) = setting().await;
    for n in 10..50 {
        write(&folder, &format!("{n}.txt"), &format!("The pump with the number {n} is oiled."));
    }
    let at = (&server, folder.as_path());
    let following = Following::start(&data, &folder, &[]);
    until(at, &following, |all| all.len() >= 5).await;
    following.kill();
    let before = documents(&server, &folder).await;

    fs::remove_file(folder.join("10.txt")).unwrap();
    fs::rename(folder.join("11.txt"), folder.join("eleven.txt")).unwrap();
    write(&folder, "12.txt", "The pump with the number 12 is not oiled any more.");
    write(&folder, "new.txt", "The belt is tightened.");
    let mut names: Vec<String> = (13..50).map(|n| format!("{n}.txt")).collect();
    names.extend(["12.txt", "eleven.txt", "new.txt"].map(str::to_owned));
    names.sort();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();

    let mut following = Following::start(&data, &folder, &[]);
    let all = until(at, &following, |all| are_ready(all, &names) && all["12.txt"].size == 50).await;
    for (path, was) in before.iter().filter(|(path, _)| all.contains_key(*path)) {
        let is = &all[path];
        assert_eq!(is.id, was.id, "{path} was taken in anew");
        assert_eq!(is.version, if path == "12.txt" { 2 } else { 1 }, "{path}");
    }
    if let Some(was) = before.get("11.txt") {
        assert_eq!(all["eleven.txt"].id, was.id, "it has moved");
    }
    following.says("Following").await;
    following.end().await;
}

#[tokio::test]
async fn a_folder_that_vanishes_keeps_its_documents() {
    let (server, data, folder) = setting().await;
    write(&folder, "a.txt", "The pump is oiled.");
    write(&folder, "b.txt", "The filter is changed.");
    let at = (&server, folder.as_path());
    let mut following = Following::start(&data, &folder, &[]);
    let first = until(at, &following, |all| are_ready(all, &["a.txt", "b.txt"])).await;
    let away = folder.with_file_name("away");
    fs::rename(&folder, &away).unwrap();
    following.says("is not there").await;
    fs::rename(&away, &folder).unwrap();
    following.says("is back").await;
    write(&folder, "c.txt", "The belt is tightened.");
    let all = until(at, &following, |all| are_ready(all, &["a.txt", "b.txt", "c.txt"])).await;
    assert_eq!((&all["a.txt"], &all["b.txt"]), (&first["a.txt"], &first["b.txt"]));
    following.end().await;

    // As a disk that is not mounted when the program starts.
    fs::rename(&folder, &away).unwrap();
    fs::create_dir(&folder).unwrap();
    let mut following = Following::start(&data, &folder, &[]);
    following.says("Its 3 documents are kept").await;
    assert_eq!(documents(&server, &folder).await, all);
    fs::remove_dir(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    following.says("is back").await;
    fs::remove_file(folder.join("c.txt")).unwrap();
    let left = until(at, &following, |all| are_ready(all, &["a.txt", "b.txt"])).await;
    assert_eq!(left, first);
    let end = following.end().await;
    assert_eq!((&end["added"], &end["deleted"]), (&0.into(), &1.into()), "{end}");
}

#[tokio::test]
async fn only_documents_of_the_folder_go_with_their_files() {
    let (server, data, folder) = setting().await;
    write(&folder, "alone.txt", "Taken in on its own.");
    write(&folder, "with.txt", "Taken in with the folder.");
    let alone = folder.join("alone.txt");
    let file = ["ingest", alone.to_str().unwrap(), "--json", "--embedder", "none"];
    json_of(&run(&data, &file).await);
    let at = (&server, folder.as_path());
    let mut following = Following::start(&data, &folder, &[]);
    following.says("Following").await;
    fs::remove_file(&alone).unwrap();
    fs::remove_file(folder.join("with.txt")).unwrap();
    write(&folder, "last.txt", "Here to stay.");
    until(at, &following, |all| are_ready(all, &["alone.txt", "last.txt"])).await;
    following.says("alone.txt is gone. Its document stays.").await;
    following.end().await;

    let mut following = Following::start(&data, &folder, &["--keep-deleted"]);
    following.says("Following").await;
    fs::rename(folder.join("last.txt"), folder.join("moved.txt")).unwrap();
    until(at, &following, |all| are_ready(all, &["alone.txt", "moved.txt"])).await;
    fs::remove_file(folder.join("moved.txt")).unwrap();
    following.says("moved.txt is gone. Its document stays.").await;
    assert!(are_ready(&documents(&server, &folder).await, &["alone.txt", "moved.txt"]));
    assert_eq!(following.end().await["deleted"], 0);
}

#[tokio::test]
async fn a_data_directory_without_a_server_is_opened_for_it() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("docs");
    write(&folder, "a.txt", "The cooling pump is oiled every 400 hours.");
    // Its own files lie in the folder, and are no documents.
    let data = folder.join("data");
    let mut following = Following::start(&data, &folder, &[]);
    following.says("1 added").await;
    write(&folder, "b.txt", "The filter is changed in spring.");
    following.says_times(2, "1 added").await;
    let end = following.end().await;
    assert_eq!((&end["added"], &end["unchanged"]), (&2.into(), &0.into()), "{end}");
    let found = json_of(&run(&data, &["search", "filter", "--json", "--embedder", "none"]).await);
    assert_eq!(found["hits"][0]["title"], "b.txt", "{found}");
    let mut following = Following::start(&data, &folder, &[]);
    following.says("Following").await;
    assert_eq!(following.end().await["unchanged"], 2);
}

#[tokio::test]
async fn only_folders_can_be_followed() {
    let outside = tempfile::tempdir().unwrap();
    let data = outside.path().join("data");
    write(outside.path(), "a.txt", "The pump is oiled.");
    let file = outside.path().join("a.txt");
    let (file, folder) = (file.to_str().unwrap(), outside.path().to_str().unwrap());
    let refused = run(&data, &["ingest", file, "--watch", "--json"]).await;
    assert_eq!(crate::cli::failure_of(&refused)["code"], "invalid_input");
    let refused = run(&data, &["ingest", folder, "--watch", "--exclude", "a["]).await;
    assert_eq!(refused.status.code(), Some(1));
    for wrong in [
        &["ingest", "--watch", "--url", "http://example.org/"][..],
        &["ingest", folder, "--keep-deleted"],
    ] {
        assert_eq!(run(&data, wrong).await.status.code(), Some(2), "{wrong:?}");
    }
}
