//! `backup` and `restore` as a program sees them, beside a server and without one.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{chatbot, failure_of, json_of, run};
use crate::support::{Server, eventually};

const PUMP: &str = "The cooling pump must be oiled every 400 hours.";

struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Takes in this many documents without a server.
    async fn ingest(&self, data: &Path, n: usize) {
        let docs = self.path("docs");
        std::fs::create_dir_all(&docs).unwrap();
        for number in 0..n {
            let text = format!("{PUMP} This is copy number {number}.");
            std::fs::write(docs.join(format!("{number}.txt")), text).unwrap();
        }
        let docs = docs.to_str().unwrap();
        json_of(&run(data, &["ingest", docs, "--json", "--embedder", "none"]).await);
    }
}

#[tokio::test]
async fn a_server_that_runs_is_backed_up_and_comes_back_elsewhere() {
    let (server, bench) = (Server::start().await, Bench::new());
    let data = server.folder.path().join("data");
    server.add("pump.txt", PUMP).await;
    let doomed = server.add("doomed.txt", "The press is sold in May.").await;
    let backup = bench.text("backup");
    let made = json_of(&run(&data, &["backup", &backup, "--json"]).await);
    assert_eq!((&made["counts"]["documents"], &made["originals"]), (&json!(2), &json!(2)));
    // The server goes on, and what it deletes now is still in the backup.
    server.delete(&format!("/api/v1/documents/{}", doomed["id"].as_str().unwrap())).await;
    server.get("/ready").await.expect(200);

    let new = bench.path("new");
    let restored = json_of(&run(&new, &["restore", &backup, "--json"]).await);
    assert_eq!(restored["counts"], made["counts"]);
    assert_ne!(restored["lineage"], made["lineage"]);
    // The indexes are built anew: a verb waits for them.
    let found = json_of(&run(&new, &["search", "press sold", "--top-k", "1", "--json"]).await);
    let hits = &found["hits"];
    assert_eq!(hits[0]["text"], "The press is sold in May.");
    let answer = run(&new, &["ask", "How often must the cooling pump be oiled?", "--json"]).await;
    assert!(json_of(&answer)["message"]["content"].as_str().unwrap().contains("400 hours"));
}

#[tokio::test]
async fn backups_under_uploads_and_deletes_restore_to_whole_documents() {
    let (server, bench) = (Server::start().await, Bench::new());
    let data = server.folder.path().join("data");
    for number in 0..20 {
        server.upload(&format!("{number}.txt"), format!("{PUMP} {number}").as_bytes()).await;
    }
    let backup = bench.text("backup");
    let mut number = 20;
    let churn = async {
        loop {
            let name = format!("{number}.txt");
            let added =
                server.upload(&name, format!("{PUMP} {number}").as_bytes()).await.expect(202);
            if number % 2 == 0 {
                let id = added["id"].as_str().unwrap();
                server.delete(&format!("/api/v1/documents/{id}")).await;
            }
            number += 1;
        }
    };
    let verb = ["backup", &backup, "--json"];
    let made = tokio::select! {
        made = run(&data, &verb) => json_of(&made),
        () = churn => unreachable!("it goes on for ever"),
    };
    assert!(made["counts"]["documents"].as_u64().unwrap() >= 20);
    let new = bench.path("new");
    json_of(&run(&new, &["restore", &backup, "--json"]).await);
    let again = Server::on(&new).await;
    let all = again.get("/api/v1/documents?limit=200").await.expect(200);
    let all = all["items"].as_array().unwrap();
    assert_eq!(all.len() as u64, made["counts"]["documents"].as_u64().unwrap());
    for document in all {
        let id = document["id"].as_str().unwrap();
        assert_eq!(again.settled(id).await["status"], "ready");
        let original = again.get(&format!("/api/v1/documents/{id}/content")).await;
        let text = again.get(&format!("/api/v1/documents/{id}/text")).await;
        assert!(!original.body.is_empty() && original.body == text.body);
    }
}

