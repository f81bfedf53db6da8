//! What models cost: the published prices, as a table in a file, and those that somebody sets.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The published prices, with where they are from and as of when.
const PUBLISHED: &str = include_str!("prices.json");

#[derive(Deserialize)]
struct Published {
    usd_per_million: BTreeMap<String, (f64, f64)>,
}

/// Prices by the names of models. A name ends with `*` where whatever follows is meant too; the longest that fits counts,
/// and a whole name before all others.
///
/// # Units
/// Dollars per million tokens read and written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PriceTable {
    by_name: BTreeMap<String, (f64, f64)>,
    below: Option<Box<Self>>,
}

impl PriceTable {
    /// These prices.
    #[must_use]
    pub fn new(prices: impl IntoIterator<Item = (String, (f64, f64))>) -> Self {
        Self { by_name: prices.into_iter().collect(), below: None }
    }

    /// Vendors' list prices of models that requests name as `openai:NAME`, `anthropic:NAME` or `gemini:NAME`. Behind another
    /// address the same name may cost something else, so that it has no price here.
    #[must_use]
    pub fn published() -> Self {
        // A file that cannot be read has no prices; a test reads it.
        let published = serde_json::from_str(PUBLISHED).ok();
        published
            .map(|Published { usd_per_million }| Self::new(usd_per_million))
            .unwrap_or_default()
    }

    /// This table, and `below` for what is not in it.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self { below: Some(Box::new(below)), ..self }
    }

    /// The price of a model.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<(f64, f64)> {
        let whole = self.by_name.get(model);
        let beginnings = self.by_name.iter().filter_map(|(name, price)| {
            let beginning = name.strip_suffix('*')?;
            model.starts_with(beginning).then_some((beginning.len(), price))
        });
        let longest = || beginnings.max_by_key(|(len, _)| *len).map(|(_, price)| price);
        let own = whole.or_else(longest).copied();
        own.or_else(|| self.below.as_ref()?.find(model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_prices_are_for_the_vendors_own_models() {
        let prices = PriceTable::published();
        assert!(prices.by_name.len() > 20, "the file cannot be read");
        assert!(prices.by_name.values().all(|(read, written)| *read > 0.0 && written > read));
        for (model, price) in [
            ("openai:gpt-4o", Some((2.5, 10.0))),
            ("openai:gpt-4o-2024-08-06", Some((2.5, 10.0))),
            ("openai:gpt-4o-2024-05-13", Some((5.0, 15.0))),
            ("openai:gpt-4o-audio-preview", None),
            ("anthropic:claude-sonnet-4-5-20250929", Some((3.0, 15.0))),
            ("openai+http://localhost:8000/v1#gpt-4o", None),
            ("ollama:llama3.2", None),
            ("extractive", None),
        ] {
            assert_eq!(prices.find(model), price, "{model}");
        }
    }

    #[test]
    fn the_longest_name_counts_and_what_is_set_comes_first() {
        let own = [("openai:*", 1.0), ("openai:gpt-*", 2.0), ("openai:gpt-4o", 3.0)];
        let own = own.map(|(name, price)| (name.to_owned(), (price, price)));
        let prices = PriceTable::new(own).over(PriceTable::published());
        let found = |model| prices.find(model).map(|(read, _)| read);
        assert_eq!(found("openai:o3"), Some(1.0));
        assert_eq!(found("openai:gpt-4o-mini"), Some(2.0));
        assert_eq!(found("openai:gpt-4o"), Some(3.0));
        assert_eq!(found("gemini:gemini-2.5-flash"), Some(0.3));
        assert_eq!(found("mistral:x"), None);
    }
}
