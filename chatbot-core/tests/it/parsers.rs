//! How documents become text.

mod adversarial;
mod docx;
mod fixtures;
mod formats;
mod html;
mod pdf;
mod pptx;
mod public;
mod xlsx;
