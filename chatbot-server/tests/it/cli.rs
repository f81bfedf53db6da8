//! The command line as a program sees it: output, exit codes, and what is said when things go wrong.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Server, eventually};

const PUMP: &str =
    "The cooling pump must be oiled every 400 hours. The filter is changed in spring.";

pub(crate) fn chatbot(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatbot"));
    command.args(arguments).arg("--data-dir").arg(data_dir);
    command.stdin(Stdio::null()).env_remove("OPENAI_API_KEY");
    command
}

pub(crate) async fn run(data_dir: &Path, arguments: &[&str]) -> Output {
    let mut command = chatbot(data_dir, arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[track_caller]
pub(crate) fn json_of(output: &Output) -> Value {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("not one JSON document: {out}{err}"))
}

#[track_caller]
pub(crate) fn failure_of(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr);
    let last = err.lines().last().unwrap_or_default();
    let json: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{err}"));
    json["error"].clone()
}

#[tokio::test]
async fn files_are_taken_in_found_asked_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (data, docs) = (folder.path().join("data"), folder.path().join("docs"));
    std::fs::create_dir_all(docs.join("deep")).unwrap();
    std::fs::write(docs.join("deep/manual.txt"), PUMP).unwrap();
    std::fs::write(docs.join("empty.txt"), "").unwrap();
    std::fs::write(docs.join(".hidden"), "hidden").unwrap();
    let docs = docs.to_str().unwrap();
    let report = json_of(&run(&data, &["ingest", docs, "--json"]).await);
    assert_eq!(report["documents"].as_array().unwrap().len(), 1);
    assert_eq!(report["failed"].as_array().unwrap().len(), 1);
    assert_eq!(report["failed"][0]["reason"], "empty");
    assert!(report["failed"][0]["path"].as_str().unwrap().ends_with("empty.txt"));
    let again = run(&data, &["ingest", docs, "--wait", "searchable"]).await;
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(text.contains("1 were there before"), "{text}");

    let found = json_of(&run(&data, &["search", "oil the pump", "--top-k", "3", "--json"]).await);
    assert_eq!(found["hits"][0]["text"], PUMP);
    let question = "How often must the cooling pump be oiled?";
    let answer = json_of(&run(&data, &["ask", question, "--json"]).await);
    assert!(answer["message"]["content"].as_str().unwrap().contains("400 hours"));
    let session = answer["session_id"].as_str().unwrap();
    let more =
        json_of(&run(&data, &["ask", "And the filter?", "--session", session, "--json"]).await);
    assert_eq!(more["session_id"], session);
    let shown = run(&data, &["ask", question]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("[1] ") && shown.contains("\"The cooling pump must be oiled"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_folder_is_asked_in_one_go_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("manual.md"), PUMP).unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatbot"));
    command.args(["ask", "When is the filter changed?", "--json", "--docs"]).arg(folder.path());
    command.env("XDG_DATA_HOME", home.path()).env("HOME", home.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let answer = json_of(&output);
    assert!(answer["message"]["content"].as_str().unwrap().contains("spring"), "{answer}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn verbs_talk_to_the_server_that_runs() {
    let server = Server::start().await;
    let data = server.folder.path().join("data");
    let file = server.folder.path().join("manual.txt");
    std::fs::write(&file, PUMP).unwrap();
    server.get("/ready").await.expect(200);
    let file = file.to_str().unwrap();
    let report = json_of(&run(&data, &["ingest", file, "--collection", "manuals", "--json"]).await);
    let collection = report["documents"][0]["collection_id"].as_str().unwrap();
    let there = server.get(&format!("/api/v1/collections/{collection}")).await.expect(200);
    assert_eq!(there["name"], "manuals");
    let found = json_of(&run(&data, &["search", "pump", "--json"]).await);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    let answer = json_of(&run(&data, &["ask", "When is the filter changed?", "--json"]).await);
    let session = format!("/api/v1/sessions/{}", answer["session_id"].as_str().unwrap());
    server.get(&session).await.expect(200);

    let second = run(&data, &["serve", "--listen", "127.0.0.1:0", "--json"]).await;
    let error = failure_of(&second);
    assert_eq!(
        (&error["code"], &error["reason"]),
        (&json!("storage"), &json!("data_directory_in_use"))
    );
    assert!(error["message"].as_str().unwrap().contains(&server.address.to_string()), "{error}");
    let asked = server.address.to_string();
    let same_port = failure_of(&run(&data, &["serve", "--listen", &asked, "--json"]).await);
    assert_eq!(same_port["reason"], "data_directory_in_use");
}

#[tokio::test]
async fn a_port_that_is_taken_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let error = failure_of(&run(folder.path(), &["serve", "--listen", &address, "--json"]).await);
    assert_eq!(error["reason"], "address_in_use");
    assert!(error["message"].as_str().unwrap().contains("--listen"), "{error}");
    let error = failure_of(&run(folder.path(), &["--listen", "0.0.0.0:0", "--json"]).await);
    assert_eq!(error["code"], "config_invalid");
    let error = failure_of(&run(folder.path(), &["serve", "--listen", "nowhere", "--json"]).await);
    assert_eq!(error["code"], "config_invalid");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = failure_of(&run(&file, &["search", "a", "--json"]).await);
    assert_eq!(error["code"], "storage");
    assert!(error["message"].as_str().unwrap().contains("--data-dir"), "{error}");
    read_only(folder.path()).await;
}

/// Root may write everywhere, so that this needs somebody else.
#[cfg(unix)]
async fn read_only(folder: &Path) {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    let data = folder.join("data");
    std::fs::create_dir(&data).unwrap();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(folder, 0o755);
    set(&data, 0o555);
    let mut command = chatbot(&data, &["search", "a", "--json"]);
    if std::fs::metadata(folder).unwrap().uid() == 0 {
        // The build folder may be closed to others: they get a program of their own.
        let program = folder.join("chatbot");
        std::fs::copy(env!("CARGO_BIN_EXE_chatbot"), &program).unwrap();
        command = Command::new(program);
        command.args(["search", "a", "--json", "--data-dir"]).arg(&data).uid(NOBODY).gid(NOBODY);
        command.current_dir(folder);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let error = failure_of(&output);
    assert_eq!((&error["code"], &error["reason"]), (&json!("storage"), &json!("read_only")));
}

#[cfg(not(unix))]
async fn read_only(_: &Path) {}

#[tokio::test]
async fn bad_input_has_its_code_and_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let bad = folder.path().join("bad.bin");
    std::fs::write(&bad, b"\x7fELF\x02\x01\x01\0\0\0").unwrap();
    let bad = bad.to_str().unwrap();
    for arguments in [
        &["nothing"][..],
        &["ask"],
        &["search", "a", "--strategy", "best"],
        &["search", "a", "--filter", "{"],
        &["ingest"],
        &["ask", "a", "--session", "1"],
    ] {
        assert_eq!(run(&data, arguments).await.status.code(), Some(2), "{arguments:?}");
    }
    let missing = folder.path().join("nothing");
    let missing = missing.to_str().unwrap();
    let unknown = "018f0000-0000-7000-8000-000000000000";
    for (arguments, code) in [
        (&["ingest", missing, "--json"][..], "not_found"),
        (&["extract", missing, "--json"], "not_found"),
        (&["extract", bad, "--json"], "parse_failed"),
        (&["search", "a", "--top-k", "0", "--json"], "invalid_input"),
        (&["ask", "a", "--session", unknown, "--json"], "not_found"),
        (&["ask", "a", "--model", "nonsense", "--json"], "config_invalid"),
        (&["ask", "a", "--docs", bad, "--json"], "invalid_input"),
        (&["search", "a", "--config", missing, "--json"], "not_found"),
    ] {
        let error = failure_of(&run(&data, arguments).await);
        assert_eq!(error["code"], code, "{arguments:?}: {error}");
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10));
    }
    let useless = run(&data, &["ingest", bad, "--json"]).await;
    assert_eq!(useless.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&useless.stdout).unwrap();
    assert_eq!(report["failed"][0]["reason"], "unsupported_format");
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file) = (folder.path().join("data"), folder.path().join("large.txt"));
    // One byte over 50 MiB; the disk holds none of it.
    std::fs::File::create(&file).unwrap().set_len((50 << 20) + 1).unwrap();
    let file = file.to_str().unwrap();
    let refused = run(&data, &["ingest", file, "--json"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(report["failed"][0]["code"], "too_large", "{report}");
    assert!(report["failed"][0]["path"].as_str().unwrap().ends_with("large.txt"));
}

#[tokio::test]
async fn a_file_is_read_without_being_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, "<title>Pumps</title><h1>Care</h1><p>Oil the pump every day, please.")
        .unwrap();
    let data = folder.path().join("data");
    let read = json_of(&run(&data, &["extract", file.to_str().unwrap(), "--json"]).await);
    assert_eq!((&read["media_type"], &read["title"]), (&json!("text/html"), &json!("Pumps")));
    assert!(read["text"].as_str().unwrap().contains("Oil the pump"));
    for name in ["language", "pages", "metadata", "warnings"] {
        assert!(read.get(name).is_some(), "{name}");
    }
    assert!(!data.exists());
}

