//! Buses: wake-ups between tasks.
