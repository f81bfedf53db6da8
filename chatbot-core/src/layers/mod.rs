//! What wraps a trait from outside: each layer takes an implementation, adds one thing, and is that trait again.

mod query_cache;

pub use query_cache::QueryCache;
