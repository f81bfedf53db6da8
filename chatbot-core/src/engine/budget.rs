//! How the tokens of a prompt are shared out.
//!
//! Every part has a share that it may count on; what one part leaves goes to the others, in a fixed order. So a
//! question, a conversation or a source of any length makes a prompt that fits, and never an error.

use crate::traits::{ModelInfo, TokenCounter};

/// Tokens of prompt and answer where nobody knows the model's window: the smallest window of models in use.
const DEFAULT_CONTEXT_WINDOW: usize = 8192;

/// The smallest window that is reckoned with: half of it holds the instructions and a short question. A model that
/// says it has less is given a prompt for this.
pub(super) const MIN_CONTEXT_WINDOW: usize = 1024;

/// Tokens kept for the answer where nobody says: three times a long answer to a question over documents.
const DEFAULT_OUTPUT_TOKENS: usize = 1024;

/// What stands where the middle of a text was left out.
pub(super) const GAP: &str = " […] ";

/// Tokens of each part of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Shares {
    pub(super) system: usize,
    pub(super) question: usize,
    pub(super) sources: usize,
    pub(super) summary: usize,
    pub(super) history: usize,
}

impl Shares {
    pub(super) const fn sum(&self) -> usize {
        self.system + self.question + self.sources + self.summary + self.history
    }
}

/// The tokens that a prompt may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    room: usize,
}

impl Budget {
    /// What the model's window leaves beside the longest answer, and at least half of the window.
    pub(super) fn of(info: &ModelInfo, max_output_tokens: Option<usize>) -> Self {
        let window = info.context_window.unwrap_or(DEFAULT_CONTEXT_WINDOW).max(MIN_CONTEXT_WINDOW);
        let output = max_output_tokens.or(info.max_output_tokens).unwrap_or(DEFAULT_OUTPUT_TOKENS);
        Self { room: window - output.min(window / 2) }
    }

    /// Tokens of the whole prompt.
    pub(super) const fn room(self) -> usize {
        self.room
    }

    /// What each part may have: what it counts on as far as it wants it, then of what is left, the instructions and the
    /// question first, since nothing is answered without them, then the sources that an answer rests on.
    pub(super) fn shared(self, wants: Shares) -> Shares {
        let of = self.minimum();
        let mut had = Shares {
            system: wants.system.min(of.system),
            question: wants.question.min(of.question),
            sources: wants.sources.min(of.sources),
            summary: wants.summary.min(of.summary),
            history: wants.history.min(of.history),
        };
        let mut left = self.room.saturating_sub(had.sum());
        let parts = [
            (&mut had.system, wants.system),
            (&mut had.question, wants.question),
            (&mut had.sources, wants.sources),
            (&mut had.summary, wants.summary),
            (&mut had.history, wants.history),
        ];
        for (has, wants) in parts {
            let more = wants.saturating_sub(*has).min(left);
            *has += more;
            left -= more;
        }
        had
    }

    /// What each part counts on where all want more: a quarter each for the instructions, the question and the sources, an
    /// eighth each for a summary and for the last exchanges, which only say what is meant.
    const fn minimum(self) -> Shares {
        let (quarter, eighth) = (self.room / 4, self.room / 8);
        Shares {
            system: quarter,
            question: quarter,
            sources: quarter,
            summary: eighth,
            history: eighth,
        }
    }
}

/// The text as it is where it has at most `max_tokens`; otherwise its beginning and its end, which mostly say what is
/// wanted, with a mark between.
pub(super) fn without_middle(text: &str, counter: &dyn TokenCounter, max_tokens: usize) -> String {
    if counter.count(text) <= max_tokens {
        return text.to_owned();
    }
    let chars: Vec<char> = text.chars().collect();
    let cut = |n: usize| {
        let (head, tail) = (n.div_ceil(2), n / 2);
        let head: String = chars.iter().take(head).collect();
        let tail: String = chars.iter().skip(chars.len().saturating_sub(tail)).collect();
        format!("{head}{GAP}{tail}")
    };
    let fits = |n: usize| counter.count(&cut(n)) <= max_tokens;
    cut(greatest(chars.len(), fits))
}

