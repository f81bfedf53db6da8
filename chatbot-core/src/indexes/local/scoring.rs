//! How well a chunk fits: BM25, over surface forms and stems.
//!
//! A term of the question scores as the surface form it is, plus as the stem that scores best: the words as asked
//! count more than their relatives, and a question of unknown language is stemmed in several without counting twice.
//!
//! *Source*: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; the idf is the
//! one that cannot be negative, `ln(1 + (N - n + 0.5) / (n + 0.5))`.

use tantivy::fieldnorm::FieldNormReader;

/// Where a term's repetition stops to count.
const K1: f32 = 0.9;
/// How much a long text is held against a chunk.
const B: f32 = 0.6;
/// How much the surface form counts.
pub(super) const SURFACE: f32 = 0.25;
/// How much the stem counts.
pub(super) const STEM: f32 = 1.0;

/// What a text's length does to the score, per code of a length.
pub(super) struct Lengths([f32; 256]);

impl Lengths {
    /// Lengths around the average of a field.
    pub(super) fn new(n_tokens: u64, n_chunks: u64) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "an average needs no more precision")]
        let average = (n_tokens as f32 / n_chunks.max(1) as f32).max(1.0);
        let mut lengths = [0.0; 256];
        for (code, length) in (0..=u8::MAX).zip(&mut lengths) {
            #[allow(clippy::cast_precision_loss, reason = "lengths of chunks are small")]
            let tokens = FieldNormReader::id_to_fieldnorm(code) as f32;
            *length = K1 * (1.0 - B + B * tokens / average);
        }
        Self(lengths)
    }

    /// The part of a term's weight that it earns with this frequency in a text of this length.
    #[inline]
    pub(super) fn share(&self, code: u8, frequency: u32) -> f32 {
        #[allow(clippy::cast_precision_loss, reason = "frequencies within a chunk are small")]
        let frequency = frequency as f32;
        let length = self.0.get(usize::from(code)).copied().unwrap_or(K1);
        (K1 + 1.0) * frequency / (frequency + length)
    }
}

/// How much a term tells that is in `n_with` of `n_chunks` chunks.
pub(super) fn rarity(n_with: u64, n_chunks: u64) -> f32 {
    #[allow(clippy::cast_precision_loss, reason = "a logarithm follows")]
    let [with, without] = [n_with as f32, n_chunks.saturating_sub(n_with) as f32];
    ((without + 0.5) / (with + 0.5)).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_terms_tell_more_and_none_tells_less_than_nothing() {
        assert!(rarity(1, 100) > rarity(50, 100));
        assert!(rarity(100, 100) > 0.0);
    }

    #[test]
    fn repetition_helps_less_and_less_and_length_hurts() {
        let lengths = Lengths::new(1_000, 10);
        let [short, long] = [10, 1_000].map(FieldNormReader::fieldnorm_to_id);
        assert!(lengths.share(short, 1) > lengths.share(long, 1));
        let gain = |n| lengths.share(short, n + 1) - lengths.share(short, n);
        assert!(gain(1) > gain(2) && gain(2) > 0.0);
        assert!(lengths.share(short, 1_000_000) <= K1 + 1.0);
    }
}
