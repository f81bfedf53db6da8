//! How documents become text.

mod adversarial;
mod archives;
mod docx;
mod epub;
mod fixtures;
mod formats;
mod html;
mod mail;
mod odf;
mod ole;
mod package;
mod pdf;
mod pptx;
mod public;
mod rtf;
mod structured;
mod xlsx;
