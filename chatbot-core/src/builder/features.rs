//! What depends on how this library was built: each implementation behind a feature, or the error that names it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{FetchingConfig, Secret};
use crate::error::Result;
use crate::error::{Error, ErrorKind};
use crate::strategies::DenseParts;
use crate::traits::{ChatModel, ChunkReader, Clock, Embedder, Fetcher, Index, Store};

/// The store as what writes and as what reads chunks.
pub(super) type OpenedStore = (Arc<dyn Store>, Arc<dyn ChunkReader>);

/// A model behind an address.
#[cfg_attr(not(feature = "providers"), allow(dead_code, reason = "only those models look at it"))]
pub(super) struct Endpoint<'a> {
    pub(super) dialect: super::models::Dialect,
    pub(super) uri: &'a str,
    /// `None` for the provider's own.
    pub(super) base_url: Option<&'a str>,
    pub(super) model: &'a str,
    pub(super) api_key: Option<Secret>,
}

#[cfg(feature = "sqlite")]
pub(super) async fn open_store(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<OpenedStore> {
    let path = data_dir.join(super::STORE_FILE);
    let store = Arc::new(crate::stores::SqliteStore::open(&path, clock).await?);
    Ok((store.clone(), store))
}

#[cfg(not(feature = "sqlite"))]
pub(super) async fn open_store(_: &Path, _: Arc<dyn Clock>) -> Result<OpenedStore> {
    Err(not_built("a store", "sqlite"))
}

#[cfg(feature = "local-index")]
pub(super) fn open_index(data_dir: &Path) -> Result<Arc<dyn Index>> {
    Ok(Arc::new(crate::indexes::LocalIndex::open(Some(&data_dir.join("index")))?))
}

#[cfg(not(feature = "local-index"))]
pub(super) fn open_index(_: &Path) -> Result<Arc<dyn Index>> {
    Err(not_built("an index", "local-index"))
}

/// What searches by meaning, and what did so before.
type BothSpaces = (Option<DenseParts>, Option<DenseParts>);

/// Opens the indexes of the embedders, each in the folder that holds its vectors already, where one does. A folder that
/// neither needs is removed.
#[cfg(feature = "local-index")]
pub(super) fn dense_parts(
    data_dir: &Path,
    embedder: Option<&Arc<dyn Embedder>>,
    previous: Option<Arc<dyn Embedder>>,
) -> Result<BothSpaces> {
    use crate::indexes::DenseIndex;
    let folders = [data_dir.join("index"), data_dir.join("index").join("second")];
    let Some(embedder) = embedder else { return Ok((None, None)) };
    let [first, second] = &folders;
    let holds =
        |folder: &Path, of: &Arc<dyn Embedder>| DenseIndex::is_of(folder, &of.info().fingerprint);
    let swapped = match &previous {
        Some(previous) => holds(first, previous) || holds(second, embedder),
        None => holds(second, embedder),
    };
    let (own, other) = if swapped { (second, first) } else { (first, second) };
    let open = |folder: &Path, embedder: Arc<dyn Embedder>| -> Result<DenseParts> {
        let space = embedder.info();
        let index = DenseIndex::open(Some(folder), space.fingerprint.clone(), space.dimensions)?;
        Ok(DenseParts { index: Arc::new(index), embedder })
    };
    let previous = match previous {
        Some(previous) => Some(open(other, previous)?),
        None => {
            DenseIndex::remove(other)?;
            None
        }
    };
    Ok((Some(open(own, embedder.clone())?), previous))
}

#[cfg(not(feature = "local-index"))]
pub(super) fn dense_parts(
    _: &Path,
    embedder: Option<&Arc<dyn Embedder>>,
    _: Option<Arc<dyn Embedder>>,
) -> Result<BothSpaces> {
    if embedder.is_some() { Err(not_built("an index", "local-index")) } else { Ok((None, None)) }
}

#[cfg(feature = "providers")]
pub(super) fn endpoint_model(endpoint: Endpoint<'_>) -> Result<Arc<dyn ChatModel>> {
    use super::models::Dialect;
    use crate::models::{
        AnthropicModel, GeminiModel, OllamaModel, OpenAiModel, ProviderConfig as Config,
    };
    let own = match endpoint.dialect {
        Dialect::OpenAi => OpenAiModel::BASE_URL,
        Dialect::Anthropic => AnthropicModel::BASE_URL,
        Dialect::Gemini => GeminiModel::BASE_URL,
        Dialect::Ollama => OllamaModel::BASE_URL,
    };
    let config = Config {
        name: endpoint.uri.to_owned(),
        base_url: endpoint.base_url.unwrap_or(own).to_owned(),
        model: endpoint.model.to_owned(),
        api_key: endpoint.api_key,
    };
    Ok(match endpoint.dialect {
        Dialect::OpenAi => Arc::new(OpenAiModel::new(config)?),
        Dialect::Anthropic => Arc::new(AnthropicModel::new(config)?),
        Dialect::Gemini => Arc::new(GeminiModel::new(config)?),
        Dialect::Ollama => Arc::new(OllamaModel::new(config)?),
    })
}

#[cfg(not(feature = "providers"))]
pub(super) fn endpoint_model(_: Endpoint<'_>) -> Result<Arc<dyn ChatModel>> {
    Err(not_built("models behind an address", "providers"))
}

/// What fetches documents; `None` where it was not built in.
#[cfg(feature = "fetching")]
pub(super) fn fetcher(
    config: &FetchingConfig,
    data_dir: &Path,
) -> Result<Option<Arc<dyn Fetcher>>> {
    use crate::fetchers::{FetchOptions, HttpFetcher};
    let options = FetchOptions {
        allow_hosts: config.allow_hosts.clone(),
        max_duration: Duration::from_secs(config.max_s),
        folder: data_dir.to_owned(),
    };
    Ok(Some(Arc::new(HttpFetcher::new(options)?)))
}

#[cfg(not(feature = "fetching"))]
#[allow(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
pub(super) fn fetcher(_: &FetchingConfig, _: &Path) -> Result<Option<Arc<dyn Fetcher>>> {
    Ok(None)
}

/// The embedder of this name, which gives its memory back after `idle`; `None` where words are to suffice.
pub(super) fn embedder(uri: &str, idle: Duration) -> Result<Option<Arc<dyn Embedder>>> {
    match (uri, uri.strip_prefix("candle:")) {
        ("none", _) => Ok(None),
        ("builtin", _) => builtin_embedder(idle).map(Some),
        (_, Some(folder)) => bert_embedder(folder, idle).map(Some),
        (_, None) => Err(Error::new(
            ErrorKind::ConfigInvalid,
            format!(
                "There is no embedder `{uri}`. Use `builtin`, `candle:/path/to/a/folder` or `none`."
            ),
        )),
    }
}

#[cfg(feature = "builtin-embedder")]
fn builtin_embedder(idle: Duration) -> Result<Arc<dyn Embedder>> {
    Ok(Arc::new(crate::embedders::BuiltinEmbedder::new(idle)))
}

#[cfg(not(feature = "builtin-embedder"))]
fn builtin_embedder(_: Duration) -> Result<Arc<dyn Embedder>> {
    Err(not_built("its own embedder", "builtin-embedder"))
}

#[cfg(feature = "builtin-embedder")]
fn bert_embedder(folder: &str, idle: Duration) -> Result<Arc<dyn Embedder>> {
    Ok(Arc::new(crate::embedders::BertEmbedder::open(folder, idle)?))
}

#[cfg(not(feature = "builtin-embedder"))]
fn bert_embedder(_: &str, _: Duration) -> Result<Arc<dyn Embedder>> {
    Err(not_built("embedders from a folder", "builtin-embedder"))
}

#[cfg(not(all(
    feature = "sqlite",
    feature = "local-index",
    feature = "providers",
    feature = "builtin-embedder"
)))]
fn not_built(what: &str, feature: &str) -> Error {
    Error::new(
        ErrorKind::ConfigInvalid,
        format!(
            "This program was built without {what}. Build `chatbot-core` with its feature `{feature}`."
        ),
    )
}

#[cfg(all(test, not(feature = "sqlite")))]
mod tests {
    use crate::{Chatbot, ErrorKind};

    #[tokio::test]
    async fn what_is_not_built_in_is_named() {
        let error = Chatbot::builder().build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.message().contains("`sqlite`"), "{error}");
    }
}