#[tokio::test]
async fn a_data_directory_in_use_is_not_restored_into() {
    let (server, bench) = (Server::start().await, Bench::new());
    let data = server.folder.path().join("data");
    let backup = bench.text("backup");
    server.get("/ready").await.expect(200);
    json_of(&run(&data, &["backup", &backup, "--json"]).await);
    for force in [&[][..], &["--force"]] {
        let verb = [&["restore", &backup, "--json"], force].concat();
        let error = failure_of(&run(&data, &verb).await);
        assert_eq!(error["reason"], "data_directory_in_use");
    }
    server.get("/ready").await.expect(200);
}

#[tokio::test]
async fn without_a_server_it_is_the_same_and_what_is_there_is_set_aside() {
    let bench = Bench::new();
    let (data, backup) = (bench.path("data"), bench.text("backup"));
    bench.ingest(&data, 2).await;
    let said = run(&data, &["backup", &backup]).await;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("2 documents") && said.contains(&backup), "{said}");
    let error = failure_of(&run(&data, &["backup", &backup, "--json"]).await);
    assert_eq!(error["code"], "already_exists");
    let inside = data.join("backup");
    let error = failure_of(&run(&data, &["backup", inside.to_str().unwrap(), "--json"]).await);
    assert_eq!(error["code"], "invalid_input");
    let nothing =
        failure_of(&run(&bench.path("none"), &["backup", &bench.text("b"), "--json"]).await);
    assert_eq!(nothing["code"], "not_found");
    assert_eq!(run(&data, &["backup"]).await.status.code(), Some(2));
    assert_eq!(run(&data, &["restore"]).await.status.code(), Some(2));

    let error = failure_of(&run(&data, &["restore", &backup, "--json"]).await);
    assert_eq!(error["code"], "already_exists");
    assert!(error["message"].as_str().unwrap().contains("--force"), "{error}");
    let restored = json_of(&run(&data, &["restore", &backup, "--force", "--json"]).await);
    let aside = Path::new(restored["set_aside"].as_str().unwrap());
    assert!(aside.join("store.db").exists() && data.join("store.db").exists());
}

#[tokio::test]
async fn one_flipped_byte_is_found_and_its_file_named() {
    let bench = Bench::new();
    let (data, backup) = (bench.path("data"), bench.text("backup"));
    bench.ingest(&data, 1).await;
    let made = json_of(&run(&data, &["backup", &backup, "--json"]).await);
    let backup = PathBuf::from(made["path"].as_str().unwrap());
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(backup.join("manifest.json")).unwrap()).unwrap();
    for file in manifest["files"].as_array().unwrap() {
        let name = file["path"].as_str().unwrap();
        let path = backup.join(name);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 0x80;
        std::fs::write(&path, bad).unwrap();
        let new = bench.path("new");
        let verb = ["restore", backup.to_str().unwrap(), "--json"];
        let error = failure_of(&run(&new, &verb).await);
        assert_eq!((&error["code"], &error["reason"]), (&json!("storage"), &json!("corrupt")));
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
        assert!(!new.join("store.db").exists());
        std::fs::write(&path, good).unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_restore_that_is_killed_never_serves_half_of_it() {
    let bench = Bench::new();
    let (data, backup) = (bench.path("data"), bench.text("backup"));
    bench.ingest(&data, 30).await;
    json_of(&run(&data, &["backup", &backup, "--json"]).await);
    for (round, sign) in ["restore-unfinished", "store.db", "blobs"].into_iter().enumerate() {
        let new = bench.path(&format!("new {round}"));
        let mut command = chatbot(&new, &["restore", &backup]);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let awaited = new.join(sign);
        eventually(async || awaited.exists() || process.try_wait().unwrap().is_some()).await;
        process.kill().ok();
        process.wait().unwrap();
        if new.join("restore-unfinished").exists() {
            for verb in
                [&["search", "pump", "--json"][..], &["serve", "--listen", "127.0.0.1:0", "--json"]]
            {
                let error = failure_of(&run(&new, verb).await);
                assert_eq!(error["reason"], "restore_unfinished", "{error}");
            }
            json_of(&run(&new, &["restore", &backup, "--json"]).await);
        }
        let again =
            json_of(&run(&new, &["backup", &bench.text(&format!("b {round}")), "--json"]).await);
        assert_eq!(again["counts"]["documents"], 30);
    }
}
