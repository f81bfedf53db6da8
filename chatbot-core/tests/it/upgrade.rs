//! Data that earlier releases wrote, and what happens to them here.
//!
//! `fixtures/releases` has a data directory of each schema that was ever written: the database as SQL, which can be read
//! and compared, and the originals. The program of that release made them, by the ignored test at the end:
//!
//! ```sh
//! CHATBOT_RELEASE=/path/to/chatbot cargo nextest run -p chatbot-core --run-ignored only write_the_fixture
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chatbot_core::types::{
    DocumentStatus, ListDocuments, ListSessions, MessageRole, PageRequest, SearchRequest,
};
use chatbot_core::{Chatbot, Context, Reason, TurnRequest};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// What was taken in and asked, by every release.
const DOCUMENTS: [(&str, &str); 2] = [
    (
        "pump.txt",
        "The cooling pump must be oiled every 400 hours. The filter is changed in spring.\n",
    ),
    (
        "press.md",
        "# Press\n\nThe hydraulic press was delivered in March. Its oil is changed every year.\n",
    ),
];
const QUESTION: &str = "How often must the cooling pump be oiled?";

fn releases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/releases")
}

async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// The data directory of a release, as it was.
async fn load(release: &Path, data_dir: &Path) {
    fs::create_dir_all(data_dir).unwrap();
    let dump = fs::read_to_string(release.join("store.sql")).unwrap();
    let mut conn = connect(&data_dir.join("store.db")).await;
    sqlx::raw_sql(AssertSqlSafe(dump)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    copy_folder(&release.join("blobs"), &data_dir.join("blobs"));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

async fn open(data_dir: &Path) -> chatbot_core::Result<Chatbot> {
    Chatbot::builder().data_dir(data_dir).embedder("none").build().await
}

#[tokio::test]
async fn data_of_each_earlier_release_answer() {
    let mut n_releases = 0;
    for entry in fs::read_dir(releases()).unwrap() {
        let release = entry.unwrap().path();
        let folder = tempfile::tempdir().unwrap();
        load(&release, folder.path()).await;
        // The second time nothing is left to migrate.
        for round in 0..2 {
            let chatbot = open(folder.path()).await.unwrap();
            documents_answer(&chatbot).await;
            messages_are_there(&chatbot, round).await;
            chatbot.close().await.unwrap();
        }
        n_releases += 1;
    }
    assert!(n_releases >= 4);
}

async fn documents_answer(chatbot: &Chatbot) {
    let ctx = Context::local();
    let page = PageRequest::default();
    let found = chatbot.documents(&ctx, &ListDocuments::default(), &page).await.unwrap();
    assert_eq!(found.items.len(), DOCUMENTS.len());
    for document in &found.items {
        assert_eq!(document.status, DocumentStatus::Ready);
        let (_, text) = DOCUMENTS.iter().find(|(name, _)| document.source.ends_with(name)).unwrap();
        assert_eq!(chatbot.original(&ctx, document.id).await.unwrap().bytes, *text);
    }
    // The index is built anew, from the texts.
    let mut hits = Vec::new();
    for _ in 0..500 {
        hits = chatbot.search(&ctx, SearchRequest::new("cooling pump")).await.unwrap().hits;
        if !hits.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(hits[0].text.contains("every 400 hours"), "{hits:?}");
}

async fn messages_are_there(chatbot: &Chatbot, round: usize) {
    let ctx = Context::local();
    let page = PageRequest::default();
    let sessions = chatbot.sessions(&ctx, &ListSessions::default(), &page).await.unwrap().items;
    assert_eq!(sessions.len(), 1 + round);
    let oldest = sessions.last().unwrap();
    let messages = chatbot.messages(&ctx, oldest.id, None, &page).await.unwrap().items;
    assert_eq!(messages[0].content, QUESTION);
    assert_eq!(messages[1].role, MessageRole::Assistant);
    assert!(messages[1].content.contains("every 400 hours"));
    let citation = &messages[1].citations[0];
    assert!(citation.quote.contains("every 400 hours") && citation.verified);
    let answer = chatbot.ask(TurnRequest::new(QUESTION)).await.unwrap();
    assert!(answer.content.contains("every 400 hours"), "{}", answer.content);
}

/// The schema as SQLite counts its changes, the migrations that were applied, and what may be in doubt after a start: the
/// lineage, jobs and answers.
async fn facts(conn: &mut SqliteConnection) -> Vec<String> {
    let mut facts = Vec::new();
    for statement in [
        "SELECT group_concat(schema_version) FROM pragma_schema_version",
        "SELECT group_concat(version || ' ' || hex(hash) || ' ' || applied_at) FROM core_migrations",
        "SELECT group_concat(name || ' ' || hex(value)) FROM meta",
        "SELECT group_concat(hex(id) || ' ' || attempts || ' ' || due_at || ' ' || hex(token)) FROM jobs",
        "SELECT group_concat(hex(id) || ' ' || state) FROM versions",
    ] {
        let fact: Option<String> =
            sqlx::query_scalar(statement).fetch_one(&mut *conn).await.unwrap();
        facts.push(fact.unwrap_or_default());
    }
    facts
}

#[tokio::test]
async fn a_release_that_is_too_old_refuses_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let chatbot = open(folder.path()).await.unwrap();
    let new = chatbot_core::NewDocument::default();
    chatbot.add_text(&Context::local(), new, DOCUMENTS[0].1).await.unwrap();
    chatbot.close().await.unwrap();
    let store = folder.path().join("store.db");
    let mut conn = connect(&store).await;
    sqlx::query("INSERT INTO core_migrations (version, hash, applied_at) VALUES (1000, x'00', 0)")
        .execute(&mut conn)
        .await
        .unwrap();
    let before = facts(&mut conn).await;
    conn.close().await.unwrap();
    let refused = open(folder.path()).await.unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::NewerSchema));
    assert!(refused.message().contains("Start that release"), "{refused}");
    let mut conn = connect(&store).await;
    assert_eq!(facts(&mut conn).await, before, "nothing was written");
    conn.close().await.unwrap();
    let target = folder.path().with_extension("backup");
    let backup = chatbot_core::backup(&Context::local(), folder.path(), &target, &|_| ()).await;
    assert_eq!(backup.unwrap_err().reason(), Some(Reason::NewerSchema));
    assert!(!target.exists());
}

