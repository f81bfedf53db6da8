//! The one character that no text may hold.

use crate::error::{Error, Result};

/// Refuses `text` where it has the character U+0000; `what` is how a person calls it. Nobody types or sees that
/// character, so it comes from a damaged copy; much software takes it for the end of a text, and databases refuse it.
/// What people wrote is not changed behind their backs; documents lose it with all else that cannot be seen.
///
/// # Errors
/// `invalid_input`.
pub(crate) fn refuse_nul(what: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        let message =
            format!("{what} contains the character U+0000 (NUL). Remove it, and try again.");
        return Err(Error::invalid(message));
    }
    Ok(())
}
