//! How documents become text.

mod adversarial;
mod archives;
mod docx;
mod fixtures;
mod formats;
mod html;
mod mail;
mod pdf;
mod public;
