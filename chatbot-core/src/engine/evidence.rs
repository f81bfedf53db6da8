//! Whether what was found can answer at all.
