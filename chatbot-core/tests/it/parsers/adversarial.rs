//! Documents made to break parsers, where the evaluation data is there: each ends with a text or a typed error.

use std::time::Duration;

use chatbot_core::ErrorKind;
use chatbot_core::traits::ParseLimits;
use serde_json::Value;

use super::fixtures::parse_within;
use super::public::evaluation_data;

#[test]
fn hostile_documents_end_with_a_text_or_a_reason() {
    let Some(folder) = evaluation_data("adversarial") else { return };
    let manifest = std::fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    for line in manifest.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let name = entry["file"].as_str().unwrap();
        let limits = ParseLimits {
            max_duration: Duration::from_secs(entry["max_seconds"].as_u64().unwrap_or(10)),
            max_unpacked_bytes: 128 << 20,
            ..ParseLimits::default()
        };
        let bytes = std::fs::read(folder.join("files").join(name)).unwrap();
        let started = std::time::Instant::now();
        let result = parse_within(name, bytes, &limits);
        let took = started.elapsed().as_millis();
        match result {
            Ok(document) => {
                println!("{name}: {} bytes in {took} ms", document.text.len());
                assert_ne!(entry["expect"], "ERROR", "{name}");
                assert_ne!(entry["expect"], "EMPTY", "{name}");
                if entry["expect"] == "TEXT" {
                    let must = entry["must_contain"].as_str().unwrap_or_default();
                    must.split(" || ")
                        .for_each(|text| assert!(document.text.contains(text), "{name}: {text}"));
                }
                let must_not = entry["must_not_contain"].as_str().filter(|_| hides(name));
                assert!(!must_not.is_some_and(|text| document.text.contains(text)), "{name}");
                assert!(!document.text.contains("root:x:0"), "{name}");
            }
            Err(error) => {
                println!("{name}: {:?} {} in {took} ms", error.reason(), error.message());
                assert_eq!(error.kind(), ErrorKind::ParseFailed, "{name}: {error:?}");
                assert!(error.reason().is_some(), "{name}");
                let must_be_read = entry["expect"] == "TEXT" || entry["expect"] == "ANSWER";
                assert!(!must_be_read, "{name}: {error:?}");
            }
        }
    }
}

/// Files whose attack is text that no reader sees.
fn hides(name: &str) -> bool {
    ["vanish", "css_hidden"].iter().any(|trick| name.contains(trick))
}
