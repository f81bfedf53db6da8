//! `ingest` again and again: what is there is left alone, what changed is a new version, and the end says what failed.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{json_of, run};

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

async fn ingest(data: &Path, folder: &Path, more: &[&str]) -> Value {
    let arguments = ["ingest", folder.to_str().unwrap(), "--json", "--embedder", "none"];
    json_of(&run(data, &[&arguments[..], more].concat()).await)
}

fn counts(report: &Value) -> [&Value; 3] {
    ["added", "changed", "unchanged"].map(|name| &report[name])
}

fn sources(report: &Value, folder: &Path) -> Vec<String> {
    let documents = report["documents"].as_array().unwrap().iter();
    let sources = documents.map(|document| document["source"].as_str().unwrap());
    let below = sources.map(|source| Path::new(source).strip_prefix(folder).unwrap());
    below.map(|path| path.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_second_run_does_only_what_is_left_to_do() {
    let outside = tempfile::tempdir().unwrap();
    let (data, folder) = (outside.path().join("data"), outside.path().join("docs"));
    write(&folder, "a.txt", "The pump is oiled.");
    write(&folder, "b.txt", "The filter is changed.");
    write(&folder, "empty.txt", "");
    let first = ingest(&data, &folder, &[]).await;
    assert_eq!(counts(&first), [&json!(2), &json!(0), &json!(0)], "{first}");
    assert_eq!(first["documents"][0]["metadata"]["folder"], folder.to_str().unwrap());

    write(&folder, "b.txt", "The filter is changed in spring.");
    write(&folder, "c.txt", "The belt is tightened.");
    let second = ingest(&data, &folder, &[]).await;
    assert_eq!(counts(&second), [&json!(1), &json!(1), &json!(1)], "{second}");
    assert_eq!(sources(&second, &folder), ["a.txt", "b.txt", "c.txt"]);
    for (n, version) in [(0, 1), (1, 2)] {
        let [was, is] = [&first, &second].map(|report| &report["documents"][n]);
        assert_eq!(is["id"], was["id"]);
        assert_eq!((&is["version"], &was["version"]), (&json!(version), &json!(1)));
    }
    assert_eq!(second["failed"].as_array().unwrap().len(), 1, "what failed is tried again");
    let third = ingest(&data, &folder, &[]).await;
    assert_eq!(counts(&third), [&json!(0), &json!(0), &json!(3)], "{third}");
}

#[tokio::test]
async fn the_same_folder_is_the_same_from_wherever_it_is_named() {
    let outside = tempfile::tempdir().unwrap();
    let (data, folder) = (outside.path().join("data"), outside.path().join("docs"));
    write(&folder, "a.txt", "The pump is oiled.");
    ingest(&data, &folder, &[]).await;
    let mut command = crate::cli::chatbot(&data, &["ingest", ".", "--json", "--embedder", "none"]);
    command.current_dir(&folder);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!(counts(&json_of(&output)), [&json!(0), &json!(0), &json!(1)]);
}

#[tokio::test]
async fn rules_say_which_files_of_a_folder_count() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("docs");
    for (name, text) in [
        ("a.md", "The pump is oiled."),
        ("b.txt", "The filter is changed."),
        ("build/c.md", "Made by a program."),
        ("drafts/d.md", "Not to be read."),
        (".gitignore", "build/\n"),
        (".chatbotignore", "drafts/\n"),
        (".git/config", ""),
    ] {
        write(&folder, name, text);
    }
    for (n, (more, expected)) in [
        (&[][..], &["a.md", "b.txt"][..]),
        (&["--include", "*.md"], &["a.md"]),
        (&["--exclude", "*.md"], &["b.txt"]),
        (&["--include", "*.md", "--no-ignore", "--exclude", "a.*"], &["build/c.md"]),
    ]
    .into_iter()
    .enumerate()
    {
        let data = outside.path().join(format!("data{n}"));
        assert_eq!(sources(&ingest(&data, &folder, more).await, &folder), expected, "{more:?}");
    }
}

#[tokio::test]
async fn the_end_says_what_failed_and_why() {
    let outside = tempfile::tempdir().unwrap();
    let (data, folder) = (outside.path().join("data"), outside.path().join("docs"));
    write(&folder, "good.txt", "The pump is oiled.");
    write(&folder, "one.txt", "");
    write(&folder, "two.txt", "");
    write(&folder, "program.bin", "\u{7f}ELF\u{2}\u{1}\u{1}\0\0\0");
    let arguments = ["ingest", folder.to_str().unwrap(), "--embedder", "none", "--quiet"];
    let output = run(&data, &arguments).await;
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, "1 documents added, 0 were there before, 3 failed.\n");
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = why.lines().collect();
    assert!(lines[0].starts_with("2 files, parse_failed (empty): "), "{why}");
    assert!(lines[1].ends_with("one.txt") && lines[2].ends_with("two.txt"), "{why}");
    assert!(lines[3].starts_with("1 file, parse_failed (unsupported_format): "), "{why}");
    assert!(lines[4].ends_with("program.bin"), "{why}");
    assert_eq!(lines.len(), 5, "{why}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_run_that_was_killed_is_gone_on_with() {
    use crate::support::{Server, eventually};
    let server = Server::start().await;
    server.get("/ready").await.expect(200);
    let (data, folder) = (server.folder.path().join("data"), server.folder.path().join("docs"));
    for n in 0..60 {
        write(&folder, &format!("{n}.txt"), &format!("The pump with the number {n} is oiled."));
    }
    let there = async || {
        let list = server.get("/api/v1/documents?limit=200").await.expect(200);
        list["items"].as_array().unwrap().len()
    };
    let mut command = crate::cli::chatbot(&data, &["ingest", folder.to_str().unwrap()]);
    let mut process = command.spawn().unwrap();
    eventually(async || there().await >= 5).await;
    process.kill().unwrap();
    process.wait().unwrap();
    let report = ingest(&data, &folder, &[]).await;
    assert_eq!(report["documents"].as_array().unwrap().len(), 60);
    assert_eq!(there().await, 60, "each is there once");
}
