//! What HTTP adds to the core's types: how requests are read, and the few bodies that the core has no type for.

pub(crate) mod chat;
pub(crate) mod disposition;
pub(crate) mod form;
pub(crate) mod idempotency;
pub(crate) mod json;
pub(crate) mod page;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod spool;

mod fields;

pub(crate) use idempotency::Key;
pub(crate) use json::Json;
pub(crate) use page::PageQuery;
pub(crate) use path::{Id, Ids};
pub(crate) use query::Query;
