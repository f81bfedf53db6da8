//! The two files that the model becomes; `chatbot-core/src/embedders/bert/bundle.rs` reads them, and says what is where.

use super::quantise::{GROUP, push_group, row_of_bytes};
use super::tensors::{Tensor, Tensors};
use crate::json::Json;

/// Changes with the layout.
const VERSION: u32 = 1;

/// Positions that are kept: as many tokens as the embedder reads at once.
const N_POSITIONS: usize = 256;

/// Bits of a value of the token table.
const TOKEN_BITS: u32 = 6;

/// The encoder's file: everything but the token table.
pub(super) fn encoder(tensors: &Tensors<'_>, config: &Json) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    for name in ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"] {
        body.extend(size(config, name)?.to_le_bytes());
    }
    body.extend(small(N_POSITIONS)?.to_le_bytes());
    let epsilon = config.get("layer_norm_eps").and_then(Json::number);
    #[allow(clippy::cast_possible_truncation, reason = "the model computes with this precision")]
    let epsilon = epsilon.ok_or("config.json has no `layer_norm_eps`")? as f32;
    body.extend(epsilon.to_le_bytes());
    let positions = tensors.get("embeddings.position_embeddings.weight")?;
    let kept = N_POSITIONS * positions.n_columns;
    push_floats(positions.values.get(..kept).ok_or("too few positions")?, &mut body);
    let segments = tensors.get("embeddings.token_type_embeddings.weight")?;
    push_floats(segments.values.get(..segments.n_columns).unwrap_or_default(), &mut body);
    push_norm(tensors, "embeddings.LayerNorm", &mut body)?;
    for layer in 0..size(config, "num_hidden_layers")? {
        push_layer(tensors, &format!("encoder.layer.{layer}"), &mut body)?;
    }
    Ok(file(*b"cb-encod", &body))
}

/// The token table's file: the pieces and, in the same order, their rows.
pub(super) fn tokens(tensors: &Tensors<'_>, tokenizer: &Json) -> Result<Vec<u8>, String> {
    let pieces = pieces(tokenizer)?;
    let table = tensors.get("embeddings.word_embeddings.weight")?;
    if table.values.len() != pieces.len() * table.n_columns
        || !table.n_columns.is_multiple_of(GROUP)
    {
        return Err("the token table does not fit the vocabulary".to_owned());
    }
    let pieces = pieces.join("\n");
    let mut body = Vec::new();
    for number in [table.values.len() / table.n_columns, table.n_columns, GROUP, pieces.len()] {
        body.extend(small(number)?.to_le_bytes());
    }
    body.extend(TOKEN_BITS.to_le_bytes());
    body.extend(pieces.bytes());
    for group in table.values.chunks(GROUP) {
        push_group(group, TOKEN_BITS, &mut body);
    }
    Ok(file(*b"cb-token", &body))
}

/// A name, the layout's version, a check sum, and what it is the sum of.
fn file(name: [u8; 8], body: &[u8]) -> Vec<u8> {
    let mut file = name.to_vec();
    file.extend(VERSION.to_le_bytes());
    file.extend(check_sum(body).to_le_bytes());
    file.extend(body);
    file
}

/// FNV-1a over words of 8 bytes: each step can be undone, so that no change of one word goes unnoticed.
fn check_sum(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum, chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        (sum ^ u64::from_le_bytes(word)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn push_layer(tensors: &Tensors<'_>, name: &str, body: &mut Vec<u8>) -> Result<(), String> {
    let parts = ["query", "key", "value"].map(|part| format!("{name}.attention.self.{part}"));
    push_linear(tensors, &parts, body)?;
    push_linear(tensors, &[format!("{name}.attention.output.dense")], body)?;
    push_norm(tensors, &format!("{name}.attention.output.LayerNorm"), body)?;
    push_linear(tensors, &[format!("{name}.intermediate.dense")], body)?;
    push_linear(tensors, &[format!("{name}.output.dense")], body)?;
    push_norm(tensors, &format!("{name}.output.LayerNorm"), body)
}

/// Matrices one below the other: the scale of each row, what is added to each, then all codes.
fn push_linear(tensors: &Tensors<'_>, names: &[String], body: &mut Vec<u8>) -> Result<(), String> {
    let (mut scales, mut biases, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let Tensor { n_columns, values } = tensors.get(&format!("{name}.weight"))?;
        for row in values.chunks(n_columns) {
            let (scale, row) = row_of_bytes(row);
            scales.push(scale);
            codes.extend(row.into_iter().map(i8::cast_unsigned));
        }
        biases.extend(tensors.get(&format!("{name}.bias"))?.values);
    }
    push_floats(&scales, body);
    push_floats(&biases, body);
    body.extend(codes);
    Ok(())
}

fn push_norm(tensors: &Tensors<'_>, name: &str, body: &mut Vec<u8>) -> Result<(), String> {
    push_floats(&tensors.get(&format!("{name}.weight"))?.values, body);
    push_floats(&tensors.get(&format!("{name}.bias"))?.values, body);
    Ok(())
}

fn push_floats(values: &[f32], body: &mut Vec<u8>) {
    body.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// The vocabulary, each piece in the place of its number.
fn pieces(tokenizer: &Json) -> Result<Vec<&str>, String> {
    let vocabulary = tokenizer.get("model").and_then(|model| model.get("vocab"));
    let entries = vocabulary.map(Json::entries).unwrap_or_default();
    let mut numbered: Vec<(usize, &str)> = Vec::new();
    for (piece, number) in entries {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "compared with what it should be below"
        )]
        numbered.push((number.number().unwrap_or(f64::NAN) as usize, piece));
    }
    numbered.sort_unstable();
    let is_dense = numbered.iter().enumerate().all(|(place, (number, _))| place == *number);
    if numbered.is_empty() || !is_dense || numbered.iter().any(|(_, piece)| piece.contains('\n')) {
        return Err("tokenizer.json has no vocabulary that is numbered without gaps".to_owned());
    }
    Ok(numbered.into_iter().map(|(_, piece)| piece).collect())
}

fn size(config: &Json, name: &str) -> Result<u32, String> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes of a checked file"
    )]
    let size = config.get(name).and_then(Json::number).map(|number| number as u32);
    size.ok_or_else(|| format!("config.json has no `{name}`"))
}

fn small(number: usize) -> Result<u32, String> {
    u32::try_from(number).map_err(|_| "the model is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changed_word_changes_the_check_sum() {
        let bytes: Vec<u8> = (0..100).collect();
        let sum = check_sum(&bytes);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            assert_ne!(check_sum(&changed), sum, "byte {at}");
        }
    }

    #[test]
    fn pieces_stand_in_the_order_of_their_numbers() {
        let json = |text: &str| Json::parse(text).unwrap();
        let good = json(r###"{"model": {"vocab": {"b": 1, "a": 0, "##c": 2}}}"###);
        assert_eq!(pieces(&good).unwrap(), ["a", "b", "##c"]);
        assert!(pieces(&json(r#"{"model": {"vocab": {"b": 1, "a": 3}}}"#)).is_err());
        assert!(pieces(&json("{}")).is_err());
    }
}
