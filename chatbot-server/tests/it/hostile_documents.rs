//! Documents made to break parsers, through the program itself: over HTTP, with its own parse workers.
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::cli::chatbot;
use crate::support::{Server, evaluation_data, eventually, processes};

/// Bytes of memory that the server, and each worker, may have had at any time: what the set of documents allows.
const MAX_MEMORY_BYTES: u64 = 512 << 20;
/// Seconds that a document may be parsed: what the set of documents allows for most.
const MAX_PARSE_S: u32 = 10;

/// The program as a server, in a folder of its own; it is killed when it is dropped.
struct Program {
    process: Child,
    server: Server,
    mark: String,
    folder: tempfile::TempDir,
}

impl Program {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mark = format!("workers-{}", chatbot_core::types::RequestId::new());
        let path = |name: &str| folder.path().join(name);
        for name in ["home", "tmp", "work"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let settings = format!(
            "[engine]\nembedder = 'none'\nlimits.max_parse_s = {MAX_PARSE_S}\n\
             [engine.parsing]\nisolation = 'process'\n\
             worker = ['/proc/self/exe', 'parse-worker', '--data-dir', '{mark}']\n\
             worker_environment = {{ CHATBOT_HOSTILE_WORKER = '1', MIMALLOC_ARENA_EAGER_COMMIT = '0' }}\n"
        );
        std::fs::write(path("c.toml"), settings).unwrap();
        let file = path("c.toml");
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--json", "--config"];
        let mut command =
            chatbot(&path("data"), &[&arguments, &[file.to_str().unwrap()][..]].concat());
        command.current_dir(path("work")).env("HOME", path("home")).env("TMPDIR", path("tmp"));
        command.env_remove("XDG_DATA_HOME").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            line
        });
        let said: Value = serde_json::from_str(&line.await.unwrap()).unwrap();
        let server = Server::elsewhere(said["address"].as_str().unwrap().parse().unwrap());
        Self { process, server, mark, folder }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Everything below the folder that is not the data directory.
    fn beside_the_data(&self) -> Vec<PathBuf> {
        let data = self.folder.path().join("data");
        let all = walkdir::WalkDir::new(self.folder.path()).into_iter().map(Result::unwrap);
        let files = all.filter(|entry| entry.file_type().is_file());
        files.map(walkdir::DirEntry::into_path).filter(|path| !path.starts_with(&data)).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The most memory that a process ever had; `None` where it is gone.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? << 10)
}

fn entries(folder: &Path) -> Vec<Value> {
    let manifest = std::fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What became of a document: as the set of documents wants it.
async fn judge(program: &Program, entry: &Value, bytes: &[u8]) {
    let name = entry["file"].as_str().unwrap();
    let document = program.server.upload(name, bytes).await;
    let document = program.server.settled(document.expect(202)["id"].as_str().unwrap()).await;
    let memory = processes(&program.mark).into_iter().filter_map(peak_memory).max();
    println!("{name}: {} {} {memory:?}", document["status"], document["error"]["reason"]);
    assert!(memory.unwrap_or_default() <= MAX_MEMORY_BYTES, "{name}: {memory:?}");
    let expected = entry["expect"].as_str().unwrap();
    if document["status"] == "ready" {
        assert!(!["ERROR", "EMPTY"].contains(&expected), "{name}");
        let path = format!("/api/v1/documents/{}/text", document["id"].as_str().unwrap());
        let text = program.server.get(&path).await.body;
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(!text.contains("root:x:0"), "{name}");
        let phrases = entry["must_contain"].as_str().unwrap_or_default();
        for phrase in phrases.split(" || ") {
            assert!(text.contains(phrase), "{name}: {phrase}");
        }
    } else {
        assert_eq!(document["error"]["code"], "parse_failed", "{name}: {document}");
        assert!(document["error"]["reason"].is_string(), "{name}: {document}");
        let must_be_read = ["TEXT", "ANSWER"].contains(&expected);
        assert!(!must_be_read || name.ends_with(".xlsx"), "{name}: {document}");
    }
}

#[tokio::test]
async fn hostile_documents_cost_themselves_and_nothing_else() {
    let Some(folder) = evaluation_data("adversarial") else { return };
    let program = Program::start().await;
    for entry in entries(&folder) {
        let bytes = std::fs::read(folder.join("files").join(entry["file"].as_str().unwrap()));
        judge(&program, &entry, &bytes.unwrap()).await;
    }
    program.server.get("/ready").await.expect(200);
    let added =
        program.server.add("manual.txt", "The cooling pump is oiled every 400 hours.").await;
    assert_eq!(added["status"], "ready");
    let memory = peak_memory(program.process.id()).unwrap();
    println!("the server: {memory}");
    assert!(memory <= MAX_MEMORY_BYTES, "{memory}");
    let beside = program.beside_the_data();
    assert_eq!(beside, [program.folder.path().join("c.toml")], "{beside:?}");
}

#[tokio::test]
async fn workers_die_with_a_server_that_is_killed() {
    let mut program = Program::start().await;
    program.server.upload("loop.txt", b"hostile loop").await.expect(202);
    program.server.upload("wait.txt", b"hostile wait").await.expect(202);
    eventually(|| async { processes(&program.mark).len() == 2 }).await;
    program.kill();
    eventually(|| async { processes(&program.mark).is_empty() }).await;
}

#[tokio::test]
async fn deleting_a_document_ends_its_worker() {
    let program = Program::start().await;
    let document = program.server.upload("wait.txt", b"hostile wait").await.expect(202);
    eventually(|| async { !processes(&program.mark).is_empty() }).await;
    let path = format!("/api/v1/documents/{}", document["id"].as_str().unwrap());
    program.server.delete(&path).await.expect(204);
    eventually(|| async { processes(&program.mark).is_empty() }).await;
}
