//! Drills: a real server is driven by several clients, killed at any moment, started again, and asked whether it kept
//! what it had promised.
//!
//! A client writes down what it asked and what was acknowledged ([`ledger`]). After a kill, what it does not know is
//! asked again under the same key ([`resolve`]), and everything it knows is compared with what the server answers, and
//! with what lies in the store ([`check`]). All chance comes from one seed, which is printed; only the moments at which
//! things happen are the machine's.

pub mod actor;
pub mod api;
pub mod check;
pub mod disk;
mod inside;
pub mod kills;
pub mod ledger;
pub mod life;
pub mod load;
pub mod points;
pub mod report;
pub mod resolve;
pub mod slow_model;

pub use chatbot_benches::{Failure, Result};
