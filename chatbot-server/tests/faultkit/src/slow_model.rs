//! A model that takes its time: an OpenAI-compatible endpoint whose answer comes word by word.

use std::time::Duration;

use chatbot_core::testing::scripted_server::{Act, ScriptedServer, event_stream_head};

use crate::Result;

/// The pause before each word: slow enough to be killed, cut or stopped within, quick enough to end.
const PAUSE: Duration = Duration::from_millis(20);
const WORDS: &[&str] = &[
    "It ", "is ", "said ", "so, ", "word ", "by ", "word, ", "in ", "the ", "first ", "source ",
    "[1].",
];

/// Starts the endpoint, which says its sentence so many times; it ends with the value. The model's URI is [`uri`].
///
/// # Errors
/// Where no port is free.
pub async fn start(n_times: usize) -> Result<ScriptedServer> {
    let mut acts = vec![Act::Send(event_stream_head())];
    for word in std::iter::repeat_n(WORDS, n_times).flatten() {
        acts.push(Act::Wait(PAUSE));
        let data = format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}}}}]}}\n\n"
        );
        acts.push(Act::Send(data.into_bytes()));
    }
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    acts.push(Act::Send(end.as_bytes().to_vec()));
    Ok(ScriptedServer::start(vec![acts]).await?)
}

/// How the model is named in a configuration and in a request.
#[must_use]
pub fn uri(server: &ScriptedServer) -> String {
    format!("openai+{}/v1#slow", server.url())
}
