//! Which model a name stands for, and what stands around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ChatbotBuilder, features};
use crate::error::{Error, ErrorKind, Result};
use crate::history::EstimatedTokens;
use crate::layers::{Fallback, Meters, Priced, ProviderShare, UsageLog, stack};
use crate::models::{ExtractiveModel, PriceTable};
use crate::traits::{ChatModel, Embedder};
use crate::types::Secret;

/// Models by their names.
type Models = BTreeMap<String, Arc<dyn ChatModel>>;

const EXTRACTIVE: &str = "extractive";

/// How a model's provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
}

impl Dialect {
    const ALL: [Self; 4] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::Ollama];

    /// What names begin with, and what the provider's key is called.
    const fn scheme(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }
}

/// A name taken apart: `SCHEME:MODEL`, or `SCHEME+ADDRESS#MODEL`.
#[derive(Debug, PartialEq, Eq)]
struct ModelName<'a> {
    dialect: Dialect,
    /// `None` for the provider's own.
    base_url: Option<&'a str>,
    model: &'a str,
}

impl<'a> ModelName<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        Dialect::ALL.into_iter().find_map(|dialect| {
            let rest = name.strip_prefix(dialect.scheme())?;
            let (base_url, model) = match rest.strip_prefix('+') {
                Some(endpoint) => {
                    let (base_url, model) = endpoint.split_once('#')?;
                    (Some(base_url), model)
                }
                None => (None, rest.strip_prefix(':')?),
            };
            (!model.is_empty()).then_some(Self { dialect, base_url, model })
        })
    }

    /// What models of the same provider have in common.
    fn provider(&self) -> &'a str {
        self.base_url.unwrap_or(self.dialect.scheme())
    }
}

impl ChatbotBuilder {
    /// Every model that may be asked for, by its name. `extractive` is always among them.
    pub(super) fn models(&self, embedder: Option<&Arc<dyn Embedder>>) -> Result<Models> {
        let mut models = Models::new();
        for model in &self.models {
            models.insert(model.info().name.clone(), self.priced(model.clone(), &self.prices()));
        }
        let mut shares = BTreeMap::new();
        let config = &self.config;
        let names = config.models.iter().chain([&config.model]).chain(&config.resilience.fallback);
        for name in names.map(String::as_str).chain([EXTRACTIVE]) {
            if !models.contains_key(name) {
                models.insert(name.to_owned(), self.model_for(name, embedder, &mut shares)?);
            }
        }
        self.warn_of_unpriced(&models);
        Ok(self.with_fallbacks(models))
    }

    fn model_for(
        &self,
        uri: &str,
        embedder: Option<&Arc<dyn Embedder>>,
        shares: &mut BTreeMap<String, ProviderShare>,
    ) -> Result<Arc<dyn ChatModel>> {
        if uri == EXTRACTIVE {
            let model = embedder.cloned().map(ExtractiveModel::with_embedder);
            return Ok(Arc::new(model.unwrap_or_default()));
        }
        let name = ModelName::parse(uri).ok_or_else(|| no_such_model(uri))?;
        let model = features::endpoint_model(features::Endpoint {
            dialect: name.dialect,
            uri,
            base_url: name.base_url,
            model: name.model,
            api_key: self.key_for(&name),
        })?;
        let model = self.priced(model, &self.prices().over(PriceTable::published()));
        let resilience = &self.config.resilience;
        let share = shares.entry(name.provider().to_owned());
        let share = share.or_insert_with(|| ProviderShare::new(resilience.bulkhead()));
        Ok(stack(model, resilience.stack(), share, &self.meters()))
    }

    /// The key of the address, where it has one, or of the provider whose way of speaking it has.
    fn key_for(&self, name: &ModelName<'_>) -> Option<Secret> {
        let address = |url: &str| url.trim_end_matches('/').to_owned();
        let wanted = name.base_url.map(address);
        let mut keys = self.config.keys.iter();
        let own = keys.find(|(of, _)| Some(address(of)) == wanted).map(|(_, key)| key);
        own.or_else(|| self.config.keys.get(name.dialect.scheme())).cloned()
    }

    /// The prices that were configured.
    fn prices(&self) -> PriceTable {
        let prices = self.config.prices.iter();
        PriceTable::new(prices.map(|(name, price)| (name.clone(), price.usd_per_million())))
    }

