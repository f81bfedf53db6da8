//! A client that does whatever people do, one thing after the other, until the server is gone.

use std::time::Duration;

use chatbot_benches::chance::Chance;
use chatbot_benches::prose::Prose;
use reqwest::Method;
use serde_json::{Value, json};

use crate::Result;
use crate::api::{Api, Question, Read, Reading};
use crate::ledger::{Document, Ids, Known, Ledger, Session, Turn, Version};
use crate::report::{Findings, Kind};

/// Documents of one client at the same time.
const MAX_DOCUMENTS: usize = 8;
/// Sessions of one client at the same time.
const MAX_SESSIONS: usize = 12;
/// The longest pause between two requests.
const MAX_PAUSE_MS: usize = 12;
/// Bytes of a text: most are notes, some take several steps to be stored.
const NOTE_BYTES: usize = 1_500;
const BOOK_BYTES: usize = 150_000;

/// A client.
#[derive(Debug)]
pub struct Actor {
    /// What it asked and was told.
    pub ledger: Ledger,
    /// Promises that were broken before its eyes.
    pub findings: Findings,
    number: usize,
    n_markers: usize,
    chance: Chance,
    prose: Prose,
    slow_model: String,
    /// How many notes there are for each long text; 0 where there is none.
    book_once_in: usize,
}

impl Actor {
    /// The client of this number, which no other of the same server has.
    #[must_use]
    pub fn new(number: usize, mut chance: Chance, slow_model: &str, book_once_in: usize) -> Self {
        Self {
            ledger: Ledger::default(),
            findings: Findings::default(),
            number,
            n_markers: 0,
            prose: Prose::new(chance.any()),
            chance,
            slow_model: slow_model.to_owned(),
            book_once_in,
        }
    }

    /// Goes on until the server does not answer any more.
    ///
    /// # Errors
    /// Always: with what happened to the last request.
    pub async fn act(&mut self, api: &Api) -> Result<()> {
        loop {
            self.step(api).await?;
            let pause = u64::try_from(self.chance.below(MAX_PAUSE_MS)).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Does one thing.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn step(&mut self, api: &Api) -> Result<()> {
        let is_full = self.ledger.n_documents() >= MAX_DOCUMENTS;
        let has_asked_much = self.ledger.n_sessions() >= MAX_SESSIONS;
        match self.chance.below(100) {
            0..28 if is_full => self.delete(api).await,
            0..28 => self.upload(api).await,
            28..40 => self.replace(api).await,
            40..48 => self.delete(api).await,
            48..66 | 83..86 if has_asked_much => self.delete_session(api).await,
            48..66 => self.ask_anew(api).await,
            66..74 => self.ask_on(api).await,
            74..79 => self.edit(api).await,
            79..83 => self.answer_again(api).await,
            83..86 => self.ask_twice(api).await,
            86..90 => self.rename(api).await,
            90..92 => self.delete_session(api).await,
            92..95 => self.follow(api).await,
            _ => self.look(api).await,
        }
    }

    async fn upload(&mut self, api: &Api) -> Result<()> {
        let version = self.version();
        // The name is a word of every version; so it is none of their markers.
        let name = format!("document-{}.txt", self.marker());
        let key = format!("upload-{}", version.marker);
        let document = Document { name, key, versions: vec![version], ..Document::default() };
        self.ledger.documents.push(document);
        let at = self.ledger.documents.len() - 1;
        self.send_document(api, at).await
    }

    async fn replace(&mut self, api: &Api) -> Result<()> {
        let Some(at) = self.some_document() else { return Ok(()) };
        let version = self.version();
        if let Some(document) = self.ledger.documents.get_mut(at) {
            document.versions.push(version);
        }
        self.send_version(api, at).await
    }

    async fn delete(&mut self, api: &Api) -> Result<()> {
        let Some(at) = self.some_document() else { return Ok(()) };
        self.send_deletion(api, at).await
    }

    /// Uploads the document at this place, once more where that is in doubt.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn send_document(&mut self, api: &Api, at: usize) -> Result<()> {
        let Some(document) = self.ledger.documents.get_mut(at) else { return Ok(()) };
        let Some(version) = document.versions.first_mut() else { return Ok(()) };
        version.known = Known::Asked;
        let place = (Method::POST, "/documents");
        let reply = api.file(place, &document.key, (&document.name, &version.text)).await?;
        self.findings.check(reply.is_success(), Kind::Other, || {
            format!("an upload was refused: {} {}", reply.status, reply.json)
        });
        if reply.is_success() {
            version.known = Known::Acknowledged;
            document.id = Some(reply.text("id").to_owned());
            self.ledger.n_acknowledged += 1;
        } else {
            self.ledger.documents.remove(at);
        }
        Ok(())
    }

    /// Sends the last version of the document at this place, once more where that is in doubt.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn send_version(&mut self, api: &Api, at: usize) -> Result<()> {
        let Some(document) = self.ledger.documents.get_mut(at) else { return Ok(()) };
        let id = document.id.clone().unwrap_or_default();
        let Some(version) = document.versions.last_mut() else { return Ok(()) };
        version.known = Known::Asked;
        let path = format!("/documents/{id}/content");
        let key = format!("version-{}", version.marker);
        let reply = api.file((Method::PUT, &path), &key, (&document.name, &version.text)).await?;
        self.findings.check(reply.is_success(), Kind::Loss, || {
            format!("a version of {id} was refused: {} {}", reply.status, reply.json)
        });
        if reply.is_success() {
            version.known = Known::Acknowledged;
            self.ledger.n_acknowledged += 1;
        } else {
            document.versions.pop();
        }
        Ok(())
    }

