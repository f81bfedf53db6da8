//! A model that takes its time: an OpenAI-compatible endpoint on the loopback address, for tests that stop an answer
//! or reload the page in the middle of one. It repeats the first source of its prompt, word by word, and cites it.
//! Speaks just enough HTTP and JSON for that.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Words of one answer at the least: ten seconds of it, so that there is time to stop and to reload.
const MIN_WORDS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);
const EVENT_STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// Starts the endpoint; it lives as long as this process.
pub(crate) fn start() -> Result<SocketAddr, String> {
    let io = |error: std::io::Error| format!("the slow model cannot listen: {error}");
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A client that goes away ends its answer: that is what stopping looks like from here.
            thread::spawn(move || answer(connection).ok());
        }
    });
    Ok(address)
}

fn answer(mut connection: TcpStream) -> std::io::Result<()> {
    let request = read_request(&connection)?;
    let words: Vec<&str> =
        first_source(&request).unwrap_or("Nothing was found.").split(' ').collect();
    let n_rounds = MIN_WORDS.div_ceil(words.len());
    connection.write_all(EVENT_STREAM.as_bytes())?;
    for word in std::iter::repeat_n(words.iter().chain(&["[1]"]), n_rounds).flatten() {
        let delta = format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{word} "}}}}]}}"#);
        write!(connection, "data: {delta}\n\n")?;
        thread::sleep(PAUSE);
    }
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    write!(connection, "data: {end}\n\ndata: [DONE]\n\n")
}

/// The body of the request.
fn read_request(connection: &TcpStream) -> std::io::Result<String> {
    let mut reader = BufReader::new(connection);
    let mut n_body = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(length) = header.strip_prefix("content-length:") {
            n_body = length.trim().parse().unwrap_or(0);
        }
    }
    let mut body = String::new();
    reader.take(n_body).read_to_string(&mut body)?;
    Ok(body)
}

/// The text of the first source in a prompt, escaped as it stands in the JSON of the request.
fn first_source(request: &str) -> Option<&str> {
    let (_, block) = request.split_once(r#"<source n=\""#)?;
    let (_, text) = block.split_once(r">\n")?;
    text.split_once(r"\n</source>").map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_a_word_at_a_time() -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = TcpStream::connect(start()?)?;
        let body = r#"{"content":"<source n=\"1\" title=\"T\">\nA pump \"hums\".\n</source>"}"#;
        let head = format!("POST /v1 HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
        connection.write_all((head + body).as_bytes())?;
        let mut lines = BufReader::new(connection).lines();
        let first = lines.find_map(|line| line.ok().filter(|line| line.starts_with("data:")));
        assert!(first.is_some_and(|line| line.contains(r#""content":"A ""#)));
        Ok(())
    }
}
