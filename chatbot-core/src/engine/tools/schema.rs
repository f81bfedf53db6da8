//! Checks the arguments of calls against the JSON schemas of tools.
//!
//! A model's arguments are input from outside. A schema is taken only where every word of it is known here
//! ([`check_schema`]), so that nothing a tool relies on is passed over in silence; then [`violation`] says in words for the
//! model what is wrong with a value. Of JSON Schema 2020-12 there are the words for types, values, objects, lists, texts,
//! numbers and their combinations; patterns and references are not.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Words that say something to people or models and bind nothing.
const NOTES: &[&str] = &[
    "$schema",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "format",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Words with a value of their own.
const LIMITS: &[&str] = &[
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];

const TYPES: &[&str] = &["null", "boolean", "object", "array", "number", "integer", "string"];

/// The first thing in a schema that is not understood here; `None` where all of it is.
pub(crate) fn check_schema(schema: &Value) -> Option<String> {
    match schema {
        Value::Bool(_) => None,
        Value::Object(words) => words.iter().find_map(|(word, value)| not_understood(word, value)),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Some("a schema that is no object".to_owned())
        }
    }
}

fn not_understood(word: &str, value: &Value) -> Option<String> {
    let wrong = || Some(format!("`{word}`"));
    let is_name = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    match (word, value) {
        (word, _) if NOTES.contains(&word) => None,
        (word, value) if LIMITS.contains(&word) => {
            value.as_f64().is_none_or(|limit| limit.is_nan()).then(wrong)?
        }
        ("const", _) | ("enum" | "required", Value::Array(_)) | ("uniqueItems", Value::Bool(_)) => {
            None
        }
        ("type", Value::Array(names)) => (!names.iter().all(is_name)).then(wrong)?,
        ("type", name) => (!is_name(name)).then(wrong)?,
        ("properties", Value::Object(properties)) => properties.values().find_map(check_schema),
        ("items" | "additionalProperties" | "not", schema) => check_schema(schema),
        ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
            schemas.iter().find_map(check_schema)
        }
        _ => wrong(),
    }
}

/// What is wrong with `value`, in a sentence; `None` where it fits.
pub(crate) fn violation(schema: &Value, value: &Value) -> Option<String> {
    let place = Place { value, path: String::new() };
    place.violation(schema)
}

/// A value, and how one gets to it.
struct Place<'a> {
    value: &'a Value,
    path: String,
}

