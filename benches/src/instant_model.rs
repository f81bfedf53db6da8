//! A model that answers at once: an OpenAI-compatible endpoint on the loopback address. What is left of a question's
//! time is the server's own. Under `/after/MS` it answers after so many milliseconds.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::Result;

/// Pieces as the API itself sends them: clients look at their ids.
const ANSWER: &str = concat!(
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"instant\",",
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"It is said so \"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"instant\",",
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"in the first source [1].\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"instant\",",
    "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

/// Starts the endpoint in this process and returns where it listens.
///
/// # Errors
/// Where no port is free.
pub async fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let app = Router::new()
        .route("/v1/chat/completions", post(answer))
        .route("/after/{ms}/v1/chat/completions", post(answer_later));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn answer(_request: axum::body::Bytes) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/event-stream")], ANSWER)
}

async fn answer_later(Path(ms): Path<u64>, request: axum::body::Bytes) -> impl IntoResponse {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    answer(request).await
}
