//! The scripted model provider on its own: for checks with the official SDKs, and for benchmarks.
//!
//! `scripted-provider [ADDRESS [REPLIES]]`: REPLIES is a JSON file, an array of replies that are given
//! one after the other; after them, and without the file, it says what it was told last.

use anyhow::Context;
use tests::provider::{Reply, ScriptedProvider};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let provider = ScriptedProvider::listen(&address).await.context("listening")?;
    provider.otherwise(Reply::Echo);
    if let Some(file) = arguments.next() {
        let text = std::fs::read(&file).with_context(|| format!("reading {file}"))?;
        provider
            .script(serde_json::from_slice::<Vec<Reply>>(&text).context("reading the replies")?);
    }
    println!("{}", provider.anthropic_url());
    tokio::signal::ctrl_c().await.context("waiting to be stopped")
}
