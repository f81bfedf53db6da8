//! The sizes of a model, and what else decides what is computed.

use serde::Deserialize;

use super::unusable;
use crate::error::Result;

/// No model of this family is larger: what a damaged file says must not decide how much memory is asked for.
const MAX_SIZE: usize = 1 << 20;

/// What is said about a model of the BERT family.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub(crate) hidden_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) vocab_size: usize,
    #[serde(default = "epsilon")]
    pub(crate) layer_norm_eps: f32,
}

/// What beside the sizes must be as the forward pass has it.
#[derive(Deserialize)]
struct Family {
    model_type: String,
    #[serde(default = "activation")]
    hidden_act: String,
    #[serde(default = "positions")]
    position_embedding_type: String,
}

const fn epsilon() -> f32 {
    1e-12
}

fn activation() -> String {
    "gelu".to_owned()
}

fn positions() -> String {
    "absolute".to_owned()
}

impl Config {
    /// Reads a `config.json`.
    ///
    /// # Errors
    /// `config_invalid` where the model is of another family or has impossible sizes.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self> {
        let unread = |error| unusable("its `config.json` cannot be read").with_source(error);
        let family: Family = serde_json::from_slice(bytes).map_err(unread)?;
        let is_known = family.model_type == "bert"
            && family.hidden_act == "gelu"
            && family.position_embedding_type == "absolute";
        if !is_known {
            return Err(unusable("only BERT with GELU and absolute positions is supported"));
        }
        serde_json::from_slice::<Self>(bytes).map_err(unread)?.possible()
    }

    /// The configuration itself, if its sizes can be those of a model.
    ///
    /// # Errors
    /// `config_invalid` otherwise.
    pub(crate) fn possible(self) -> Result<Self> {
        let sizes = [
            self.hidden_size,
            self.num_hidden_layers,
            self.num_attention_heads,
            self.intermediate_size,
            self.vocab_size,
        ];
        let is_possible = sizes.iter().all(|size| (1..=MAX_SIZE).contains(size))
            && self.hidden_size.is_multiple_of(self.num_attention_heads)
            && (3..=MAX_SIZE).contains(&self.max_position_embeddings);
        is_possible.then_some(self).ok_or_else(|| unusable("its sizes make no sense"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 6,
        "num_attention_heads": 12, "intermediate_size": 1536, "max_position_embeddings": 512,
        "vocab_size": 30522}"#;

    #[test]
    fn only_what_the_forward_pass_computes_is_taken() {
        assert!(Config::from_json(GOOD.as_bytes()).is_ok());
        let wrong = [
            ("\"bert\"", "\"roberta\""),
            ("12,", "11,"),
            ("1536", "0"),
            ("30522", "4000000000"),
            ("512", "2"),
            ("\"vocab_size\": 30522", "\"hidden_act\": \"relu\", \"vocab_size\": 30522"),
            ("\"vocab_size\": 30522", "\"vocab\": 30522"),
        ];
        for (from, to) in wrong {
            let config = GOOD.replace(from, to);
            assert!(Config::from_json(config.as_bytes()).is_err(), "{to}");
        }
    }
}
