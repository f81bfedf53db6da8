//! For tests of this crate and of yours: scripted models, fixed clocks, and the suites every implementation must pass.

mod clock;
pub mod conformance;
#[cfg(test)]
mod message;
mod scripted_embedder;
mod scripted_model;
pub mod scripted_server;
mod turn_contract;

pub use clock::FixedClock;
#[cfg(test)]
pub(crate) use message::message;
pub use scripted_embedder::ScriptedEmbedder;
pub use scripted_model::{ScriptedModel, Step};
pub use turn_contract::{citation_violations, turn_violations};

/// Every named moment at which a process of this crate can be made to end: `CHATBOT_CRASH_AT` in its environment names one.
pub const CRASH_POINTS: &[&str] = crate::crash::POINTS;
