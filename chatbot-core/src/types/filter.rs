//! Conditions on a document's metadata: a small language that is parsed, never spliced into a query.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Ordering;

use super::Metadata;
use crate::error::Error;

/// A condition on a document's metadata.
///
/// # Shape
/// At most 8 deep and 64 nodes in all. Keys are paths with dots (`author.name`).
///
/// # Example
/// ```
/// # use chatbot_core::types::Filter;
/// let filter = Filter::parse(&serde_json::json!({"op": "gte", "key": "year", "value": 2024}))?;
/// let metadata = serde_json::json!({"year": 2025});
/// assert!(filter.matches(metadata.as_object().unwrap()));
/// # Ok::<(), chatbot_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Object))]
pub struct Filter(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Compare { op: Comparison, key: String, value: Value },
    OneOf { negated: bool, key: String, values: Vec<Value> },
    Exists { key: String, wanted: bool },
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
}

/// What is wrong with a filter, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

impl From<FilterError> for Error {
    fn from(error: FilterError) -> Self {
        Self::invalid(error.0)
    }
}

impl Filter {
    /// The deepest nesting that is accepted.
    pub const MAX_DEPTH: usize = 8;
    /// The most nodes that are accepted.
    pub const MAX_NODES: usize = 64;

    /// Parses the JSON form.
    ///
    /// # Errors
    /// Says what is wrong: an unknown operator, a missing part, a wrong type, too deep or too many nodes.
    pub fn parse(json: &Value) -> Result<Self, FilterError> {
        let mut nodes_left = Self::MAX_NODES;
        parse_node(json, Self::MAX_DEPTH, &mut nodes_left).map(Self)
    }

    /// Whether a document with this metadata meets the condition. A missing key meets `ne`, `nin` and
    /// `exists: false` only.
    #[must_use]
    pub fn matches(&self, metadata: &Metadata) -> bool {
        self.0.matches(metadata)
    }
}

impl Node {
    fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::Compare { op, key, value } => op.holds(lookup(metadata, key), value),
            Self::OneOf { negated, key, values } => {
                let found =
                    lookup(metadata, key).is_some_and(|v| values.iter().any(|w| same(v, w)));
                found != *negated
            }
            Self::Exists { key, wanted } => lookup(metadata, key).is_some() == *wanted,
            Self::And(nodes) => nodes.iter().all(|node| node.matches(metadata)),
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(metadata)),
            Self::Not(nodes) => !nodes.iter().any(|node| node.matches(metadata)),
        }
    }
}

impl Comparison {
    const NAMES: [(&'static str, Self); 6] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("gt", Self::Gt),
        ("gte", Self::Gte),
        ("lt", Self::Lt),
        ("lte", Self::Lte),
    ];

    fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, op)| *op)
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }

    /// Whether values of this kind can be compared so: anything plain for equality, what has an order otherwise.
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Eq | Self::Ne => !value.is_array() && !value.is_object(),
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => value.is_number() || value.is_string(),
        }
    }

    fn holds(self, found: Option<&Value>, wanted: &Value) -> bool {
        let ordering = found.and_then(|value| order(value, wanted));
        match self {
            Self::Eq => found.is_some_and(|value| same(value, wanted)),
            Self::Ne => !found.is_some_and(|value| same(value, wanted)),
            Self::Gt => ordering == Some(Ordering::Greater),
            Self::Gte => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
            Self::Lt => ordering == Some(Ordering::Less),
            Self::Lte => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        }
    }
}

