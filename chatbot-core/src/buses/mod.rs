//! Buses: how tasks, and processes, wake each other.

mod memory;

pub use memory::MemoryBus;
