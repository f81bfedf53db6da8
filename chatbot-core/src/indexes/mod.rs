//! Indexes: projections of the store that find chunks.
