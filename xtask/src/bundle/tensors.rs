//! The tensors of a safetensors file.

use crate::json::Json;

/// A file's tensors, by name.
pub(super) struct Tensors<'a> {
    header: Json,
    data: &'a [u8],
}

/// A matrix of floats, or a vector as a matrix of one row.
pub(super) struct Tensor {
    pub(super) n_columns: usize,
    pub(super) values: Vec<f32>,
}

impl<'a> Tensors<'a> {
    /// Reads the header; the error says what is wrong with it.
    pub(super) fn of(file: &'a [u8]) -> Result<Self, String> {
        let wrong = || "model.safetensors has no header".to_owned();
        let (length, rest) = file.split_first_chunk::<8>().ok_or_else(wrong)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| wrong())?;
        let (header, data) = rest.split_at_checked(length).ok_or_else(wrong)?;
        let header = std::str::from_utf8(header).map_err(|_| wrong())?;
        Ok(Self { header: Json::parse(header)?, data })
    }

    /// The tensor of this name, of 32-bit floats.
    pub(super) fn get(&self, name: &str) -> Result<Tensor, String> {
        self.read(name).ok_or_else(|| format!("model.safetensors has no tensor of floats `{name}`"))
    }

    fn read(&self, name: &str) -> Option<Tensor> {
        let entry = self.header.get(name)?;
        if entry.get("dtype")?.text()? != "F32" {
            return None;
        }
        let n_columns = entry.get("shape")?.items().last().and_then(whole)?;
        let offsets = entry.get("data_offsets")?.items();
        let (begin, end) = (offsets.first().and_then(whole)?, offsets.get(1).and_then(whole)?);
        let (bytes, _) = self.data.get(begin..end)?.as_chunks::<4>();
        Some(Tensor { n_columns, values: bytes.iter().map(|b| f32::from_le_bytes(*b)).collect() })
    }
}

fn whole(number: &Json) -> Option<usize> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes of a checked file; what is not one of its ranges is refused"
    )]
    number.number().map(|number| number as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_is_read_by_its_name() {
        let header = r#"{"w": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.bytes());
        file.extend([1.5_f32, -2.0].iter().flat_map(|value| value.to_le_bytes()));
        let tensors = Tensors::of(&file).unwrap();
        let tensor = tensors.get("w").unwrap();
        assert_eq!((tensor.n_columns, tensor.values), (2, vec![1.5, -2.0]));
        assert!(tensors.get("v").is_err());
        assert!(Tensors::of(&file[..20]).is_err());
    }
}
