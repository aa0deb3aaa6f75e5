//! What a chat completion through Annals takes longer than one from the upstream itself.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use tests::{
    Program, Setup,
    provider::{Reply, ScriptedProvider},
};

use super::{
    cluster::Cluster,
    load::round,
    nats::Nats,
    report::{Row, Target, median, quantile},
};

const DATABASE: &str = "chat";
const EMAIL: &str = "bench@example.org";
const PASSWORD: &str = "a long walk along the river";
/// Callers, and how many completions each of them asks for in a round.
const CALLERS: [(usize, usize); 2] = [(1, 200), (8, 50)];
/// The machine is noisy: short rounds of each in turn.
const ROUNDS: usize = 5;
/// The most that is to be added at one caller, p50 and p99.
const ADDED: [f64; 2] = [3.0, 15.0];

/// Measures at each number of callers.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let nats = Nats::start().await?;
    cluster.database(DATABASE).await?.close().await;
    let upstream = ScriptedProvider::start().await;
    upstream.otherwise(Reply::Text("It rains in Berlin, and it will rain tomorrow.".to_owned()));
    let program = Setup::default()
        .with("DATABASE_URL", cluster.url(DATABASE))
        .with("NATS_URL", nats.url())
        .with("ANNALS_ADMIN_EMAIL", EMAIL)
        .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
        .with("OPENAI_BASE_URL", upstream.openai_url())
        .with("OPENAI_API_KEY", "sk-bench")
        .with("RUST_LOG", "warn")
        .start()
        .await?;
    let body = json!({
        "provider": "openai",
        "model": "gpt-bench",
        "messages": [{ "role": "user", "content": "What is the weather like in Berlin?" }],
    });
    let access = sign_in(&program).await?;
    let through = program.post("/v1/chat/completions", &body).bearer_auth(access);
    let client = Client::builder().timeout(Duration::from_mins(1)).build()?;
    let direct = client.post(format!("{}/chat/completions", upstream.openai_url())).json(&body);
    round(&through, 8, 10).await?;
    round(&direct, 8, 10).await?;
    let mut rows = Vec::new();
    for (callers, each) in CALLERS {
        rows.extend(compare(&through, &direct, callers, each).await?);
    }
    Ok(rows)
}

async fn sign_in(program: &Program) -> anyhow::Result<String> {
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = program.post("/v1/auth/login", &body).send().await?;
    let answer = tests::json(answer, 200).await?;
    Ok(answer["access_token"].as_str().context("no access token")?.to_owned())
}

async fn compare(
    through: &RequestBuilder,
    direct: &RequestBuilder,
    callers: usize,
    each: usize,
) -> anyhow::Result<Vec<Row>> {
    let (mut with, mut without, mut rates) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        without.extend(round(direct, callers, each).await?.0);
        let (latencies, rate) = round(through, callers, each).await?;
        with.extend(latencies);
        rates.push(rate);
    }
    let mut rows = Vec::new();
    for ((label, part), most) in [("p50", 0.5), ("p99", 0.99)].into_iter().zip(ADDED) {
        let (with, without) = (quantile(with.clone(), part), quantile(without.clone(), part));
        let row = Row::new(format!("chat_added_{label}_{callers}"), with - without, "ms");
        rows.push(if callers == 1 { row.target(Target::AtMost(most)) } else { row });
    }
    let rate = Row::new(format!("chat_completions_{callers}"), median(rates), "completions/s");
    rows.extend((callers > 1).then_some(rate));
    Ok(rows)
}
