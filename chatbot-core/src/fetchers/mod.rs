//! Fetchers: how a document at an address of the web comes in.
//!
//! Whoever gives an address makes this process connect somewhere, with the rights that its machine has in its network. So
//! an address is looked at before each step, redirects included: its scheme, its port, what it says about a user, and every
//! address that its name has at that moment. The connection then goes to one of the addresses that were looked at, and the
//! name is not asked for again. What comes is bounded in time and size, also after unpacking.
//!
//! Deliberately not here: pages that need a browser, sign-ins, and looking again whether something has changed.

mod content;
mod guard;
mod http;
mod names;

pub use guard::is_public;
pub use http::{FetchOptions, HttpFetcher};
pub use names::{Names, SystemNames};
