//! Parsers: how a format becomes text.
