//! Guards: what looks at questions before they are searched, and at answers before they are sent.

mod pattern;

pub use pattern::{GuardAction, GuardSide, PatternGuard, PatternRule};
