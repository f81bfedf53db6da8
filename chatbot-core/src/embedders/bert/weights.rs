//! A model's numbers, checked against its description before anything is computed with them.

use safetensors::{Dtype, SafeTensors};

use super::config::Config;
use super::unusable;
use crate::error::Result;
use crate::kernels::{FixedMatrix, PackedRows};

/// Scale and shift of a layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// A matrix with a row for each output, and what is added.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) weight: FixedMatrix,
    pub(crate) bias: Vec<f32>,
}

impl Linear {
    /// `None` where the matrix has not as many full rows as there are numbers to add.
    pub(crate) fn new(weight: Vec<f32>, bias: Vec<f32>) -> Option<Self> {
        Some(Self { weight: FixedMatrix::new(weight, bias.len())?, bias })
    }

    /// The same of 8-bit codes, with the scale of each row.
    pub(crate) fn of_codes(codes: &[u8], scales: &[f32], bias: Vec<f32>) -> Option<Self> {
        let weight = FixedMatrix::of_codes(codes, scales)?;
        (scales.len() == bias.len()).then_some(Self { weight, bias })
    }
}

/// One layer of the encoder.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Query, key and value, one below the other, so that one product makes all three.
    pub(crate) qkv: Linear,
    pub(crate) output: Linear,
    pub(crate) output_norm: Norm,
    pub(crate) up: Linear,
    pub(crate) down: Linear,
    pub(crate) down_norm: Norm,
}

/// The vectors of the tokens, one after the other.
#[derive(Debug)]
pub(crate) enum Tokens {
    /// As they are.
    Floats(Vec<f32>),
    /// In few bits, wherever they lie.
    Packed(PackedRows<'static>),
}

impl Tokens {
    /// Appends a token's vector of `width` values; `None` where there is no such token.
    pub(crate) fn push_row(&self, token: u32, width: usize, out: &mut Vec<f32>) -> Option<()> {
        let token = usize::try_from(token).ok()?;
        match self {
            Self::Floats(values) => {
                let at = token.checked_mul(width)?;
                out.extend_from_slice(values.get(at..at + width)?);
                Some(())
            }
            Self::Packed(rows) => rows.push_row(token, out),
        }
    }
}

/// All of a model.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) tokens: Tokens,
    pub(crate) positions: Vec<f32>,
    /// The row of the only segment there is.
    pub(crate) segment: Vec<f32>,
    pub(crate) norm: Norm,
    pub(crate) layers: Vec<Layer>,
}

impl Weights {
    /// Takes the weights out of a safetensors file.
    ///
    /// # Errors
    /// `config_invalid` where a tensor is missing, has another shape than `config` says, or is not of 32-bit floats.
    pub(crate) fn from_safetensors(bytes: &[u8], config: &Config) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| unusable("its weights are damaged").with_source(error))?;
        let names = tensors.names();
        let prefix = if names.iter().any(|name| name.starts_with("bert.")) { "bert." } else { "" };
        let file = Tensors { tensors: &tensors, prefix };
        let width = config.hidden_size;
        let mut segment = file.rows("embeddings.token_type_embeddings.weight", width)?;
        segment.truncate(width);
        Ok(Self {
            tokens: Tokens::Floats(
                file.take("embeddings.word_embeddings.weight", &[config.vocab_size, width])?,
            ),
            positions: file.take(
                "embeddings.position_embeddings.weight",
                &[config.max_position_embeddings, width],
            )?,
            segment,
            norm: file.norm("embeddings.LayerNorm", width)?,
            layers: (0..config.num_hidden_layers)
                .map(|n| file.layer(&format!("encoder.layer.{n}"), config))
                .collect::<Result<_>>()?,
        })
    }
}

struct Tensors<'a> {
    tensors: &'a SafeTensors<'a>,
    prefix: &'a str,
}

impl Tensors<'_> {
    fn layer(&self, name: &str, config: &Config) -> Result<Layer> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let parts = ["query", "key", "value"].map(|part| format!("{name}.attention.self.{part}"));
        Ok(Layer {
            qkv: self.linear(&parts, [width, width])?,
            output: self.linear(&[format!("{name}.attention.output.dense")], [width, width])?,
            output_norm: self.norm(&format!("{name}.attention.output.LayerNorm"), width)?,
            up: self.linear(&[format!("{name}.intermediate.dense")], [inner, width])?,
            down: self.linear(&[format!("{name}.output.dense")], [width, inner])?,
            down_norm: self.norm(&format!("{name}.output.LayerNorm"), width)?,
        })
    }

    /// Matrices of the same shape, one below the other.
    fn linear(&self, names: &[String], shape: [usize; 2]) -> Result<Linear> {
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        let [n_outputs, _] = shape;
        for name in names {
            weight.extend(self.take(&format!("{name}.weight"), &shape)?);
            bias.extend(self.take(&format!("{name}.bias"), &[n_outputs])?);
        }
        Linear::new(weight, bias).ok_or_else(|| unusable("a matrix is empty"))
    }

    fn norm(&self, name: &str, width: usize) -> Result<Norm> {
        Ok(Norm {
            weight: self.take(&format!("{name}.weight"), &[width])?,
            bias: self.take(&format!("{name}.bias"), &[width])?,
        })
    }

    /// A matrix of one row or more.
    fn rows(&self, name: &str, width: usize) -> Result<Vec<f32>> {
        self.values(name, |shape| matches!(shape, [rows, w] if *rows > 0 && *w == width))
    }

    fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.values(name, |found| found == shape)
    }

    fn values(&self, name: &str, is_right: impl Fn(&[usize]) -> bool) -> Result<Vec<f32>> {
        let tensor = self.tensors.tensor(&format!("{}{name}", self.prefix)).map_err(|error| {
            unusable("a tensor is missing").with_context("tensor", name).with_source(error)
        })?;
        if tensor.dtype() != Dtype::F32 || !is_right(tensor.shape()) {
            return Err(
                unusable("a tensor is not what `config.json` says").with_context("tensor", name)
            );
        }
        let (values, _) = tensor.data().as_chunks::<4>();
        Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}
