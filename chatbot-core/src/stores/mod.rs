//! Stores: the truth.
