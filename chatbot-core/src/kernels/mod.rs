//! The few inner loops that decide how fast something is, written for the processor at hand.
//!
//! Each is a safe function on slices that picks, while the program runs, the widest instructions this processor has. A
//! plain version stands beside each one: it is used where there are none, and the tests compare the two.

mod scan;

#[cfg(feature = "builtin-embedder")]
pub(crate) use chatbot_kernels::{
    FixedMatrix, InputCodes, Matrix, PackedRows, add_bias, bias_gelu, matmul, residual_layer_norm,
    softmax_rows,
};
pub use scan::{Codes, dot_f32};
