//! Mail, in each form it comes in.

use chatbot_core::parsers::{MailParser, MboxParser, OutlookParser};
use chatbot_core::testing::conformance::parser::{Sample, check};
use chatbot_core::types::{MediaType, ParsedDocument};
use chatbot_core::{ErrorKind, Reason};

use super::fixtures::{outline, parse};
use super::public::evaluation_data;

fn names(document: &ParsedDocument) -> Vec<&str> {
    document.parts.iter().map(|part| part.name.as_str()).collect()
}

const PLAIN: &str = "From: Ada <ada@example.org>\r\nTo: Bob <bob@example.org>\r\nCc: eve@example.org\r\n\
    Subject: =?UTF-8?Q?The_pump=E2=80=99s?=\r\n =?UTF-8?Q?_oil?=\r\nDate: Tue, 1 Oct 2024 12:34:56 -0500\r\n\
    Message-ID: <1@example.org>\r\n\r\nA paragraph with words to find.\r\n\r\n> Is it oiled?\r\n> Every day?\r\n\r\nYes.\r\n";

#[test]
fn messages_pass_the_suite() {
    let sample = |media_type, name, bytes: &[u8]| Sample {
        media_type,
        name,
        bytes: bytes.to_vec(),
        contains: "words to find",
    };
    let alternative = "From: a@b.c\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nd29yZHMgdG8gZmluZA==\r\n\
        --x\r\nContent-Type: text/csv; name=\"t.csv\"\r\nContent-Disposition: attachment\r\n\r\na,b\r\n1,2\r\n--x--\r\n";
    check(
        &MailParser::default(),
        &[
            sample(MediaType::MAIL, "a.eml", PLAIN.as_bytes()),
            sample(MediaType::MAIL, "b.eml", alternative.as_bytes()),
        ],
    );
    if let Some(folder) = evaluation_data("documents") {
        let file = folder.join("files/unst__fake-email-attachment.msg");
        let bytes = std::fs::read(file).unwrap();
        let mut sample = sample(MediaType::OUTLOOK, "a.msg", &bytes);
        sample.contains = "Lots of whitespace";
        check(&OutlookParser::default(), &[sample]);
    }
}

#[test]
fn a_message_says_who_wrote_what_to_whom() {
    let document = parse("a.eml", PLAIN).unwrap();
    assert_eq!(document.media_type, MediaType::MAIL);
    assert_eq!(document.title.as_deref(), Some("The pump’s oil"));
    assert_eq!(document.metadata["author"], "Ada <ada@example.org>");
    assert_eq!(document.metadata["created"], "2024-10-01T12:34:56-05:00");
    let expected = [
        "p: From: Ada <ada@example.org>\nTo: Bob <bob@example.org>\nCc: eve@example.org\nDate: 2024-10-01 12:34 -0500\n\
         Subject: The pump’s oil",
        "p: A paragraph with words to find.",
        "quote: Is it oiled?\nEvery day?",
        "p: Yes.",
    ];
    assert_eq!(outline(&document), expected);
}

/// A message of several parts with this type, each with its own head.
fn several(kind: &str, parts: &[&str]) -> String {
    let mut message = format!(
        "From: a@b.c\nTo: d@e.f\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=\"=_x\"\n\nignored\n"
    );
    for part in parts {
        message.push_str(&format!("--=_x\n{part}\n"));
    }
    message + "--=_x--\n"
}

#[test]
fn of_two_ways_to_say_the_same_the_richer_one_is_taken() {
    let plain = "Content-Type: text/plain\n\nOil it. Then wait for an hour.";
    let html = "Content-Type: text/html\n\n<p>Oil it. Then wait.</p><ul><li>an hour</li></ul>";
    let document = parse("a.eml", several("alternative", &[plain, html])).unwrap();
    assert_eq!(outline(&document)[1..], ["p: Oil it. Then wait.", "li: - an hour"]);
    let empty = "Content-Type: text/html\n\n<img src='cid:1'>";
    let document = parse("a.eml", several("alternative", &[plain, empty])).unwrap();
    assert_eq!(outline(&document)[1..], ["p: Oil it. Then wait for an hour."]);
    let document = parse("a.eml", several("mixed", &[plain, html])).unwrap();
    assert_eq!(outline(&document).len(), 4, "one after the other is not one or the other");
}

#[test]
fn what_is_attached_is_handed_out() {
    let text = "Content-Type: text/plain\n\nSee there.";
    let csv = "Content-Type: text/csv; name=\"../../t.csv\"\nContent-Transfer-Encoding: base64\n\nYSxiCjEsMgo=";
    let forwarded = "Content-Type: message/rfc822\n\nFrom: x@y.z\nSubject: Old: news\nDate: Tue, 1 Oct 2024 12:34:56 -0500\n\nOld.";
    let picture = "Content-Type: image/png; name=logo.png\nContent-ID: <1>\n\nx";
    let film = "Content-Type: video/mp4; name=f.mp4\n\n\0\0\0\x18ftypmp42";
    let document =
        parse("a.eml", several("mixed", &[text, csv, forwarded, picture, film])).unwrap();
    assert_eq!(names(&document), ["_.._t.csv", "Old_ news.eml"]);
    assert_eq!(document.parts[0].bytes, "a,b\n1,2\n");
    assert!(document.text.contains("Attachments: _.._t.csv, Old_ news.eml"), "{}", document.text);
    assert!(!document.text.contains("Old."), "what was forwarded is a document of its own");
    let said = &document.warnings[0].message;
    assert_eq!(said, "A part was left out because its format cannot be read: f.mp4");
    let inner = parse(&document.parts[1].name, &document.parts[1].bytes).unwrap();
    assert_eq!(inner.title.as_deref(), Some("Old: news"));
}

