//! What a turn costs beyond the model, alone and beside others.

pub mod asking;
pub mod gateway;
pub mod idle;
pub mod isolation;
pub mod overhead;
pub mod passages;
pub mod peer;
pub mod peers;
