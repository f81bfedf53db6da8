//! Says which field of a request is wrong, without repeating what was sent.

use std::fmt::Display;

use crate::error::ApiError;

/// What serde says about a value, as an error about a field.
pub(super) fn error<E: Display>(error: &serde_path_to_error::Error<E>) -> ApiError {
    let message = error.inner().to_string();
    let path = match error.path().to_string() {
        path if path == "." => String::new(),
        path => path,
    };
    if let Some(name) = quoted_after(&message, "missing field `") {
        return ApiError::field(join(&path, name), "it is missing");
    }
    if let Some(name) = quoted_after(&message, "unknown field `") {
        // The path already ends in the field where the deserialiser knew it.
        let field = if path == name || path.ends_with(&format!(".{name}")) {
            path
        } else {
            join(&path, name)
        };
        return ApiError::field(field, "there is no such field");
    }
    ApiError::field(path, expectation(&message))
}

/// The part of a message that says what was expected: the rest may quote the request.
fn expectation(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    let message = message.get(..end).unwrap_or(message);
    match message.rfind("expected ") {
        Some(start) => message.get(start..).unwrap_or_default().to_owned(),
        None if message.starts_with("invalid digit") => "expected a whole number".to_owned(),
        None => message.chars().take(200).collect(),
    }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split('`').next()
}

fn join(path: &str, name: &str) -> String {
    let name: String = name.chars().take(100).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use chatbot_core::types::{NewCollection, SearchRequest};
    use serde::de::DeserializeOwned;

    fn failure<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> (String, String) {
        let mut json = serde_json::Deserializer::from_str(json);
        let error = serde_path_to_error::deserialize::<_, T>(&mut json).unwrap_err();
        let reply = serde_json::to_value(super::error(&error).reply("")).unwrap();
        let field = &reply["error"]["fields"][0];
        let text = |name: &str| field[name].as_str().unwrap().to_owned();
        (text("field"), text("message"))
    }

    #[test]
    fn names_the_field_and_never_repeats_the_value() {
        let (field, message) = failure::<SearchRequest>(r#"{"query":"a","top_k":"secret"}"#);
        assert_eq!(field, "top_k");
        assert!(message.starts_with("expected ") && !message.contains("secret"), "{message}");
        let unknown = failure::<SearchRequest>(r#"{"query":"a","topk":1}"#);
        assert_eq!(unknown, ("topk".to_owned(), "there is no such field".to_owned()));
        let missing = failure::<NewCollection>("{}");
        assert_eq!(missing, ("name".to_owned(), "it is missing".to_owned()));
        let variant = failure::<NewCollection>(r#"{"name":"a","visibility":"secret"}"#);
        assert_eq!(variant.0, "visibility");
        assert!(!variant.1.contains("secret"), "{}", variant.1);
    }
}
