//! What the tests of keys share.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use sqlx::PgPool;
use tests::Program;

/// An answer, as a client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub is_replayed: bool,
    pub kind: String,
    pub position: String,
    pub body: String,
}

impl Answer {
    pub async fn read(response: Response) -> anyhow::Result<Self> {
        let header = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Ok(Self {
            status: response.status().as_u16(),
            is_replayed: header("idempotency-replayed") == "true",
            kind: header("content-type"),
            position: header("x-log-position"),
            body: response.text().await?,
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The same, given again.
    pub fn again(&self) -> Self {
        Self { is_replayed: true, ..self.clone() }
    }
}

/// Sends a request under a key.
pub async fn send(request: RequestBuilder, key: &str) -> anyhow::Result<Answer> {
    Answer::read(request.header("Idempotency-Key", key).send().await?).await
}

/// Sends a request under a key until nobody else is at it.
pub async fn insist(request: &RequestBuilder, key: &str) -> anyhow::Result<Answer> {
    for _ in 0..300 {
        let request = request.try_clone().unwrap_or_else(|| unreachable!("bodies here are bytes"));
        let answer = send(request, key).await?;
        if answer.json()["code"] != "idempotency_key_in_use" {
            return Ok(answer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    anyhow::bail!("the first try never ends")
}

/// The program's database.
pub async fn database(program: &Program) -> anyhow::Result<PgPool> {
    Ok(PgPool::connect(program.database().unwrap_or_default()).await?)
}

/// How many events of a name the log holds, and the stream of the last one.
pub async fn events(pool: &PgPool, name: &str) -> anyhow::Result<(i64, String)> {
    let row: (i64, Option<String>) = sqlx::query_as(
        "select count(*), (array_agg(e.stream_id::text order by e.position desc))[1]
        from log.event e join log.event_type t using (type_id) where t.name = $1",
    )
    .bind(name)
    .fetch_one(pool)
    .await?;
    Ok((row.0, row.1.unwrap_or_default()))
}

/// Whether this run of the tests has a database that tests may look into.
pub fn has_cluster() -> bool {
    let is_there = std::env::var_os("ANNALS_TEST_CLUSTER").is_some();
    if !is_there {
        eprintln!("needs the cluster of `make test`");
    }
    is_there
}
