//! Which language a text is in.

use crate::types::Language;

/// The language of `text`; `None` where it is too short or too mixed to tell.
#[must_use]
pub fn detect_language(text: &str) -> Option<Language> {
    let info = whatlang::detect(text).filter(whatlang::Info::is_reliable)?;
    Some(Language::from_static(info.lang().code()))
}