    /// Deletes the document at this place, once more where that is in doubt.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn send_deletion(&mut self, api: &Api, at: usize) -> Result<()> {
        let Some(document) = self.ledger.documents.get_mut(at) else { return Ok(()) };
        let id = document.id.clone().unwrap_or_default();
        let was_in_doubt = document.deleted == Known::Asked;
        document.deleted = Known::Asked;
        let reply = api.call(Method::DELETE, &format!("/documents/{id}")).await?;
        let is_done = reply.status == 204 || (was_in_doubt && reply.status == 404);
        self.findings.check(is_done, Kind::Loss, || {
            format!("the deletion of {id} was refused: {} {}", reply.status, reply.json)
        });
        document.deleted = Known::Acknowledged;
        self.ledger.n_acknowledged += 1;
        let marker = document.last().map(|version| version.marker.clone()).unwrap_or_default();
        let found = api.found(&marker, "lexical").await?;
        self.findings.check(!found.contains(&id), Kind::Loss, || {
            format!("{id} was deleted, and a search finds it right after that")
        });
        Ok(())
    }

    async fn ask_anew(&mut self, api: &Api) -> Result<()> {
        let question = self.question("/chat".to_owned());
        self.ledger.sessions.push(Session::default());
        let at = self.ledger.sessions.len() - 1;
        self.ask(api, at, question).await
    }

    async fn ask_on(&mut self, api: &Api) -> Result<()> {
        let Some((at, id)) = self.some_session() else { return Ok(()) };
        let question = self.question(format!("/sessions/{id}/messages"));
        self.ask(api, at, question).await
    }

    async fn edit(&mut self, api: &Api) -> Result<()> {
        let Some((at, ids)) = self.some_answered() else { return Ok(()) };
        let path = format!("/sessions/{}/messages/{}", ids.session, ids.user);
        let (mut question, text) = self.question(path);
        question.method = Method::PUT;
        self.ask(api, at, (question, text)).await
    }

    async fn answer_again(&mut self, api: &Api) -> Result<()> {
        let Some((at, ids)) = self.some_answered() else { return Ok(()) };
        let path = format!("/sessions/{}/messages/{}/regenerate", ids.session, ids.user);
        let (mut question, _) = self.question(path);
        question.body = json!({"stream": true});
        self.ask(api, at, (question, None)).await
    }

    /// The same request twice at the same time: one effect.
    async fn ask_twice(&mut self, api: &Api) -> Result<()> {
        let (question, text) = self.question("/chat".to_owned());
        let turn = turn_of(question.clone(), text);
        let session = Session { turns: vec![turn], ..Session::default() };
        self.ledger.sessions.push(session);
        let at = self.ledger.sessions.len() - 1;
        let (mut one, mut other) = (Read::default(), Read::default());
        let both = tokio::join!(
            api.ask(&question, Reading::ToTheEnd, &mut one),
            api.ask(&question, Reading::ToTheEnd, &mut other)
        );
        let ids = |read: &Read| read.started.as_ref().and_then(Ids::of_started);
        if let (Some(one), Some(other)) = (ids(&one), ids(&other)) {
            self.findings.check(one == other, Kind::Duplicate, || {
                format!("one key, two turns: {one:?} and {other:?}")
            });
        }
        let read = if one.started.is_some() { one } else { other };
        self.note(at, read);
        both.0.and(both.1)
    }

    async fn ask(
        &mut self,
        api: &Api,
        at: usize,
        (question, text): (Question, Option<String>),
    ) -> Result<()> {
        if let Some(session) = self.ledger.sessions.get_mut(at) {
            session.turns.push(turn_of(question, text));
        }
        let until = if self.chance.once_in(5) {
            Reading::Events(self.chance.between(1, 6))
        } else {
            Reading::ToTheEnd
        };
        self.send_turn(api, at, until).await
    }

    /// Sends the last question of the session at this place, once more where that is in doubt.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn send_turn(&mut self, api: &Api, at: usize, until: Reading) -> Result<()> {
        let turn = self.ledger.sessions.get(at).and_then(|session| session.turns.last());
        let Some(question) = turn.map(|turn| turn.question.clone()) else { return Ok(()) };
        let mut read = Read::default();
        let outcome = api.ask(&question, until, &mut read).await;
        self.note(at, read);
        outcome
    }

    /// Writes down what was read of the last answer of the session at this place.
    fn note(&mut self, at: usize, read: Read) {
        let Some(session) = self.ledger.sessions.get_mut(at) else { return };
        if let Some(reply) = &read.refused {
            // The answer before it was cut by this very client, and is still being made.
            let is_busy = reply.status == 409;
            self.findings.check(is_busy, Kind::Loss, || {
                format!("a question was refused: {} {}", reply.status, reply.json)
            });
            session.turns.pop();
            if session.id.is_none() {
                self.ledger.sessions.remove(at);
            }
            return;
        }
        let Some(turn) = session.turns.last_mut() else { return };
        let Some(ids) = read.started.as_ref().and_then(Ids::of_started) else { return };
        if turn.ids.is_none() {
            self.ledger.n_acknowledged += 1;
        }
        session.id = Some(ids.session.clone());
        turn.ids = Some(ids);
        let Some(end) = read.end else {
            turn.seen = read.text;
            return;
        };
        let message = end.get("message").cloned().unwrap_or_default();
        let content = message.get("content").and_then(Value::as_str).unwrap_or_default();
        self.findings.check(content == read.text, Kind::Half, || {
            format!("an answer's pieces are not its text: {:?} and {content:?}", read.text)
        });
        turn.seen = read.text;
        turn.end = Some(message);
    }

    async fn rename(&mut self, api: &Api) -> Result<()> {
        let Some((at, _)) = self.some_session() else { return Ok(()) };
        let title = format!("Title {}", self.marker());
        if let Some(session) = self.ledger.sessions.get_mut(at) {
            session.titles.push((title, Known::Asked));
        }
        self.send_title(api, at).await
    }

    /// Names the session at this place, once more where that is in doubt.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn send_title(&mut self, api: &Api, at: usize) -> Result<()> {
        let Some(session) = self.ledger.sessions.get_mut(at) else { return Ok(()) };
        let path = format!("/sessions/{}", session.id.as_deref().unwrap_or_default());
        let Some((title, known)) = session.titles.last_mut() else { return Ok(()) };
        let reply = api.send(Method::PATCH, &path, &json!({"title": title})).await?;
        self.findings.check(reply.is_success(), Kind::Loss, || {
            format!("{path} could not be named: {} {}", reply.status, reply.json)
        });
        *known = Known::Acknowledged;
        self.ledger.n_acknowledged += 1;
        Ok(())
    }

    async fn delete_session(&mut self, api: &Api) -> Result<()> {
        let Some((at, _)) = self.some_session() else { return Ok(()) };
        self.send_session_deletion(api, at).await
    }

    /// Deletes the session at this place, once more where that is in doubt.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn send_session_deletion(&mut self, api: &Api, at: usize) -> Result<()> {
        let Some(session) = self.ledger.sessions.get_mut(at) else { return Ok(()) };
        let was_in_doubt = session.deleted == Known::Asked;
        session.deleted = Known::Asked;
        let path = format!("/sessions/{}", session.id.as_deref().unwrap_or_default());
        let reply = api.call(Method::DELETE, &path).await?;
        let is_done = reply.status == 204 || (was_in_doubt && reply.status == 404);
        self.findings.check(is_done, Kind::Loss, || {
            format!("the deletion of {path} was refused: {} {}", reply.status, reply.json)
        });
        session.deleted = Known::Acknowledged;
        self.ledger.n_acknowledged += 1;
        Ok(())
    }

    /// Opens what shows others how things go on, and goes away.
    async fn follow(&mut self, api: &Api) -> Result<()> {
        let document =
            self.some_document().and_then(|at| self.ledger.documents.get(at)?.id.clone());
        let path = match (self.some_session(), document) {
            (Some((_, id)), _) if self.chance.once_in(2) => format!("/sessions/{id}/events"),
            (_, Some(id)) => format!("/documents/{id}/events"),
            _ => return Ok(()),
        };
        api.peek(&path, self.chance.below(4)).await
    }

    /// Searches for a document: what answers is whole, what was deleted does not answer.
    async fn look(&mut self, api: &Api) -> Result<()> {
        let at = self.chance.below(self.ledger.documents.len());
        let Some(document) = self.ledger.documents.get(at) else { return Ok(()) };
        let (Some(id), Some(version)) = (&document.id, document.last()) else { return Ok(()) };
        let answers = api.found(&version.marker, "lexical").await?.contains(id);
        if document.deleted != Known::Never {
            let by_all = api.found(&version.marker, "auto").await?.contains(id);
            self.findings
                .check(!answers && !by_all, Kind::Loss, || format!("{id} was deleted and answers"));
        } else if answers {
            let text = api.bytes(&format!("/documents/{id}/text")).await?;
            let is_whole = text.as_deref() == Some(version.text.as_bytes());
            self.findings.check(is_whole, Kind::Half, || {
                format!("{id} answers and its text is not whole: {:?}", text.map(|t| t.len()))
            });
        }
        Ok(())
    }

    fn some_document(&mut self) -> Option<usize> {
        let all = self.ledger.documents.iter().enumerate();
        let there: Vec<usize> = all.filter(|(_, one)| one.is_there()).map(|(at, _)| at).collect();
        self.chance.one_of(&there).copied()
    }

    fn some_session(&mut self) -> Option<(usize, String)> {
        let all = self.ledger.sessions.iter().enumerate().filter(|(_, one)| one.is_there());
        let there: Vec<_> = all.filter_map(|(at, one)| Some((at, one.id.clone()?))).collect();
        self.chance.one_of(&there).cloned()
    }

    /// A question whose answer has ended, in a session that is there.
    fn some_answered(&mut self) -> Option<(usize, Ids)> {
        let all = self.ledger.sessions.iter().enumerate().filter(|(_, one)| one.is_there());
        let answered = all.flat_map(|(at, session)| {
            let ended = session.turns.iter().filter(|turn| turn.end.is_some());
            ended.filter_map(move |turn| Some((at, turn.ids.clone()?)))
        });
        let answered: Vec<_> = answered.collect();
        self.chance.one_of(&answered).cloned()
    }

    fn version(&mut self) -> Version {
        let marker = self.marker();
        let is_book = self.book_once_in > 0 && self.chance.once_in(self.book_once_in);
        let most = if is_book { BOOK_BYTES } else { NOTE_BYTES };
        let n_bytes = self.chance.between(100, most);
        let middle = self.prose.text(n_bytes);
        let text = format!("Here {marker} is explained.\n\n{middle}This was all of {marker}.\n");
        Version { marker, text, known: Known::Never }
    }

    fn question(&mut self, path: String) -> (Question, Option<String>) {
        let own = self.marker();
        let known = self.chance.below(self.ledger.documents.len());
        let about = self.ledger.documents.get(known).and_then(Document::last);
        let about = about.map_or_else(|| own.clone(), |version| version.marker.clone());
        let text = format!("Where is {about} explained, asked {own}?");
        let model = self.chance.once_in(2).then(|| self.slow_model.clone());
        let uses_documents = model.is_none() || self.chance.once_in(2);
        let body =
            json!({"message": text, "stream": true, "model": model, "use_rag": uses_documents});
        let question = Question { method: Method::POST, path, key: format!("ask-{own}"), body };
        (question, Some(text))
    }

    /// A word that stands nowhere else, and that no stemmer touches.
    fn marker(&mut self) -> String {
        const LETTERS: &[u8; 16] = b"bcdfghjkmnprtvwx";
        self.n_markers += 1;
        let mut number = self.number * 1_000_000 + self.n_markers;
        let mut marker = String::from("zq");
        for _ in 0..7 {
            marker.push(LETTERS.get(number % 16).copied().map_or('b', char::from));
            number /= 16;
        }
        marker.push('q');
        marker
    }
}

fn turn_of(question: Question, text: Option<String>) -> Turn {
    Turn { question, text, ids: None, seen: String::new(), end: None, survived: false }
}
