//! The reference server and command line of `chatbot-core`: adapters, no product logic.
//!
//! [`run`] serves an engine over HTTP; [`cli`] is every other verb. A verb speaks to the same HTTP surface, over the
//! network to a server that runs, or inside its own process, so that there is one way of doing each thing.

pub mod cli;
pub mod config;
pub mod lock;

mod app;
mod assets;
mod auth;
mod bodies;
mod connections;
mod error;
mod layers;
mod openapi;
mod routes;
mod serve;
mod sse;
mod telemetry;
mod wire;

pub use app::App;
pub use auth::Permission;
pub use error::{ApiError, FieldError};
pub use openapi::document as openapi_document;
pub use routes::{RouteInfo, Surface, router, surface};
pub use serve::{run, serve};
