//! `eval`: retrieval and answers measured on labelled sets, through the same paths that serve people.

mod answers;
mod corpus;
mod data;
mod metrics;
mod retrieval;

pub(super) use answers::answers;
pub(super) use retrieval::retrieval;
