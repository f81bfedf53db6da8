//! Deleted means deleted: from everything that the surface says, and from every byte of every file.

use std::path::Path;

use axum::http::Method;
use chatbot_core::Chatbot;
use chatbot_core::testing::{ScriptedEmbedder, ScriptedModel};
use chatbot_server::config::ServerConfig;
use chatbot_server::surface;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{Server, question};

/// Says what the documents say in words of its own.
const ANSWER: &str = "The cooling pump must be oiled every 400 hours [1].";
const ASKED: &str = "How often must the cooling pump be oiled?";
const STRATEGIES: [&str; 4] = ["auto", "lexical", "dense", "hybrid"];

/// A word that nothing else has: three forms of it end differently, and all begin so.
fn root(n: usize) -> String {
    let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).unwrap());
    format!("zqu{}{}bblefrotz", letter(n), letter(n / 26))
}

/// A text about pumps in which the words of `n` stand in every paragraph.
fn manual(n: usize, n_paragraphs: usize) -> String {
    let root = root(n);
    let paragraph = |i: usize| {
        format!(
            "# Pump {i} of {root}ing\n\nThe cooling pump must be oiled every 400 hours by a {root}er. Whoever \
             {}ed it last writes the {root} into book {i}, and signs.\n\n",
            root.to_uppercase()
        )
    };
    (0..n_paragraphs).map(paragraph).collect()
}

/// Which of the words the bytes hold, in whatever case, in 8 or 16 bits a character.
fn found(bytes: &[u8], words: &[String]) -> Vec<String> {
    let lower = bytes.to_ascii_lowercase();
    let narrow = lower.windows(3).enumerate().filter(|(_, three)| three == b"zqu");
    let wide = lower.windows(5).enumerate().filter(|(_, five)| five == b"z\0q\0u");
    let mut held = Vec::new();
    for at in narrow.map(|(at, _)| at) {
        held.extend(words.iter().filter(|word| lower[at..].starts_with(word.as_bytes())));
    }
    for at in wide.map(|(at, _)| at) {
        let text: Vec<u8> = lower[at..].iter().copied().step_by(2).take(32).collect();
        held.extend(words.iter().filter(|word| text.starts_with(word.as_bytes())));
    }
    held.sort();
    held.dedup();
    held.into_iter().cloned().collect()
}

/// The files below `folder` that hold one of the words.
fn files_with(folder: &Path, words: &[String]) -> Vec<String> {
    let mut hits = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            hits.extend(files_with(&path, words));
            continue;
        }
        let name = found(path.to_string_lossy().as_bytes(), words);
        let content = found(&std::fs::read(&path).unwrap(), words);
        if !name.is_empty() || !content.is_empty() {
            hits.push(format!("{} {name:?} {content:?}", path.display()));
        }
    }
    hits
}

/// What a crawl asks with: every id that the surface has ever given out.
#[derive(Default)]
struct Known {
    documents: Vec<String>,
    sessions: Vec<String>,
    messages: Vec<String>,
    collections: Vec<String>,
}

impl Known {
    fn of(&self, path: &str) -> &[String] {
        match path.split('/').nth(3) {
            Some("documents") => &self.documents,
            Some("sessions") => &self.sessions,
            Some("messages") => &self.messages,
            Some("collections") => &self.collections,
            other => panic!("what are the ids of {other:?}?"),
        }
    }
}