impl Place<'_> {
    fn violation(&self, schema: &Value) -> Option<String> {
        let Some(words) = schema.as_object() else {
            let is_refused = schema.as_bool() != Some(true);
            return is_refused.then(|| self.says("is not known"));
        };
        let of_value = match self.value {
            Value::Object(object) => self.object(words, object),
            Value::Array(items) => self.list(words, items),
            Value::String(text) => self.text(words, text),
            Value::Number(number) => self.number(words, number.as_f64().unwrap_or(f64::NAN)),
            Value::Null | Value::Bool(_) => None,
        };
        self.kind(words).or(of_value).or_else(|| self.combined(words))
    }

    /// Type, enum and const.
    fn kind(&self, words: &Map<String, Value>) -> Option<String> {
        let types: Vec<&str> = match words.get("type") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            Some(name) => name.as_str().into_iter().collect(),
            None => Vec::new(),
        };
        if words.contains_key("type") && !types.iter().any(|name| is_a(self.value, name)) {
            return Some(self.says(&format!("must be of type {}", types.join(" or "))));
        }
        let allowed = words.get("enum").and_then(Value::as_array);
        if let Some(allowed) =
            allowed.filter(|allowed| !allowed.iter().any(|one| same(one, self.value)))
        {
            return Some(self.says(&format!("must be one of {}", listed(allowed))));
        }
        let only = words.get("const").filter(|only| !same(only, self.value));
        only.map(|only| self.says(&format!("must be {only}")))
    }

    fn object(&self, words: &Map<String, Value>, object: &Map<String, Value>) -> Option<String> {
        let required = words.get("required").and_then(Value::as_array).into_iter().flatten();
        let missing = required.filter_map(Value::as_str).find(|name| !object.contains_key(*name));
        if let Some(name) = missing {
            return Some(self.at(&Value::Null, name).says("is missing"));
        }
        let properties = words.get("properties").and_then(Value::as_object);
        let others = words.get("additionalProperties");
        let wrong = object.iter().find_map(|(name, value)| {
            let schema = properties.and_then(|known| known.get(name)).or(others)?;
            self.at(value, name).violation(schema)
        });
        wrong.or_else(|| self.count(words, ("minProperties", "maxProperties"), object.len()))
    }

    fn list(&self, words: &Map<String, Value>, items: &[Value]) -> Option<String> {
        let wrong = words.get("items").and_then(|schema| {
            let mut items = items.iter().enumerate();
            items.find_map(|(n, item)| self.at(item, &n.to_string()).violation(schema))
        });
        let is_twice =
            |(n, item): (usize, &Value)| items.iter().take(n).any(|other| same(item, other));
        let must_differ = words.get("uniqueItems").and_then(Value::as_bool) == Some(true);
        let twice = must_differ && items.iter().enumerate().any(is_twice);
        wrong
            .or_else(|| twice.then(|| self.says("must not hold anything twice")))
            .or_else(|| self.count(words, ("minItems", "maxItems"), items.len()))
    }

    fn text(&self, words: &Map<String, Value>, text: &str) -> Option<String> {
        self.count(words, ("minLength", "maxLength"), text.chars().count())
    }

    fn number(&self, words: &Map<String, Value>, number: f64) -> Option<String> {
        let limit = |word: &str| words.get(word).and_then(Value::as_f64);
        let checks = [
            ("minimum", limit("minimum").is_none_or(|least| number >= least)),
            ("maximum", limit("maximum").is_none_or(|most| number <= most)),
            ("exclusiveMinimum", limit("exclusiveMinimum").is_none_or(|bound| number > bound)),
            ("exclusiveMaximum", limit("exclusiveMaximum").is_none_or(|bound| number < bound)),
            ("multipleOf", limit("multipleOf").is_none_or(|step| is_whole(number / step))),
        ];
        self.failed(words, &checks)
    }

    /// A number of things within two limits.
    #[allow(clippy::cast_precision_loss, reason = "no argument has 2^52 parts")]
    fn count(
        &self,
        words: &Map<String, Value>,
        (least, most): (&str, &str),
        n: usize,
    ) -> Option<String> {
        let limit = |word: &str| words.get(word).and_then(Value::as_f64);
        let checks = [
            (least, limit(least).is_none_or(|least| n as f64 >= least)),
            (most, limit(most).is_none_or(|most| n as f64 <= most)),
        ];
        self.failed(words, &checks)
    }

    fn failed(&self, words: &Map<String, Value>, checks: &[(&str, bool)]) -> Option<String> {
        let (word, _) = checks.iter().find(|(_, holds)| !holds)?;
        let limit = words.get(*word)?;
        Some(self.says(&format!("breaks `{word}`: {limit}")))
    }

    fn combined(&self, words: &Map<String, Value>) -> Option<String> {
        let schemas = |word: &str| words.get(word).and_then(Value::as_array);
        let fits = |schema: &&Value| self.violation(schema).is_none();
        let of_all =
            schemas("allOf").and_then(|all| all.iter().find_map(|one| self.violation(one)));
        let none = schemas("anyOf").is_some_and(|any| !any.iter().any(|one| fits(&one)));
        let not_one = schemas("oneOf").is_some_and(|all| all.iter().filter(fits).count() != 1);
        let forbidden = words.get("not").is_some_and(|not| fits(&not));
        of_all
            .or_else(|| none.then(|| self.says("fits none of `anyOf`")))
            .or_else(|| not_one.then(|| self.says("does not fit exactly one of `oneOf`")))
            .or_else(|| forbidden.then(|| self.says("fits what `not` forbids")))
    }

    fn at<'b>(&self, value: &'b Value, step: &str) -> Place<'b> {
        let path =
            if self.path.is_empty() { step.to_owned() } else { format!("{}.{step}", self.path) };
        Place { value, path }
    }

    fn says(&self, what: &str) -> String {
        match self.path.as_str() {
            "" => format!("The arguments: {what}."),
            path => format!("`{path}` {what}."),
        }
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(is_whole),
        _ => false,
    }
}

fn is_whole(number: f64) -> bool {
    number.is_finite() && number.fract() == 0.0
}

