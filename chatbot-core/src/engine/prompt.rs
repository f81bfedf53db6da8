//! Puts a prompt together.
