//! For tests of this crate and of yours: scripted models, fixed clocks, and the suites every implementation must pass.

pub mod conformance;