/// Has the release at `CHATBOT_RELEASE` take in the documents and answer the question, and keeps what it wrote.
#[tokio::test]
#[ignore = "it needs the program of a release, and writes into the sources"]
async fn write_the_fixture() {
    let program = std::env::var_os("CHATBOT_RELEASE").expect("CHATBOT_RELEASE names the program");
    let folder = tempfile::tempdir().unwrap();
    let (docs, data_dir) = (folder.path().join("docs"), folder.path().join("data"));
    fs::create_dir(&docs).unwrap();
    for (name, text) in DOCUMENTS {
        fs::write(docs.join(name), text).unwrap();
    }
    for verb in [&["ingest", "docs"][..], &["ask", QUESTION]] {
        let mut command = Command::new(&program);
        command.args(verb).args(["--data-dir", "data"]).current_dir(folder.path());
        assert!(command.status().unwrap().success());
    }
    let mut conn = connect(&data_dir.join("store.db")).await;
    let schema: i64 = sqlx::query_scalar("SELECT max(version) FROM core_migrations")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    let release = releases().join(format!("schema-{schema}"));
    fs::create_dir_all(&release).unwrap();
    fs::write(release.join("store.sql"), dump(&mut conn).await).unwrap();
    for entry in fs::read_dir(data_dir.join("blobs")).unwrap() {
        let folder = entry.unwrap().file_name();
        // Originals are in folders of two letters.
        if folder.len() == 2 {
            let blobs = |root: &Path| root.join("blobs").join(&folder);
            copy_folder(&blobs(&data_dir), &blobs(&release));
        }
    }
}

/// The database as the statements that make it.
async fn dump(conn: &mut SqliteConnection) -> String {
    let mut dump = String::from("BEGIN;\n");
    let tables = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut tables = pairs(conn, tables).await;
    tables.push(("sqlite_sequence".to_owned(), "DELETE FROM sqlite_sequence".to_owned()));
    for (table, create) in tables {
        dump.push_str(&format!("{create};\n"));
        let columns = format!("SELECT name, type FROM pragma_table_info('{table}')");
        let columns: Vec<String> =
            pairs(conn, &columns).await.into_iter().map(|(name, _)| name).collect();
        let values: Vec<String> = columns.iter().map(|name| format!("quote({name})")).collect();
        let (columns, values) = (columns.join(", "), values.join(" || ', ' || "));
        for (row, _) in pairs(conn, &format!("SELECT {values}, '' FROM {table} ORDER BY 1")).await {
            dump.push_str(&format!("INSERT INTO {table} ({columns}) VALUES ({row});\n"));
        }
    }
    let indexes = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
    for (_, create) in pairs(conn, indexes).await {
        dump.push_str(&format!("{create};\n"));
    }
    dump.push_str("COMMIT;\n");
    dump
}

async fn pairs(conn: &mut SqliteConnection, query: &str) -> Vec<(String, String)> {
    let rows = sqlx::query(AssertSqlSafe(query.to_owned())).fetch_all(conn).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