#[test]
fn encrypted_messages_are_named_as_such() {
    let pgp = several(
        "encrypted",
        &[
            "Content-Type: application/pgp-encrypted\n\nVersion: 1",
            "Content-Type: application/octet-stream\n\n-----BEGIN",
        ],
    );
    let smime = "From: a@b.c\nSubject: s\nDate: x\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nMIA=";
    let inline = "From: a@b.c\nTo: x@y.z\nSubject: s\n\n-----BEGIN PGP MESSAGE-----\nhIw\n-----END PGP MESSAGE-----\n";
    for message in [&pgp, smime, inline] {
        let error = parse("a.eml", message).unwrap_err();
        assert_eq!(
            (error.kind(), error.reason()),
            (ErrorKind::ParseFailed, Some(Reason::Encrypted))
        );
    }
    let partly = several("mixed", &["Content-Type: text/plain\n\nRead this.", inline]);
    assert!(parse("a.eml", partly).unwrap().text.contains("Read this."));
}

#[test]
fn messages_without_mime_in_old_encodings_are_read() {
    let mut message = b"From: a@b.c\nTo: d@e.f\nSubject: s\n\n".to_vec();
    message.extend(
        encoding_rs::KOI8_R
            .encode("Однажды, в студеную зимнюю пору я из лесу вышел; был сильный мороз.")
            .0
            .iter(),
    );
    assert!(parse("a.eml", message).unwrap().text.contains("студеную"));
    let japanese = "From: a@b.c\nSubject: s\nDate: x\nContent-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B4A;z\x1b(B";
    assert!(parse("a.eml", japanese).unwrap().text.contains("漢字"));
}

#[test]
fn depth_costs_nothing_however_deep_a_message_says_it_is() {
    let deep = "Content-Type: multipart/mixed; boundary=x\n\n--x\n".repeat(20_000);
    let message = format!("From: a@b.c\nSubject: s\nDate: x\n{deep}\nend");
    parse("a.eml", &message).unwrap();
    let forwarded = "From: a@b.c\nSubject: s\nContent-Type: message/rfc822\n\n".repeat(50_000);
    let document = parse("a.eml", &forwarded).unwrap();
    assert_eq!(document.parts.len(), 1, "one step at a time");
}

#[test]
fn a_folder_has_its_messages() {
    let folder = format!(
        "From a@b Thu Jan  1 00:00:00 1970\n{PLAIN}\n\nFrom c@d Fri Jan  2 00:00:00 1970\nFrom: c@d.e\nSubject: Two\n\n>From here\n"
    );
    check_folder(&folder, "a.mbox");
    check_folder(&folder, "Inbox");
    let error = MboxParser::default();
    let raw = chatbot_core::types::RawDocument {
        name: "a".into(),
        declared: None,
        bytes: bytes::Bytes::from_static(b"no message"),
    };
    let limits = chatbot_core::traits::ParseLimits::default();
    use chatbot_core::traits::Parser as _;
    let error = error.parse(&chatbot_core::Context::local(), &MediaType::MBOX, &raw, &limits);
    assert_eq!(error.unwrap_err().reason(), Some(Reason::Empty));
}

fn check_folder(folder: &str, name: &str) {
    let document = parse(name, folder).unwrap();
    assert_eq!((document.media_type.clone(), document.text.as_str()), (MediaType::MBOX, ""));
    assert_eq!(names(&document), ["0001 The pump’s oil.eml", "0002 Two.eml"]);
    let second = parse(&document.parts[1].name, &document.parts[1].bytes).unwrap();
    assert!(second.text.ends_with("From here"), "{}", second.text);
}

#[test]
fn mail_is_told_from_notes_about_mail() {
    let kind = |name: &str, text: &str| parse(name, text).unwrap().media_type.as_str().to_owned();
    let head = "From: a@b.c\nTo: d@e.f\nSubject: s\nDate: x\n\nbody";
    assert_eq!(kind("message", head), "message/rfc822");
    assert_eq!(kind("message.txt", head), "message/rfc822");
    assert_eq!(
        kind("about.md", head),
        "text/markdown",
        "a name that promises another text is believed"
    );
    assert_eq!(kind("log.yaml", head), "application/yaml");
    assert_eq!(kind("note.txt", "From: here\n\nto there"), "text/plain");
    assert_eq!(kind("note.eml", "Dear Ada, this was no message."), "text/plain");
    assert_eq!(kind("note.txt", "From a to b in 1999\nnothing: new"), "text/plain");
}
