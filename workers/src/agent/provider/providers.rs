//! The configured providers, and a model call from the first attempt to the last.

use std::{collections::HashMap, ops::ControlFlow, pin::pin, sync::Arc, time::Instant};

use anyhow::Context;
use bytes::Bytes;
use domain::chat::Provider;
use futures_util::StreamExt;
use reqwest::Client;

use super::{
    ModelAnswer, ModelError, ModelErrorKind, ModelRequest, OnDelta, answer,
    config::{Configured, ProviderConfig},
    http::{self, within},
    retry, stream,
};

/// Every provider that the server's configuration names.
#[derive(Clone)]
pub struct Providers {
    client: Client,
    configured: Arc<HashMap<Provider, Configured>>,
}

impl Providers {
    /// Reads the configuration; nobody is called yet.
    pub fn new(configs: HashMap<Provider, ProviderConfig>) -> anyhow::Result<Self> {
        let configured = configs.into_iter().map(|(provider, config)| {
            let configured = Configured::new(provider, &config)
                .with_context(|| format!("reading the configuration of {}", provider.name()))?;
            Ok((provider, configured))
        });
        let configured = configured.collect::<anyhow::Result<HashMap<_, _>>>()?;
        let client = http::client().context("building the client for providers")?;
        Ok(Self { client, configured: Arc::new(configured) })
    }

    /// Whether a model of this provider can be asked.
    #[must_use]
    pub fn is_configured(&self, provider: Provider) -> bool {
        self.configured.contains_key(&provider)
    }

    /// Asks a model; tries again when that may help, but never after a piece of the answer was given out.
    pub async fn ask(
        &self,
        provider: Provider,
        request: &ModelRequest<'_>,
        stream: bool,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<ModelAnswer, ModelError> {
        let answer = match self.configured.get(&provider) {
            Some(configured) => {
                Call { client: &self.client, configured, stream }.ask(request, on_delta).await
            }
            None => Err(ModelError::new(ModelErrorKind::Refused, "it is not configured")),
        };
        answer.map_err(|error| ModelError {
            detail: format!("{} {}", provider.name(), error.detail),
            ..error
        })
    }
}

/// One model call.
struct Call<'a> {
    client: &'a Client,
    configured: &'a Configured,
    stream: bool,
}

impl Call<'_> {
    async fn ask(
        &self,
        request: &ModelRequest<'_>,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<ModelAnswer, ModelError> {
        let dialect = self.configured.dialect;
        let body = Bytes::from(dialect.write(request, self.stream)?);
        let began = Instant::now();
        let mut has_begun_to_answer = false;
        let mut attempt = 1;
        loop {
            let outcome = self
                .attempt(body.clone(), &mut |delta| {
                    has_begun_to_answer = true;
                    on_delta(delta);
                })
                .await;
            let Err(error) = outcome else { return outcome };
            let may_retry = !has_begun_to_answer && began.elapsed() < retry::WINDOW;
            let Some(pause) = retry::pause(attempt, &error).filter(|_| may_retry) else {
                return Err(error);
            };
            // What the provider says may repeat what it was told.
            tracing::warn!(provider = dialect.provider().name(), kind = ?error.kind, ?pause, "asking again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        body: Bytes,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<ModelAnswer, ModelError> {
        if self.stream {
            return self.attempt_streaming(body, on_delta).await;
        }
        let Configured { dialect, upstream } = self.configured;
        let whole = async {
            let response = http::post(self.client, upstream, body, "application/json").await?;
            http::read(response, answer::LONGEST).await
        };
        dialect.read(&within(http::CALL, whole).await?)
    }

    async fn attempt_streaming(
        &self,
        body: Bytes,
        on_delta: &mut OnDelta<'_>,
    ) -> Result<ModelAnswer, ModelError> {
        let Configured { dialect, upstream } = self.configured;
        let response = http::post(self.client, upstream, body, "text/event-stream");
        let mut events = pin!(stream::events(within(http::CALL, response).await?));
        let mut assembly = dialect.assembly();
        while let Some(event) = events.next().await {
            if assembly.take(&event?, on_delta)? == ControlFlow::Break(()) {
                break;
            }
        }
        assembly.finish()
    }
}
