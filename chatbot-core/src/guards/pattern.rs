//! A guard by patterns: hides, refuses or remarks on whatever has a certain form, such as keys or addresses.

use std::borrow::Cow;

use async_trait::async_trait;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::traits::{Guard, Verdict};
use crate::types::Warning;

/// Bytes of a compiled pattern at the most: a hundred times what one for an address takes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// What stands where something was hidden, where nothing else is configured.
const HIDDEN: &str = "[hidden]";

/// What a pattern guard looks for, and what it does then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternRule {
    /// A regular expression in the syntax of the crate `regex`.
    pub pattern: String,
    /// Which texts it looks at.
    #[serde(default)]
    pub on: GuardSide,
    /// What it does.
    pub action: GuardAction,
    /// What stands where something was hidden; `[hidden]` where nothing is said.
    #[serde(default)]
    pub replacement: Option<String>,
    /// What the reader is told where something was refused or remarked on.
    #[serde(default)]
    pub message: Option<String>,
}

/// Which texts a guard looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardSide {
    /// Questions.
    Input,
    /// Answers.
    Output,
    /// Both.
    #[default]
    Both,
}

/// What a guard does where its pattern fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardAction {
    /// The turn fails.
    Block,
    /// What fits is hidden.
    Rewrite,
    /// The reader is told.
    Warn,
}

/// A [`Guard`] that looks for a pattern. It sees a question whole and an answer sentence by sentence, so that a pattern that
/// reaches over lines finds nothing in an answer. Its time grows with the text and not with the pattern.
///
/// # Example
/// ```
/// use chatbot_core::guards::{GuardAction, GuardSide, PatternGuard, PatternRule};
/// use chatbot_core::traits::{Guard, Verdict};
///
/// let guard = PatternGuard::new(PatternRule {
///     pattern: r"sk-[A-Za-z0-9]{8,}".to_owned(),
///     on: GuardSide::Both,
///     action: GuardAction::Rewrite,
///     replacement: None,
///     message: None,
/// })?;
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let verdict = guard.check_output(&chatbot_core::Context::local(), "The key is sk-12345678.").await?;
/// assert_eq!(verdict, Verdict::Rewrite("The key is [hidden].".to_owned()));
/// # Ok::<(), chatbot_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PatternGuard {
    rule: PatternRule,
    pattern: Regex,
}

impl PatternGuard {
    /// A guard by this rule.
    ///
    /// # Errors
    /// `config_invalid` for a pattern that is none, is too large, or fits nothing at all: it would fit everywhere.
    pub fn new(rule: PatternRule) -> Result<Self> {
        let invalid = |message: &'static str| Error::new(ErrorKind::ConfigInvalid, message);
        let pattern = RegexBuilder::new(&rule.pattern).size_limit(MAX_COMPILED_BYTES).build();
        let pattern = pattern.map_err(|error| {
            invalid("The pattern of a guard cannot be understood.").with_source(error)
        })?;
        if pattern.is_match("") {
            return Err(invalid("The pattern of a guard fits the empty text, and so every text."));
        }
        Ok(Self { rule, pattern })
    }

    fn check(&self, text: &str, side: GuardSide) -> Verdict {
        let looks = self.rule.on == GuardSide::Both || self.rule.on == side;
        if !looks || !self.pattern.is_match(text) {
            return Verdict::Pass;
        }
        let said =
            |otherwise: &str| self.rule.message.clone().unwrap_or_else(|| otherwise.to_owned());
        match self.rule.action {
            GuardAction::Block => Verdict::Block {
                message: said("This holds something that is not let through here."),
            },
            GuardAction::Warn => {
                let message = said("This holds something that deserves a second look.");
                Verdict::Warn(Warning::new("guard", message))
            }
            GuardAction::Rewrite => {
                let with = self.rule.replacement.as_deref().unwrap_or(HIDDEN);
                let hidden = self.pattern.replace_all(text, regex::NoExpand(with));
                Verdict::Rewrite(Cow::into_owned(hidden))
            }
        }
    }
}

#[async_trait]
impl Guard for PatternGuard {
    fn name(&self) -> &str {
        "pattern"
    }

    async fn check_input(&self, ctx: &Context, text: &str) -> Result<Verdict> {
        ctx.check()?;
        Ok(self.check(text, GuardSide::Input))
    }

    async fn check_output(&self, ctx: &Context, text: &str) -> Result<Verdict> {
        ctx.check()?;
        Ok(self.check(text, GuardSide::Output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(pattern: &str, on: GuardSide, action: GuardAction) -> Result<PatternGuard> {
        let pattern = pattern.to_owned();
        PatternGuard::new(PatternRule { pattern, on, action, replacement: None, message: None })
    }

    #[test]
    fn each_side_is_looked_at_where_it_is_asked_for() {
        let guard = guard("secret", GuardSide::Input, GuardAction::Block).unwrap();
        assert!(matches!(guard.check("a secret", GuardSide::Input), Verdict::Block { .. }));
        assert_eq!(guard.check("a secret", GuardSide::Output), Verdict::Pass);
        assert_eq!(guard.check("nothing", GuardSide::Input), Verdict::Pass);
    }

    #[test]
    fn what_stands_in_is_taken_to_the_letter() {
        let rule = PatternRule {
            pattern: r"(\d)\d+".to_owned(),
            on: GuardSide::Both,
            action: GuardAction::Rewrite,
            replacement: Some("$1".to_owned()),
            message: None,
        };
        let guard = PatternGuard::new(rule).unwrap();
        let expected = Verdict::Rewrite("$1 and $1".to_owned());
        assert_eq!(guard.check("12 and 34", GuardSide::Output), expected);
    }

    #[test]
    fn patterns_that_cannot_be_used_are_refused() {
        for pattern in ["(", "a*", "", r"\w{1000}{1000}"] {
            let kind = guard(pattern, GuardSide::Both, GuardAction::Warn).map_err(|e| e.kind());
            assert_eq!(kind.map(drop), Err(ErrorKind::ConfigInvalid), "{pattern}");
        }
    }
}