    /// The model with its price, where the table has one.
    fn priced(&self, model: Arc<dyn ChatModel>, prices: &PriceTable) -> Arc<dyn ChatModel> {
        match prices.find(&model.info().name) {
            Some(price) => Arc::new(Priced::new(model, price)),
            None => model,
        }
    }

    /// A budget of dollars does not hold back what has no price: somebody should know.
    fn warn_of_unpriced(&self, models: &Models) {
        if self.config.budgets.limited().all(|(_, allowance)| allowance.usd.is_none()) {
            return;
        }
        let unpriced = models.values().map(|model| model.info());
        for model in unpriced.filter(|info| info.usd_per_million.is_none()) {
            tracing::warn!(
                model = model.name,
                "this model has no price: budgets of dollars do not bound it; see `prices`"
            );
        }
    }

    fn meters(&self) -> Meters {
        let sink = self.usage_sink.clone().unwrap_or_else(|| Arc::new(UsageLog));
        Meters { counter: Arc::new(EstimatedTokens), sink }
    }

    /// What quotes the documents where no other model answers: the engine's own last resort, since it decides itself
    /// whether there is anything to quote.
    pub(super) fn quoting(&self, models: &Models) -> Option<Arc<dyn ChatModel>> {
        let is_wanted = self.config.resilience.fallback.iter().any(|name| name == EXTRACTIVE);
        models.get(EXTRACTIVE).filter(|_| is_wanted).cloned()
    }

    /// The models, each with those behind it that are asked where it does not answer.
    fn with_fallbacks(&self, models: Models) -> Models {
        let wanted = self.config.resilience.fallback.iter();
        // What quotes never fails: whoever is named after it is never asked.
        let wanted: Vec<_> = wanted.take_while(|name| *name != EXTRACTIVE).collect();
        let with_others = |name: &String, model: &Arc<dyn ChatModel>| {
            let others = wanted.iter().filter(|other| **other != name);
            let others: Vec<_> = others.filter_map(|other| models.get(*other).cloned()).collect();
            // What never fails needs nobody behind it.
            if others.is_empty() || name == EXTRACTIVE {
                return Arc::clone(model);
            }
            Arc::new(Fallback::new(Arc::clone(model), others)) as Arc<dyn ChatModel>
        };
        models.iter().map(|(name, model)| (name.clone(), with_others(name, model))).collect()
    }
}

fn no_such_model(uri: &str) -> Error {
    Error::new(
        ErrorKind::ConfigInvalid,
        format!(
            "There is no model `{uri}`. Use `extractive`, `openai:NAME`, `anthropic:NAME`, `gemini:NAME`, \
             `ollama:NAME`, or one of the last four with an address, as in `openai+http://host:port/v1#NAME`."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_scheme_and_a_model_with_or_without_an_address() {
        let name = |dialect, base_url, model| Some(ModelName { dialect, base_url, model });
        for (text, expected) in [
            ("openai:gpt-4o", name(Dialect::OpenAi, None, "gpt-4o")),
            ("anthropic:claude-x", name(Dialect::Anthropic, None, "claude-x")),
            ("gemini:gemini-x", name(Dialect::Gemini, None, "gemini-x")),
            ("ollama:llama3.2:3b", name(Dialect::Ollama, None, "llama3.2:3b")),
            (
                "ollama+http://box:11434#llama3.2:3b",
                name(Dialect::Ollama, Some("http://box:11434"), "llama3.2:3b"),
            ),
            ("openai+https://host/v1#a#b", name(Dialect::OpenAi, Some("https://host/v1"), "a#b")),
            ("openai:", None),
            ("openai+http://host/v1", None),
            ("openai+http://host/v1#", None),
            ("openaix:y", None),
            ("mistral:y", None),
        ] {
            assert_eq!(ModelName::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn models_of_a_provider_share_its_room_and_addresses_are_providers() {
        let provider = |name| ModelName::parse(name).map(|name| name.provider());
        assert_eq!(provider("openai:a"), provider("openai:b"));
        assert_ne!(provider("openai:a"), provider("anthropic:a"));
        assert_ne!(provider("openai:a"), provider("openai+http://host/v1#a"));
    }
}
