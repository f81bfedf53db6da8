//! Documents made to break parsers, through the program itself: over HTTP, with its own parse workers.
#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use chatbot_benches::hostile::{self, Entry, Judged, wrong_ending, wrong_headers};
use chatbot_benches::processes::{Watch, memory_mb};
use serde_json::{Value, json};

use crate::cli::chatbot;
use crate::support::{Reply, Server, evaluation_data, eventually, processes};

/// Memory that a worker may have had at any time, in 10⁶ bytes: what the set of documents allows.
const MAX_WORKER_MB: f64 = 512.0;
/// The same for the server, which reads none of them itself.
const MAX_SERVER_MB: f64 = 250.0;
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
             worker_environment = {{ CHATBOT_HOSTILE_WORKER = '1', MALLOC_CONF = 'retain:false' }}\n"
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

/// What became of a document: as the set of documents wants it.
async fn judge(program: &Program, entry: &Entry, bytes: &[u8]) {
    let document = program.server.upload(&entry.file, bytes).await.expect(202);
    let document = program.server.settled(document["id"].as_str().unwrap()).await;
    let path = format!("/api/v1/documents/{}/text", document["id"].as_str().unwrap());
    let text = match document["status"].as_str() {
        Some("ready") => {
            let body = program.server.get(&path).await.body.to_vec();
            Some(String::from_utf8(body).unwrap())
        }
        _ => None,
    };
    let judged = Judged::settled(entry, &document, text.as_deref());
    println!("{judged}");
    assert_eq!(judged.wrong, None, "{}: {document}", entry.file);
}

#[tokio::test]
async fn hostile_documents_cost_themselves_and_nothing_else() {
    let Some(folder) = evaluation_data("adversarial") else { return };
    let program = Program::start().await;
    let watch = Watch::start(program.process.id(), program.server.address.port());
    for entry in hostile::entries(&folder).unwrap() {
        let bytes = std::fs::read(folder.join("files").join(&entry.file)).unwrap();
        judge(&program, &entry, &bytes).await;
    }
    program.server.get("/ready").await.expect(200);
    let added =
        program.server.add("manual.txt", "The cooling pump is oiled every 400 hours.").await;
    assert_eq!(added["status"], "ready");
    let (seen, server) = (watch.take(), memory_mb(program.process.id(), "VmHWM:").unwrap());
    println!("a worker: {:.1} MB, the server: {server:.1} MB", seen.peak_mb);
    assert!(seen.peak_mb > 0.0 && seen.peak_mb <= MAX_WORKER_MB, "{}", seen.peak_mb);
    assert!(server <= MAX_SERVER_MB, "{server}");
    assert!(seen.connections.is_empty(), "{:?}", seen.connections);
    nothing_was_written(&program);
}

#[track_caller]
fn nothing_was_written(program: &Program) {
    let beside = program.beside_the_data();
    assert_eq!(beside, [program.folder.path().join("c.toml")], "{beside:?}");
    for folder in program.folder.path().ancestors() {
        assert_eq!(hostile::canaries(folder).unwrap(), Vec::<PathBuf>::new());
    }
}

/// A file that was taken under a hostile name is handed out with harmless headers; one that was not was refused.
async fn handed_out(program: &Program, name: &str, reply: Reply) {
    if !reply.status.is_success() {
        assert!(reply.status.is_client_error(), "{name:?}: {}", reply.status);
        return;
    }
    let document = reply.json();
    let id = document["id"].as_str().unwrap();
    assert_eq!(wrong_ending(&program.server.settled(id).await), None, "{name:?}");
    let original = program.server.get(&format!("/api/v1/documents/{id}/content")).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = original.headers.iter();
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    assert_eq!(wrong_headers(&headers), None, "{name:?}");
}

#[tokio::test]
async fn hostile_file_names_are_data() {
    let Some(folder) = evaluation_data("adversarial") else { return };
    let program = Program::start().await;
    for name in hostile::names(&folder).unwrap() {
        // As it is, so that it may break out of the form's header; as browsers write it; and where it can hold anything.
        let content = format!("The name of this file is data: {name}");
        handed_out(&program, &name, program.server.upload(&name, content.as_bytes()).await).await;
        let escaped = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let content = format!("The name of this file is escaped: {name}");
        let reply = program.server.upload(&escaped, content.as_bytes()).await;
        handed_out(&program, &name, reply).await;
        let body = json!({"title": name, "text": format!("This is a title: {name}")});
        let reply = program.server.post("/api/v1/documents/text", body).await;
        handed_out(&program, &name, reply).await;
    }
    program.server.get("/ready").await.expect(200);
    nothing_was_written(&program);
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
