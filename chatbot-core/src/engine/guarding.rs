//! Asks guards, and holds text back until they can be asked.

use std::sync::Arc;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::text::sentences;
use crate::traits::{Guard, GuardFailure, Verdict};
use crate::types::Warning;

/// Bytes that are held for the end of a sentence; more are cut at white space. Three times the longest sentence that is quoted.
const MAX_HELD_BYTES: usize = 4 << 10;

/// Bytes that are held where there is no white space either: lines of data.
const MAX_UNBROKEN_BYTES: usize = 16 << 10;

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Input,
    Output,
}

/// A text that the guards let through.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) text: String,
    pub(super) is_rewritten: bool,
    pub(super) warnings: Vec<Warning>,
}

/// Asks the guards one after the other; each sees what the one before left.
///
/// # Errors
/// `content_blocked` where one does not let it through, or could not check it and says that nothing goes on then.
pub(super) async fn check(
    guards: &[Arc<dyn Guard>],
    ctx: &Context,
    side: Side,
    text: String,
) -> Result<Checked> {
    let mut checked = Checked { text, is_rewritten: false, warnings: Vec::new() };
    for guard in guards {
        let verdict = match side {
            Side::Input => ctx.run(guard.check_input(ctx, &checked.text)).await,
            Side::Output => ctx.run(guard.check_output(ctx, &checked.text)).await,
        };
        match verdict.or_else(|error| without_verdict(ctx, guard.as_ref(), error))? {
            Verdict::Pass => {}
            Verdict::Warn(warning) => checked.warnings.push(warning),
            Verdict::Rewrite(text) => {
                checked.is_rewritten |= text != checked.text;
                checked.text = text;
            }
            Verdict::Block { message } => {
                tracing::info!(guard = guard.name(), ?side, "a guard let a text not through");
                return Err(Error::new(ErrorKind::ContentBlocked, message));
            }
        }
    }
    Ok(checked)
}

fn without_verdict(ctx: &Context, guard: &dyn Guard, error: Error) -> Result<Verdict> {
    // A turn that was stopped was not refused.
    ctx.check()?;
    tracing::warn!(guard = guard.name(), ?error, "a guard could not check a text");
    match guard.on_error() {
        GuardFailure::Pass => Ok(Verdict::Pass),
        GuardFailure::Block => {
            let message =
                "The text could not be checked, and nothing goes on unchecked. Try again later.";
            Err(Error::new(ErrorKind::ContentBlocked, message).with_source(error))
        }
    }
}

/// Holds text back until a sentence or a line is whole. Decides character by character, so that the way in which a model cuts
/// its text changes nothing.
#[derive(Debug, Default)]
pub(super) struct Hold {
    text: String,
}

impl Hold {
    /// The sentences that `delta` completes, with the white space behind them.
    pub(super) fn push(&mut self, delta: &str) -> Vec<String> {
        let mut whole = Vec::new();
        for c in delta.chars() {
            self.text.push(c);
            if self.is_whole(c) {
                whole.push(std::mem::take(&mut self.text));
            }
        }
        whole
    }

    /// What waits, now that nothing more comes.
    pub(super) fn finish(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.text);
        (!rest.is_empty()).then_some(rest)
    }

    /// Whether a sentence is whole, now that `c` was added.
    fn is_whole(&self, c: char) -> bool {
        let n_bytes = self.text.len();
        match c {
            '\n' | '。' | '！' | '？' => true,
            _ if n_bytes > MAX_UNBROKEN_BYTES => true,
            _ if !c.is_whitespace() => false,
            _ if n_bytes > MAX_HELD_BYTES => true,
            _ => self.ends_with_sentence(),
        }
    }

    /// Whether a new sentence would begin after the white space at the end.
    fn ends_with_sentence(&self) -> bool {
        let text = self.text.trim_end();
        let may_end = text.ends_with(|c: char| !c.is_alphanumeric() && c != ',');
        may_end && sentences(&format!("{}A", self.text)).len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Dr. Meyer (a.b@example.com) is 3.5 years in. He left! \"So?\" Yes [1]. 东京。大阪\nA line\nrest";

    fn cut(pieces: impl Iterator<Item = String>) -> Vec<String> {
        let mut hold = Hold::default();
        let mut whole: Vec<String> = pieces.flat_map(|piece| hold.push(&piece)).collect();
        whole.extend(hold.finish());
        whole
    }

    #[test]
    fn the_way_in_which_text_is_cut_changes_nothing() {
        let expected = cut(std::iter::once(TEXT.to_owned()));
        assert_eq!(expected.concat(), TEXT);
        assert!(expected.len() >= 6 && expected[0].contains("a.b@example.com"), "{expected:?}");
        assert_eq!(cut(TEXT.chars().map(String::from)), expected);
        for (at, _) in TEXT.char_indices() {
            let (a, b) = TEXT.split_at(at);
            assert_eq!(cut([a.to_owned(), b.to_owned()].into_iter()), expected, "cut at {at}");
        }
    }

    #[test]
    fn nothing_is_held_for_ever() {
        let mut hold = Hold::default();
        assert_eq!(hold.push(&"word ".repeat(2_000)).len(), 2);
        assert!(hold.push(&"x".repeat(MAX_UNBROKEN_BYTES + 1)).len() == 1);
    }
}