/// Equal values; a list equals what it contains, so that `tags eq "x"` finds a document with the tag `x`.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(items), wanted) if !wanted.is_array() => {
            items.iter().any(|item| same(item, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

/// Numbers by size, strings by code point; anything else has no order.
fn order(found: &Value, wanted: &Value) -> Option<Ordering> {
    match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn lookup<'a>(metadata: &'a Metadata, key: &str) -> Option<&'a Value> {
    if let Some(value) = metadata.get(key) {
        return Some(value);
    }
    let (head, rest) = key.split_once('.')?;
    lookup(metadata.get(head)?.as_object()?, rest)
}

fn parse_node(json: &Value, depth: usize, nodes_left: &mut usize) -> Result<Node, FilterError> {
    let fail = |message: String| Err(FilterError(message));
    if depth == 0 {
        return fail(format!("A filter may be at most {} deep.", Filter::MAX_DEPTH));
    }
    let Some(left) = nodes_left.checked_sub(1) else {
        return fail(format!("A filter may have at most {} parts.", Filter::MAX_NODES));
    };
    *nodes_left = left;
    let Some(object) = json.as_object() else {
        return fail("A filter is an object with `op`.".to_owned());
    };
    let Some(op) = object.get("op").and_then(Value::as_str) else {
        return fail("A filter needs a string `op`.".to_owned());
    };
    let allowed: &[&str] = match op {
        "and" | "or" | "not" => &["op", "filters"],
        _ => &["op", "key", "value"],
    };
    if let Some(unknown) = object.keys().find(|key| !allowed.contains(&key.as_str())) {
        return fail(format!("A filter with `op` {op:?} has no field {unknown:?}."));
    }
    match op {
        "and" => parse_nodes(object, depth, nodes_left).map(Node::And),
        "or" => parse_nodes(object, depth, nodes_left).map(Node::Or),
        "not" => parse_nodes(object, depth, nodes_left).map(Node::Not),
        _ => parse_leaf(op, object),
    }
}

fn parse_nodes(
    object: &Metadata,
    depth: usize,
    nodes_left: &mut usize,
) -> Result<Vec<Node>, FilterError> {
    let filters = object.get("filters").and_then(Value::as_array);
    let Some(filters) = filters.filter(|filters| !filters.is_empty()) else {
        return Err(FilterError("`and`, `or` and `not` need a list `filters`.".to_owned()));
    };
    filters.iter().map(|filter| parse_node(filter, depth - 1, nodes_left)).collect()
}

fn parse_leaf(op: &str, object: &Metadata) -> Result<Node, FilterError> {
    let key = object.get("key").and_then(Value::as_str).filter(|key| !key.is_empty());
    let Some(key) = key.map(str::to_owned) else {
        return Err(FilterError(format!("A filter with `op` {op:?} needs a string `key`.")));
    };
    let value = object.get("value").cloned().unwrap_or(Value::Null);
    if let Some(op) = Comparison::from_name(op) {
        if !op.takes(&value) {
            return Err(FilterError("`value` has the wrong type for this `op`.".to_owned()));
        }
        return Ok(Node::Compare { op, key, value });
    }
    match (op, value) {
        ("in" | "nin", Value::Array(values)) => {
            Ok(Node::OneOf { negated: op == "nin", key, values })
        }
        ("in" | "nin", _) => Err(FilterError("`in` and `nin` need a list `value`.".to_owned())),
        ("exists", Value::Null) => Ok(Node::Exists { key, wanted: true }),
        ("exists", Value::Bool(wanted)) => Ok(Node::Exists { key, wanted }),
        ("exists", _) => Err(FilterError("`exists` takes true or false.".to_owned())),
        (other, _) => Err(FilterError(format!("There is no filter `op` {other:?}."))),
    }
}

impl TryFrom<Value> for Filter {
    type Error = FilterError;

    fn try_from(json: Value) -> Result<Self, FilterError> {
        Self::parse(&json)
    }
}

impl From<Filter> for Value {
    fn from(filter: Filter) -> Self {
        filter.0.into()
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Self {
        let list = |op: &str, nodes: Vec<Node>| {
            let filters: Vec<Value> = nodes.into_iter().map(Value::from).collect();
            serde_json::json!({"op": op, "filters": filters})
        };
        match node {
            Node::And(nodes) => list("and", nodes),
            Node::Or(nodes) => list("or", nodes),
            Node::Not(nodes) => list("not", nodes),
            Node::Exists { key, wanted } => {
                serde_json::json!({"op": "exists", "key": key, "value": wanted})
            }
            Node::OneOf { negated, key, values } => {
                let op = if negated { "nin" } else { "in" };
                serde_json::json!({"op": op, "key": key, "value": values})
            }
            Node::Compare { op, key, value } => {
                let op = op.name();
                serde_json::json!({"op": op, "key": key, "value": value})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(filter: Value, metadata: Value) -> bool {
        Filter::parse(&filter).unwrap().matches(metadata.as_object().unwrap())
    }

    #[test]
    fn compares_numbers_strings_and_lists() {
        assert!(matches(json!({"op":"eq","key":"a.b","value":1}), json!({"a":{"b":1.0}})));
        assert!(matches(json!({"op":"eq","key":"tags","value":"x"}), json!({"tags":["y","x"]})));
        assert!(matches(json!({"op":"lt","key":"d","value":"2024-02"}), json!({"d":"2024-01-31"})));
        assert!(!matches(json!({"op":"lt","key":"d","value":5}), json!({"d":"4"})));
        assert!(matches(json!({"op":"nin","key":"d","value":[1]}), json!({})));
        assert!(!matches(
            json!({"op":"not","filters":[{"op":"exists","key":"d"}]}),
            json!({"d":0})
        ));
    }

    #[test]
    fn refuses_what_is_not_a_filter() {
        for bad in [
            json!({"$where": "1"}),
            json!({"op":"eq"}),
            json!({"op":"eq","key":"a","value":{"$gt":""}}),
            json!({"op":"gt","key":"a","value":null}),
            json!({"op":"and","filters":[]}),
            json!({"op":"like","key":"a","value":"b"}),
            json!({"op":"eq","key":"a","value":1,"extra":1}),
            json!([]),
        ] {
            assert!(Filter::parse(&bad).is_err(), "{bad}");
        }
        let mut deep = json!({"op":"exists","key":"a"});
        for _ in 0..Filter::MAX_DEPTH {
            deep = json!({"op":"not","filters":[deep]});
        }
        assert!(Filter::parse(&deep).is_err());
        let wide: Vec<Value> = (0..64).map(|_| json!({"op":"exists","key":"a"})).collect();
        assert!(Filter::parse(&json!({"op":"or","filters":wide})).is_err());
    }

    #[test]
    fn comes_back_from_its_json() {
        let json = json!({"op":"or","filters":[{"op":"in","key":"a","value":[1,2]},{"op":"exists","key":"b","value":false}]});
        assert_eq!(serde_json::to_value(Filter::parse(&json).unwrap()).unwrap(), json);
    }
}
