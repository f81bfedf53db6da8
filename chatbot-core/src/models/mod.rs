//! Models: what writes answers.
