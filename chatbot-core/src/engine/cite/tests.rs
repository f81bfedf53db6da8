//! Alignment as a whole.
