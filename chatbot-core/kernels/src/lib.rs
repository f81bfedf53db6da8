//! The inner loops of an encoder, for `chatbot-core`: products of matrices, what happens between them, and rows of numbers in
//! few bits.
//!
//! A crate of its own so that they are optimised in debug builds too. Each function is safe, works on slices, and picks,
//! while the program runs, the widest instructions this processor has.

#[cfg(target_arch = "x86_64")]
mod coded;
mod encoder;
mod fixed;
mod matmul;
mod packed;

pub use encoder::{add_bias, bias_gelu, residual_layer_norm, softmax_rows};
pub use fixed::{FixedMatrix, InputCodes};
pub use matmul::{Matrix, matmul};
pub use packed::PackedRows;
