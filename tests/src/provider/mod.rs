//! A model provider that says what a test told it to, in all three dialects.

mod anthropic;
mod exchange;
mod llama;
mod openai;
mod reply;
mod server;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub use reply::{INPUT_TOKENS, OUTPUT_TOKENS, Reply};

/// A provider on a port of its own; it stops when it is dropped.
pub struct ScriptedProvider {
    address: SocketAddr,
    stage: Arc<Stage>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

/// A request as it came in.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedRequest {
    /// Where it went.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its JSON, or null where it was none.
    pub body: Value,
}

impl RecordedRequest {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// What the server and the test share.
#[derive(Default)]
struct Stage {
    replies: Mutex<VecDeque<Reply>>,
    otherwise: Mutex<Option<Reply>>,
    journal: Mutex<Vec<RecordedRequest>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptedProvider {
    /// Starts it on a free port of this machine.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start() -> Self {
        Self::listen("127.0.0.1:0").await.expect("a free port")
    }

    /// Starts it on the given address.
    pub async fn listen(address: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Stage::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let router = server::router(Arc::clone(&stage));
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
        });
        Ok(Self { address, stage, running: Some((stop, task)) })
    }

    /// The base URL for clients of Anthropic's dialect.
    #[must_use]
    pub fn anthropic_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL for clients of `OpenAI`'s dialect.
    #[must_use]
    pub fn openai_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The base URL for clients of Llama's native dialect.
    #[must_use]
    pub fn llama_url(&self) -> String {
        format!("http://{}/llama/v1", self.address)
    }

    /// Adds replies to those that are still to be given, one for each request.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.stage.replies).extend(replies);
    }

    /// What is replied when nothing is scripted; without it that is a status of 400.
    pub fn otherwise(&self, reply: Reply) {
        *lock(&self.stage.otherwise) = Some(reply);
    }

    /// Every request so far.
    #[must_use]
    pub fn journal(&self) -> Vec<RecordedRequest> {
        lock(&self.stage.journal).clone()
    }

    /// Stops listening; what is being said is cut off after a second.
    pub async fn stop(&mut self) {
        if let Some((stop, mut task)) = self.running.take() {
            let _ = stop.send(());
            if tokio::time::timeout(Duration::from_secs(1), &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}
