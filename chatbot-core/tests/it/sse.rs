//! Server-sent events: the same events however the bytes are cut.

use std::time::Duration;

use chatbot_core::ErrorKind;
use chatbot_core::sse::{SseEvent, SseParser};
use proptest::prelude::*;

fn parse(pieces: &[&[u8]]) -> Vec<SseEvent> {
    let mut parser = SseParser::default();
    pieces.iter().flat_map(|piece| parser.push(piece).expect("within the limit")).collect()
}

fn data(stream: &str) -> Vec<String> {
    parse(&[stream.as_bytes()]).into_iter().map(|event| event.data).collect()
}

#[test]
fn fields_are_read_as_the_standard_wants() {
    let stream =
        "\u{feff}: a comment\nid: 7\nevent: text\ndata: a\ndata:b\ndata\nretry: 250\nodd: x\n\n";
    let expected = SseEvent {
        id: Some("7".into()),
        event: Some("text".into()),
        data: "a\nb\n".into(),
        retry: Some(Duration::from_millis(250)),
    };
    assert_eq!(parse(&[stream.as_bytes()]), [expected]);
}

#[test]
fn every_line_end_counts_and_blank_lines_dispatch_once() {
    assert_eq!(data("data: a\r\n\r\ndata: b\r\rdata: c\n\n\n\n\r\n"), ["a", "b", "c"]);
    assert_eq!(data("data:  two spaces\n\n"), [" two spaces"]);
}

#[test]
fn an_id_lasts_until_the_next_and_a_block_without_data_is_no_event() {
    let ids: Vec<_> = parse(&[b"id: 1\ndata: a\n\nevent: ping\n\ndata: b\n\nid\ndata: c\n\n"])
        .into_iter()
        .map(|event| (event.id, event.event))
        .collect();
    assert_eq!(
        ids,
        [(Some("1".into()), None), (Some("1".into()), None), (Some(String::new()), None)]
    );
}

#[test]
fn what_is_incomplete_is_not_an_event() {
    assert!(data("data: cut off").is_empty());
    assert!(data("data: no blank line\n").is_empty());
}

#[test]
fn the_limit_of_a_line_is_a_mebibyte() {
    let line = |n: usize| [b"data:", vec![b'x'; n - 5].as_slice()].concat();
    assert!(SseParser::default().push(&line(1 << 20)).is_ok());
    assert!(SseParser::default().push(&line((1 << 20) + 1)).is_err());
}

#[test]
fn a_line_without_end_is_refused_with_bounded_memory() {
    let mut parser = SseParser::with_limit(1000);
    let mut pushed = 0;
    let error = loop {
        pushed += 100;
        if let Err(error) = parser.push(&[b'x'; 100]) {
            break error;
        }
    };
    assert_eq!((error.kind(), pushed), (ErrorKind::BadResponse, 1100));
    let mut parser = SseParser::with_limit(1000);
    let many = (0..20).try_for_each(|_| {
        parser
            .push(b"data: 0123456789012345678901234567890123456789012345678901234567890\n")
            .map(drop)
    });
    assert_eq!(many.map_err(|error| error.kind()), Err(ErrorKind::BadResponse));
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "\n",
        "\r",
        "\r\n",
        "data",
        ":",
        " ",
        "id",
        "event",
        "retry",
        "12",
        "é",
        "日本",
        "data: {\"a\":1}\n\n",
        ": a comment\r",
        "data: a\r\rdata: b\r\n\r\n",
        "data: 0123456789012345678901234567890123456789\n",
        "\u{feff}",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

/// The stream in pieces, cut at these places.
fn cut(stream: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.iter_mut().for_each(|cut| *cut = (*cut).min(stream.len()));
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

/// The events before a line or an event that is longer than 50 bytes, and whether there is one.
fn within_limit(pieces: &[&[u8]]) -> (Vec<SseEvent>, bool) {
    let mut parser = SseParser::with_limit(50);
    let mut events = Vec::new();
    // A spoilt stream may say so with the bytes after it.
    for piece in pieces.iter().chain([&&b""[..]]) {
        match parser.push(piece) {
            Ok(more) => events.extend(more),
            Err(_) => return (events, true),
        }
    }
    (events, false)
}

// Fault 12: the same events however the bytes are cut, inside a character, a line end, a comment or the byte order mark.
proptest! {
    #[test]
    fn cutting_the_bytes_changes_nothing(stream in streams(), cuts in prop::collection::vec(0_usize..400, 0..40)) {
        let bytes: Vec<_> = stream.chunks(1).collect();
        prop_assert_eq!(parse(&cut(&stream, cuts)), parse(&[&stream]));
        prop_assert_eq!(parse(&bytes), parse(&[&stream]));
    }

    #[test]
    fn cutting_the_bytes_changes_nothing_about_what_is_too_long(stream in streams(), cuts in prop::collection::vec(0_usize..400, 0..40)) {
        let bytes: Vec<_> = stream.chunks(1).collect();
        prop_assert_eq!(within_limit(&cut(&stream, cuts)), within_limit(&[&stream]));
        prop_assert_eq!(within_limit(&bytes), within_limit(&[&stream]));
    }
}