/// Equality as JSON Schema has it: 1 and 1.0 are one number, at whatever depth.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let has = |(name, value): (&String, &Value)| {
                b.get(name).is_some_and(|other| same(value, other))
            };
            a.len() == b.len() && a.iter().all(has)
        }
        _ => a == b,
    }
}

fn listed(values: &[Value]) -> String {
    values.iter().enumerate().fold(String::new(), |mut text, (n, value)| {
        let comma = if n == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{value}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fits(schema: &Value, value: &Value) -> bool {
        assert_eq!(check_schema(schema), None, "{schema}");
        violation(schema, value).is_none()
    }

    #[test]
    fn every_word_is_checked() {
        // A schema, what fits it, and what does not.
        let cases = [
            (json!({"type": "integer"}), json!(2.0), json!(2.5)),
            (json!({"type": ["string", "null"]}), json!(null), json!(1)),
            (json!({"type": "number"}), json!(1), json!("1")),
            (json!({"type": "boolean"}), json!(true), json!("true")),
            (json!({"enum": ["a", 1]}), json!(1.0), json!("b")),
            (json!({"const": {"a": [1]}}), json!({"a": [1.0]}), json!({"a": [2]})),
            (json!({"minLength": 2, "maxLength": 2}), json!("日本"), json!("日")),
            (json!({"maxLength": 2}), json!("ab"), json!("abc")),
            (json!({"minimum": 1}), json!(1), json!(0.9)),
            (json!({"maximum": 1}), json!(1), json!(1.1)),
            (json!({"exclusiveMinimum": 1}), json!(1.1), json!(1)),
            (json!({"exclusiveMaximum": 1}), json!(0.9), json!(1)),
            (json!({"multipleOf": 3}), json!(9), json!(10)),
            (json!({"items": {"type": "string"}}), json!(["a"]), json!(["a", 1])),
            (json!({"minItems": 1}), json!([1]), json!([])),
            (json!({"maxItems": 1}), json!([1]), json!([1, 2])),
            (json!({"uniqueItems": true}), json!([1, 2]), json!([1, 1.0])),
            (json!({"required": ["a"]}), json!({"a": null}), json!({"b": 1})),
            (json!({"properties": {"a": {"type": "string"}}}), json!({"b": 1}), json!({"a": 1})),
            (
                json!({"properties": {"a": true}, "additionalProperties": false}),
                json!({"a": 1}),
                json!({"b": 1}),
            ),
            (
                json!({"additionalProperties": {"type": "string"}}),
                json!({"a": "b"}),
                json!({"a": 1}),
            ),
            (json!({"minProperties": 1}), json!({"a": 1}), json!({})),
            (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), json!(2), json!(3)),
            (json!({"anyOf": [{"type": "string"}, {"minimum": 5}]}), json!(5), json!(4)),
            (json!({"oneOf": [{"minimum": 1}, {"minimum": 5}]}), json!(2), json!(6)),
            (json!({"not": {"type": "string"}}), json!(1), json!("a")),
            (json!({"type": "object", "description": "x", "default": {}}), json!({}), json!([])),
        ];
        for (schema, good, bad) in cases {
            assert!(fits(&schema, &good), "{schema} takes {good}");
            assert!(!fits(&schema, &bad), "{schema} refuses {bad}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let schema = json!({"type": "object", "properties": {"a": {"items": {"type": "string"}}}, "required": ["a"]});
        let said = |value: Value| violation(&schema, &value).unwrap_or_default();
        assert_eq!(said(json!({})), "`a` is missing.");
        assert_eq!(said(json!({"a": ["x", 1]})), "`a.1` must be of type string.");
        assert_eq!(said(json!("{\"a\": [\"cut")), "The arguments: must be of type object.");
    }

    #[test]
    fn what_is_not_understood_is_not_taken() {
        for schema in [
            json!({"pattern": "^a$"}),
            json!({"properties": {"a": {"$ref": "#/x"}}}),
            json!({"items": {"anyOf": [{"type": "text"}]}}),
            json!({"type": 7}),
            json!({"minimum": "1"}),
            json!({"required": "a"}),
            json!("string"),
        ] {
            assert!(check_schema(&schema).is_some(), "{schema}");
        }
    }
}
