//! `eval`: retrieval and answers measured on labelled sets, through the same paths that serve people.
//!
//! Each set is taken in once and asked with every strategy. What comes out is a list of entries, one per set and
//! strategy; the table, the JSON, the comparison with a baseline and the page are all made from that list.

mod answers;
mod baseline;
mod charts;
mod conclude;
mod corpus;
mod data;
mod entry;
mod files;
mod metrics;
mod page;
mod retrieval;
mod sets;
mod table;

pub(super) use answers::answers;
pub(super) use files::files;
pub(super) use retrieval::retrieval;