/// Everything that the surface says where it is only read, and to searches for the words: whatever holds one of them.
async fn crawl(server: &Server, known: &Known, words: &[String]) -> Vec<String> {
    let mut hits = Vec::new();
    let mut note = |path: &str, body: &[u8]| {
        let words = found(body, words);
        if !words.is_empty() {
            hits.push(format!("{path}: {words:?}"));
        }
    };
    let mut paths = Vec::new();
    for route in surface().iter().filter(|route| route.method == Method::GET) {
        let skipped = route.path.contains("{*") || route.path == "/docs";
        match route.path.contains("{id}") || route.path.contains("{mid}") {
            _ if skipped => {}
            false => paths.push(route.path.to_owned()),
            true => paths.extend(
                known
                    .of(route.path)
                    .iter()
                    .map(|id| route.path.replace("{id}", id).replace("{mid}", id)),
            ),
        }
    }
    for id in &known.documents {
        paths.extend([1, 2].map(|n| format!("/api/v1/documents/{id}/text?version={n}")));
    }
    for id in &known.sessions {
        paths.push(format!("/api/v1/sessions/{id}/export?format=markdown"));
    }
    for path in &paths {
        if path.starts_with("/api/v1/sessions/") && path.ends_with("/events") {
            continue; // It goes on for ever, and names messages without what they say.
        }
        let reply = server.get(path).await;
        assert!(reply.status.as_u16() < 500, "{path}: {}", reply.status);
        note(path, &reply.body);
    }
    for word in words {
        for list in ["sessions", "documents"] {
            let path = format!("/api/v1/{list}?q={word}");
            let items = server.get(&path).await.expect(200)["items"].take();
            assert_eq!(items, json!([]), "{path}");
        }
    }
    let asked = STRATEGIES.iter().map(|strategy| (*strategy, ASKED));
    for (strategy, query) in asked.chain(words.iter().map(|word| ("auto", word.as_str()))) {
        let request = json!({"query": query, "strategy": strategy, "top_k": 50});
        let reply = server.post("/api/v1/search", request).await;
        note(&format!("search {strategy} {query}"), &reply.body);
    }
    hits
}

async fn server(model: Option<ScriptedModel>) -> Server {
    let builder = Chatbot::builder().custom_embedder(ScriptedEmbedder::default());
    let builder = match model {
        Some(model) => builder.custom_model(model),
        None => builder,
    };
    let config = ServerConfig { drain_s: 1, ..ServerConfig::default() };
    Server::configured(config, builder).await
}

/// Asks in a session of its own and notes what came of it.
async fn ask(server: &Server, known: &mut Known, request: Value) -> Value {
    let reply = server.post("/api/v1/chat", request).await.expect(200);
    known.sessions.push(reply["session_id"].as_str().unwrap().to_owned());
    known.messages.push(reply["message"]["id"].as_str().unwrap().to_owned());
    reply["message"].clone()
}

