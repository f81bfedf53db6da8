//! Chunkers: where a text is cut.
