//! Ties the sentences of an answer to the bytes that support them.
