//! How a provider is reached, as the server's configuration says.

use anyhow::{Context, ensure};
use domain::chat::Provider;
use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};

use super::{dialect::Dialect, http::Upstream};

/// From this version on Anthropic refuses sampling parameters.
const ANTHROPIC_VERSION: &str = "2026-10-21";

/// How a provider is reached.
#[derive(Clone)]
pub struct ProviderConfig {
    /// What stands before `/v1/messages` for Anthropic, before `/chat/completions` for the others.
    pub base_url: String,
    /// The server's own key; a local server may need none.
    pub api_key: Option<String>,
    /// The version of Anthropic's interface, if not the current one.
    pub anthropic_version: Option<String>,
}

/// A provider that can be called.
pub(super) struct Configured {
    pub dialect: Dialect,
    pub upstream: Upstream,
}

impl Configured {
    pub fn new(provider: Provider, config: &ProviderConfig) -> anyhow::Result<Self> {
        let version = config.anthropic_version.as_deref().unwrap_or(ANTHROPIC_VERSION);
        let dialect = match provider {
            Provider::Anthropic => {
                Dialect::Anthropic { takes_sampling: version < ANTHROPIC_VERSION }
            }
            Provider::MetaLlama => Dialect::Llama,
            Provider::OpenAi => Dialect::OpenAi,
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if provider == Provider::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_str(version)?);
        }
        if let Some(key) = &config.api_key {
            let (name, value) = key_header(provider, key).context("reading its key")?;
            headers.insert(name, value);
        }
        let url = address(provider, &config.base_url).context("reading its address")?;
        Ok(Self { dialect, upstream: Upstream { url, headers } })
    }
}

fn key_header(provider: Provider, key: &str) -> anyhow::Result<(HeaderName, HeaderValue)> {
    let (name, text) = match provider {
        Provider::Anthropic => (HeaderName::from_static("x-api-key"), key.to_owned()),
        Provider::MetaLlama | Provider::OpenAi => (AUTHORIZATION, format!("Bearer {key}")),
    };
    let mut value = HeaderValue::from_str(&text)?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Anthropic's base goes without a version, but many write it with one.
fn address(provider: Provider, base_url: &str) -> anyhow::Result<Url> {
    let base = base_url.trim_end_matches('/');
    let url = Url::parse(&match provider {
        Provider::Anthropic => format!("{}/v1/messages", base.strip_suffix("/v1").unwrap_or(base)),
        Provider::MetaLlama | Provider::OpenAi => format!("{base}/chat/completions"),
    })?;
    ensure!(matches!(url.scheme(), "http" | "https"), "it is neither http nor https");
    Ok(url)
}