/// Thirty documents of all sizes, side by side; those whose number is divisible by three are to go.
async fn fill(server: &Server, known: &mut Known) -> (Vec<String>, Vec<String>) {
    let (mut doomed, mut words) = (Vec::new(), Vec::new());
    for n in 0..30 {
        let n_paragraphs = [1, 3, 9, 40][n % 4];
        let document = server.add(&format!("manual-{n}.md"), &manual(n, n_paragraphs)).await;
        let id = document["id"].as_str().unwrap().to_owned();
        let patch = json!({"title": format!("Manual {n}"), "metadata": {}});
        let path = format!("/api/v1/documents/{id}");
        server.with_json(Method::PATCH, &path, &patch).await.expect(200);
        if n % 3 == 0 {
            doomed.push(id.clone());
            words.push(root(n));
        }
        known.documents.push(id);
    }
    (doomed, words)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deleted_is_in_no_answer_and_in_no_file() {
    let (server, mut known) =
        (server(Some(ScriptedModel::replying(ANSWER))).await, Known::default());
    let (doomed, mut words) = fill(&server, &mut known).await;
    let collection = server.post("/api/v1/collections", json!({"name": "Plant"})).await.expect(201);
    let collection = collection["id"].as_str().unwrap().to_owned();
    let text = json!({"title": "In it", "text": manual(40, 6), "collection_id": collection});
    let inside = server.post_keyed("/api/v1/documents/text", "once", text).await.expect(202);
    known.documents.push(inside["id"].as_str().unwrap().to_owned());
    words.push(root(40));
    // A version that was replaced, whose words the one that answers does not have.
    let replaced = format!("/api/v1/documents/{}/content", doomed[0]);
    let form = [("file", Some("new.md"), manual(0, 2).into_bytes())];
    let form: Vec<_> = form.iter().map(|(a, b, c)| (*a, *b, c.as_slice())).collect();
    let put = crate::support::with_form(server.request(Method::PUT, &replaced), &form);
    server.send(put).await.expect(202);
    server.settled(&doomed[0]).await;
    for id in &known.documents {
        server.settled(id).await;
    }
    known.collections.push(collection.clone());
    for n in 0..12 {
        let strategy = STRATEGIES[n % 4];
        let request = json!({"message": format!("{ASKED} Once more, {n}."), "stream": false,
            "context_strategy": strategy, "top_k": 20});
        let answer = ask(&server, &mut known, request).await;
        assert!(!answer["citations"].as_array().unwrap().is_empty(), "{answer}");
    }
    let data = server.folder.path().join("data");
    assert!(!files_with(&data, &words).is_empty(), "the crawl finds what is there");
    assert!(crawl_finds(&server, &known, &words).await, "and so does the one of the surface");

    for id in &doomed {
        server.delete(&format!("/api/v1/documents/{id}")).await.expect(204);
    }
    server.delete(&format!("/api/v1/collections/{collection}")).await.expect(204);
    assert_eq!(crawl(&server, &known, &words).await, Vec::<String>::new(), "at once");
    server.chatbot.as_ref().unwrap().clear_up().await.unwrap();
    assert_eq!(files_with(&data, &words), Vec::<String>::new());
    assert_eq!(crawl(&server, &known, &words).await, Vec::<String>::new());
    let kept = server.get(&format!("/api/v1/documents/{}/text", known.documents[1])).await;
    let plain = manual(1, 3).replace("# ", "");
    assert_eq!(kept.body, plain.trim_end(), "what was not deleted is there, to the letter");
    server.stop().await.unwrap();
}

/// Whether the words are found somewhere; lists that are searched for them have to be left out.
async fn crawl_finds(server: &Server, known: &Known, words: &[String]) -> bool {
    let text = server.get(&format!("/api/v1/documents/{}/text", known.documents[0])).await;
    let message = server.get(&format!("/api/v1/messages/{}", known.messages[0])).await;
    !found(&text.body, words).is_empty() && !found(&message.body, words).is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_takes_the_answers_along_and_leaves_the_questions() {
    // It quotes the documents, so that its answers hold their words.
    let (server, mut known) = (server(None).await, Known::default());
    let (doomed, words) = fill(&server, &mut known).await;
    let mut holds = Vec::new();
    for n in 0..30 {
        let root = root(n);
        let answer =
            ask(&server, &mut known, question(&format!("Who oils pump 0 of {root}ing?"))).await;
        holds.push(!found(answer["content"].as_str().unwrap().as_bytes(), &words).is_empty());
    }
    assert!(holds.contains(&true) && holds.contains(&false), "{holds:?}");
    for id in &doomed {
        server.delete(&format!("/api/v1/documents/{id}?purge=true")).await.expect(204);
    }
    let mut n_purged = 0;
    for (session, id) in known.sessions.iter().zip(&known.messages) {
        let answer = server.get(&format!("/api/v1/messages/{id}")).await.expect(200);
        let text = answer.to_string();
        assert!(found(text.as_bytes(), &words).is_empty(), "{text}");
        if answer["warnings"][0]["code"] == "purged" {
            n_purged += 1;
            assert_eq!((&answer["content"], &answer["sources"]), (&json!(""), &json!([])));
            let listed =
                server.get(&format!("/api/v1/sessions/{session}/messages")).await.expect(200);
            assert_eq!(listed["items"].as_array().unwrap().len(), 2, "it keeps its place");
            let path = format!("/api/v1/messages/{id}/stream");
            let events = server.events(Method::GET, &path, None).await;
            let events: Vec<_> = events.collect().await;
            assert!(events.iter().all(|event| found(event.data.as_bytes(), &words).is_empty()));
        }
    }
    assert!(n_purged >= holds.iter().filter(|holds| **holds).count());
    // Questions are their writers': with their sessions, nothing of the words is left anywhere.
    for session in &known.sessions {
        server.delete(&format!("/api/v1/sessions/{session}")).await.expect(204);
    }
    server.chatbot.as_ref().unwrap().clear_up().await.unwrap();
    assert_eq!(crawl(&server, &known, &words).await, Vec::<String>::new());
    let data = server.folder.path().join("data");
    assert_eq!(files_with(&data, &words), Vec::<String>::new());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_deletion_query_says_only_what_there_is() {
    let server = server(None).await;
    let document = server.add("manual.md", &manual(1, 1)).await;
    let path = format!("/api/v1/documents/{}", document["id"].as_str().unwrap());
    server.delete(&format!("{path}?purge=perhaps")).await.error(400, "invalid_input");
    server.delete(&format!("{path}?gone=true")).await.error(400, "invalid_input");
    server.delete(&format!("{path}?purge=false")).await.expect(204);
    server.delete(&format!("{path}?purge=true")).await.error(404, "not_found");
}
