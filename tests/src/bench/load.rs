//! Clients over HTTP who ask the same again and again.

use std::time::Instant;

use anyhow::{Context, ensure};
use reqwest::RequestBuilder;
use tokio::task::JoinSet;

/// Asks again and again; how many milliseconds each answer took, and how many came in a second.
pub async fn round(
    request: &RequestBuilder,
    callers: usize,
    each: usize,
) -> anyhow::Result<(Vec<f64>, f64)> {
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..callers {
        let request = request.try_clone().context("a request with a stream for a body")?;
        asking.spawn(ask(request, each));
    }
    let mut latencies = Vec::with_capacity(callers * each);
    while let Some(asked) = asking.join_next().await {
        latencies.extend(asked??);
    }
    let answers = f64::from(u32::try_from(latencies.len())?);
    Ok((latencies, answers / began.elapsed().as_secs_f64()))
}

async fn ask(request: RequestBuilder, times: usize) -> anyhow::Result<Vec<f64>> {
    let mut latencies = Vec::with_capacity(times);
    for _ in 0..times {
        let request = request.try_clone().context("a request with a stream for a body")?;
        let began = Instant::now();
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        latencies.push(began.elapsed().as_secs_f64() * 1000.0);
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(latencies)
}
