//! The measures, as plain functions over names, grades and texts.
//!
//! *Source*: nDCG and recall as trec_eval computes `ndcg_cut` and `recall` (linear gain, the ideal over all judged
//! documents); answers compared as the SQuAD 1.1 script compares them, extended to scripts without spaces.

use std::collections::{HashMap, HashSet};

/// The grades of a question's judged documents.
pub(super) type Judgements = HashMap<String, u32>;

/// Normalised discounted cumulative gain of the first `k`; 0 where nothing is relevant.
pub(super) fn ndcg(ranked: &[&str], judged: &Judgements, k: usize) -> f64 {
    let gains = ranked.iter().map(|id| judged.get(*id).copied().unwrap_or_default());
    let mut ideal: Vec<u32> = judged.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best = discounted(ideal.into_iter(), k);
    if best > 0.0 { discounted(gains, k) / best } else { 0.0 }
}

fn discounted(gains: impl Iterator<Item = u32>, k: usize) -> f64 {
    (2_u32..).zip(gains.take(k)).map(|(rank, gain)| f64::from(gain) / f64::from(rank).log2()).sum()
}

/// The share of the relevant documents that are among the first `k`.
pub(super) fn recall(ranked: &[&str], judged: &Judgements, k: usize) -> f64 {
    let relevant: HashSet<_> =
        judged.iter().filter(|(_, grade)| **grade > 0).map(|(id, _)| id.as_str()).collect();
    let found = ranked.iter().take(k).filter(|id| relevant.contains(**id)).count();
    share(found, relevant.len())
}

/// One over the rank of the first relevant document among the first `k`; 0 where there is none.
pub(super) fn reciprocal_rank(ranked: &[&str], judged: &Judgements, k: usize) -> f64 {
    let is_relevant = |id: &&str| judged.get(*id).is_some_and(|grade| *grade > 0);
    let first = (1_u32..).zip(ranked.iter().take(k)).find(|(_, id)| is_relevant(id));
    first.map_or(0.0, |(rank, _)| f64::from(rank).recip())
}

/// `part` of `whole`; 0 where there is no whole.
#[allow(clippy::cast_precision_loss, reason = "counts of questions are small")]
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The mean; `None` of nothing.
#[allow(clippy::cast_precision_loss, reason = "counts of questions are small")]
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The value that `percent` of the values do not exceed (nearest rank); 0 of nothing.
pub(super) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// A text's words as answers are compared: lower case, without punctuation and English articles; a character of a
/// script without spaces is a word.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_whitespace() {
            words.push(String::new());
        } else if is_unspaced(c) {
            words.extend([c.to_string(), String::new()]);
        } else if !is_punctuation(c)
            && let Some(word) = words.last_mut()
        {
            word.push(c);
        }
    }
    words.retain(|word| !matches!(word.as_str(), "" | "a" | "an" | "the"));
    words
}

/// Whether some answer stands in the text, both as [`words`].
pub(super) fn contains(text: &str, answers: &[String]) -> bool {
    let text = joined(text);
    answers
        .iter()
        .map(|answer| joined(answer))
        .any(|answer| !answer.is_empty() && text.contains(&answer))
}

fn joined(text: &str) -> String {
    words(text).join(" ")
}

/// The best overlap in words with some answer: the harmonic mean of precision and recall.
pub(super) fn token_f1(text: &str, answers: &[String]) -> f64 {
    let text = words(text);
    answers.iter().map(|answer| f1(&text, &words(answer))).fold(0.0, f64::max)
}

fn f1(text: &[String], answer: &[String]) -> f64 {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in answer {
        *left.entry(word).or_default() += 1;
    }
    let mut n_common = 0_usize;
    for word in text {
        if let Some(n) = left.get_mut(word.as_str()).filter(|n| **n > 0) {
            *n -= 1;
            n_common += 1;
        }
    }
    share(2 * n_common, text.len() + answer.len())
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '\u{00A1}' | '\u{00A7}' | '\u{00AB}' | '\u{00B6}' | '\u{00B7}' | '\u{00BB}' | '\u{00BF}'
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}'
            | '\u{3014}'..='\u{301F}' | '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' | '\u{FF3B}'..='\u{FF40}'
            | '\u{FF5B}'..='\u{FF65}')
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    fn judged() -> Judgements {
        [("a", 3), ("b", 2), ("c", 1), ("z", 0)].map(|(id, grade)| (id.to_owned(), grade)).into()
    }

    #[test]
    fn ndcg_by_hand() {
        // (2/log2(2) + 0 + 3/log2(4)) / (3/log2(2) + 2/log2(3) + 1/log2(4))
        close(ndcg(&["b", "x", "a"], &judged(), 10), 3.5 / (3.0 + 2.0 / 3_f64.log2() + 0.5));
        close(ndcg(&["a", "b", "c"], &judged(), 10), 1.0);
        // The ideal is cut at k as well, and only there.
        close(ndcg(&["b"], &judged(), 1), 2.0 / 3.0);
        close(ndcg(&["a"], &judged(), 2), 3.0 / (3.0 + 2.0 / 3_f64.log2()));
        close(ndcg(&["a"], &Judgements::new(), 10), 0.0);
    }

    #[test]
    fn recall_and_rank_by_hand() {
        close(recall(&["x", "a", "z", "b"], &judged(), 3), 1.0 / 3.0);
        close(recall(&["x", "a", "z", "b"], &judged(), 4), 2.0 / 3.0);
        close(reciprocal_rank(&["z", "x", "c"], &judged(), 10), 1.0 / 3.0);
        close(reciprocal_rank(&["z", "x", "c"], &judged(), 2), 0.0);
    }

    #[test]
    fn percentiles_by_hand() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        close(percentile(&values, 50), 100.0);
        close(percentile(&values, 99), 198.0);
        close(percentile(&[7.0], 99), 7.0);
        close(percentile(&[], 50), 0.0);
    }

    #[test]
    fn answers_are_compared_as_squad_does() {
        let answers =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(contains(
            "It was won by the Denver  Broncos.",
            &answers(&["x", "Denver Broncos!"])
        ));
        assert!(!contains("It was won.", &answers(&["", "Denver"])));
        assert!(contains("决赛在 旧金山 举行。", &answers(&["旧金山"])));
        assert!(contains("¿En «Santa Clara»?", &answers(&["santa clara"])));
        // 2 common words, 3 in the text (without the article), 2 in the answer: 2 * 2 / 5.
        close(token_f1("the big Denver Broncos", &answers(&["Denver Broncos"])), 0.8);
        close(token_f1("旧金山", &answers(&["旧金"])), 0.8);
        close(token_f1("", &answers(&["a"])), 0.0);
    }
}
