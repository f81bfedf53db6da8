//! The encoder of all-MiniLM-L6-v2, quantised: data of `chatbot-core`, and of no use without it.
#![no_std]

/// The file, in the layout that `chatbot-core` reads.
pub static BYTES: &[u8] = include_bytes!("model.bin");

/// The SHA-256 of [`BYTES`], in hexadecimal.
pub const SHA256: &str = include_str!("model.sha256");