/// The beginning of a text in at most `max_tokens`, whole sentences where one fits; `None` where nothing does.
pub(super) fn beginning(
    text: &str,
    counter: &dyn TokenCounter,
    max_tokens: usize,
) -> Option<String> {
    let ends: Vec<usize> =
        crate::text::sentences(text).iter().map(|sentence| sentence.end).collect();
    let upto = |end: usize| text.get(..end).unwrap_or_default().trim_end();
    let fits = |n: usize| {
        let end = n.checked_sub(1).and_then(|at| ends.get(at)).copied().unwrap_or_default();
        counter.count(upto(end)) <= max_tokens
    };
    let n = greatest(ends.len(), fits);
    if let Some(end) = n.checked_sub(1).and_then(|at| ends.get(at)) {
        return Some(upto(*end).to_owned());
    }
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let fits =
        |n: usize| counter.count(upto(starts.get(n).copied().unwrap_or(text.len()))) <= max_tokens;
    let end = starts.get(greatest(starts.len(), fits)).copied().unwrap_or(text.len());
    (end > 0).then(|| upto(end).to_owned())
}

/// The greatest number up to `max` that fits, where every smaller one does; 0 where none does.
fn greatest(max: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, max);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::EstimatedTokens;

    fn budget(context_window: usize, output: usize) -> Budget {
        let info = ModelInfo {
            name: "m".to_owned(),
            context_window: Some(context_window),
            max_output_tokens: Some(output),
            quotes_only: false,
            usd_per_million: None,
        };
        Budget::of(&info, None)
    }

    #[test]
    fn what_one_part_leaves_goes_to_the_others() {
        let budget = budget(9000, 1000);
        let all =
            Shares { system: 9000, question: 9000, sources: 9000, summary: 9000, history: 9000 };
        let crowded = budget.shared(all);
        assert_eq!(
            crowded,
            Shares { system: 2000, question: 2000, sources: 2000, summary: 1000, history: 1000 }
        );
        let wants = Shares { system: 200, question: 50, sources: 9000, summary: 0, history: 500 };
        let usual = budget.shared(wants);
        assert_eq!(usual, Shares { sources: 8000 - 750, ..wants });
        let talk = budget.shared(Shares { sources: 0, history: 9000, ..wants });
        assert_eq!(talk.history, 8000 - 250);
    }

    #[test]
    fn an_answer_never_takes_more_than_half_and_no_window_is_too_small() {
        assert_eq!(budget(2000, 5000).room(), 1000);
        assert_eq!(budget(1, 5000).room(), MIN_CONTEXT_WINDOW / 2);
    }

    #[test]
    fn a_text_without_its_middle_keeps_both_ends() {
        let text = format!("First words. {}Last words?", "x y z. ".repeat(500));
        let cut = without_middle(&text, &EstimatedTokens, 40);
        assert!(EstimatedTokens.count(&cut) <= 40, "{cut}");
        assert!(cut.starts_with("First") && cut.ends_with("words?") && cut.contains(GAP), "{cut}");
        assert_eq!(without_middle("Short?", &EstimatedTokens, 40), "Short?");
    }

    #[test]
    fn a_beginning_ends_with_a_sentence_where_one_fits() {
        let text = "The pump is old. It is oiled every 400 hours. Nobody knows why.";
        let cut = beginning(text, &EstimatedTokens, 12);
        assert_eq!(cut.as_deref(), Some("The pump is old."));
        let word = "word".repeat(200);
        let part = beginning(&word, &EstimatedTokens, 10).expect("a part");
        assert!(word.starts_with(&part) && EstimatedTokens.count(&part) <= 10);
        assert_eq!(beginning(text, &EstimatedTokens, 0), None);
    }
}
