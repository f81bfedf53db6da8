//! The few inner loops that decide how fast something is, written for the processor at hand.
//!
//! Each is a safe function on slices that picks, while the program runs, the widest instructions this processor has. A
//! plain version stands beside each one: it is used where there are none, and the tests compare the two.

#[cfg(feature = "builtin-embedder")]
mod encoder;
#[cfg(feature = "builtin-embedder")]
mod matmul;
#[cfg(feature = "builtin-embedder")]
mod packed;
mod scan;

#[cfg(feature = "builtin-embedder")]
pub(crate) use encoder::{add_bias, bias_gelu, residual_layer_norm, softmax_rows};
#[cfg(feature = "builtin-embedder")]
pub(crate) use matmul::{Matrix, matmul};
#[cfg(feature = "builtin-embedder")]
pub(crate) use packed::{PackedRows, widen};
pub use scan::{Codes, dot_f32};