#[tokio::test]
async fn the_configuration_is_checked_and_shown_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    std::fs::write(&file, "[server]\nlisten = '127.0.0.1:9'\n[engine.keys]\nopenai = 'sk-file'")
        .unwrap();
    let file = file.to_str().unwrap();
    let mut command = chatbot(folder.path(), &["config", "print", "--json", "--config", file]);
    command.env("OPENAI_API_KEY", "sk-secret").env("CHATBOT__SERVER__DRAIN_S", "9");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let settings = json_of(&output);
    let of = |name: &str| {
        let all = settings.as_array().unwrap();
        all.iter().find(|setting| setting["name"] == name).unwrap().clone()
    };
    assert_eq!(of("server.drain_s")["value"], 9);
    assert!(of("server.listen")["source"].as_str().unwrap().starts_with("file "));
    assert_eq!(of("engine.keys.openai")["value"], "***");
    assert_eq!(of("engine.data_dir")["source"], "flag");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("sk-"), "{text}");
    assert_eq!(json_of(&run(folder.path(), &["config", "check", "--json"]).await)["valid"], true);
    for (toml, name) in [
        ("[engine]\nmodle = 'x'", "engine.modle"),
        ("[server]\nheader_timeout_s = 0", "server.header_timeout_s"),
        ("[server]\nbody_timeout_s = 9223372036854775807", "server.body_timeout_s"),
        ("[server]\nmax_connections = 0", "server.max_connections"),
    ] {
        std::fs::write(file, toml).unwrap();
        let checked = run(folder.path(), &["config", "check", "--json", "--config", file]).await;
        let error = failure_of(&checked);
        assert_eq!(error["code"], "config_invalid");
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_small_set_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let corpus = write(
        "corpus.jsonl",
        "{\"id\":\"a\",\"title\":\"Pump\",\"text\":\"The cooling pump is oiled every 400 hours.\"}\n\
         {\"id\":\"b\",\"title\":\"Filter\",\"text\":\"The filter is changed in spring by the crew.\"}\n\
         {\"id\":\"c\",\"title\":\"\",\"text\":\"\"}\n",
    );
    let queries = write(
        "queries.jsonl",
        "{\"id\":\"1\",\"text\":\"How often is the cooling pump oiled?\",\"answers\":[\"every 400 hours\"]}\n\
         {\"id\":\"2\",\"text\":\"When is the filter changed?\",\"answers\":[\"spring\"]}\n\
         {\"id\":\"3\",\"text\":\"Who was the first emperor of Rome?\",\"answers\":[],\"answerable\":false}\n",
    );
    let qrels = write("qrels.tsv", "query_id\tdoc_id\tgrade\n1\ta\t1\n2\tb\t2\n2\ta\t0\n3\ta\t0\n");
    let data = folder.path().join("data");
    let set = ["--corpus", &corpus, "--queries", &queries, "--strategy", "lexical", "--json"];
    let verb = [&["eval", "retrieval", "--qrels", &qrels], &set[..]].concat();
    let figures = json_of(&run(&data, &verb).await);
    assert_eq!((&figures["strategy"], &figures["queries"]), (&json!("lexical"), &json!(2)));
    for name in ["ndcg@10", "recall@1", "recall@5", "recall@10", "recall@100", "mrr@10"] {
        assert_eq!(figures[name], 1.0, "{figures}");
    }
    assert!(figures["p50_ms"].as_f64().unwrap() <= figures["p99_ms"].as_f64().unwrap());

    let figures = json_of(&run(&data, &[&["eval", "answers"], &set[..]].concat()).await);
    assert_eq!(figures["queries"], 3);
    for (name, value) in [
        ("contains_answer", 1.0),
        ("citation_exact", 1.0),
        ("abstained_unanswerable", 1.0),
        ("abstained_answerable", 0.0),
        ("balanced_accuracy", 1.0),
    ] {
        assert_eq!(figures[name], value, "{figures}");
    }
    let broken = write("broken.jsonl", "{\"id\":\"1\"}\n");
    let verb = ["eval", "answers", "--corpus", &corpus, "--queries", &broken, "--json"];
    let error = failure_of(&run(&data, &verb).await);
    assert!(error["message"].as_str().unwrap().contains("Line 1"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_says_where_it_is_and_stops_in_order() {
    use std::io::{BufRead as _, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let mut command = chatbot(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--json"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdout = process.stdout.take().unwrap();
    let (said, status) = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let stop = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
        assert!(stop.unwrap().success());
        (line, process.wait().unwrap())
    })
    .await
    .unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(said["url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(status.code(), Some(0));
}

#[cfg(unix)]
#[tokio::test]
async fn interrupting_a_question_stops_the_model() {
    use chatbot_core::testing::{ScriptedModel, Step};
    use chatbot_server::lock::DataLock;
    let model = ScriptedModel::new(vec![Step::Text("So far. ".to_owned()), Step::Hang]);
    let server = Server::with_model(model.clone()).await;
    server.add("manual.txt", PUMP).await;
    let data = server.folder.path().join("data");
    let mut lock = DataLock::acquire(&data).unwrap();
    lock.announce(Some(server.address.to_string())).unwrap();
    let question = "How often must the cooling pump be oiled?";
    let mut process = chatbot(&data, &["ask", question]).stdout(Stdio::piped()).spawn().unwrap();
    eventually(|| async { model.n_running() == 1 }).await;
    let stop = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(stop.unwrap().success());
    let status = tokio::task::spawn_blocking(move || process.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(130));
    eventually(|| async { model.n_running() == 0 }).await;
}
