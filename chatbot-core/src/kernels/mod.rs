//! The loops in which the time goes: matrix products, and what an encoder does between them.
//!
//! Each function is written once, as plain Rust that compilers turn into vector instructions, and compiled a second time
//! for AVX2 where the processor has it. Nothing here is `unsafe` to call.

mod encoder;
mod matmul;

pub(crate) use encoder::{add_bias, bias_gelu, residual_layer_norm, softmax_rows};
pub(crate) use matmul::{Matrix, matmul};
