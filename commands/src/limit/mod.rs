//! How often something may be done: counted in Postgres, once for all processes, and never by name.
//!
//! Who is counted is stored as a keyed hash, and only until the count means nothing any more. Every
//! count is one statement that looks and draws, so that parallel requests cannot pass it together.

mod device;
mod network;
mod quota;
mod rates;

use anyhow::Context;
use chrono::{DateTime, Utc};
use eventlog::ServiceKey;
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) use device::KnownDevice;
pub use quota::{InvalidQuota, Quota, Standing};
pub use rates::{InvalidRates, Limit, Rates};

use crate::{Commands, Error};

/// What is counted, for all processes.
pub(crate) struct Limits {
    pool: PgPool,
    key: ServiceKey,
    rates: Rates,
}

/// One draw from one bucket.
struct Draw {
    limit: Limit,
    quota: Quota,
    key: [u8; 32],
}

/// What became of a draw.
struct Row {
    is_drawn: bool,
    /// Until the bucket is full.
    seconds: f64,
}

impl Limits {
    pub(crate) const fn new(pool: PgPool, key: ServiceKey, rates: Rates) -> Self {
        Self { pool, key, rates }
    }

    /// Counts one more for somebody (a network, a mailbox, an account), or refuses it.
    ///
    /// Without Postgres nothing that is counted here could be done either: it is refused as well.
    pub(crate) async fn count(&self, limit: Limit, whom: Option<&str>) -> Result<(), Error> {
        let standings = self.draw(&self.draws(&[(limit, whom)]), 1.0, false).await?;
        let refused = standings.into_iter().find(|standing| standing.retry_after.is_some());
        let Some(refused) = refused else { return Ok(()) };
        metrics::counter!("annals_rate_limited_total", "limit" => refused.limit).increment(1);
        Err(Error::Limited(refused))
    }

    /// The same for those who must not learn that they were refused: whether it may be done.
    pub(crate) async fn allows(&self, limit: Limit, whom: Option<&str>) -> Result<bool, Error> {
        match self.count(limit, whom).await {
            Ok(()) => Ok(true),
            Err(Error::Limited(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives back what was counted; without Postgres it comes back by itself, later.
    pub(crate) async fn give_back(&self, whom: &[(Limit, Option<&str>)]) {
        if let Err(error) = self.draw(&self.draws(whom), -1.0, true).await {
            tracing::warn!(error = format!("{error:#}"), "a count could not be given back");
        }
    }

    /// What a device shows that has signed in to an account.
    pub(crate) fn device_token(&self, device: KnownDevice) -> String {
        device.write(&self.key)
    }

    /// The device behind a token, if it is known to the account at present.
    pub(crate) fn device(&self, token: &str, user: Uuid, now: DateTime<Utc>) -> Option<Uuid> {
        KnownDevice::read(&self.key, token).filter(|it| it.is_of(user, now)).map(|it| it.device)
    }

    /// Buckets in the order of their keys: nobody waits for each other.
    fn draws(&self, whom: &[(Limit, Option<&str>)]) -> Vec<Draw> {
        let draw = |&(limit, whom): &(Limit, Option<&str>)| {
            let quota = self.rates.of(limit)?;
            let whom = network::network(whom.unwrap_or_default());
            Some(Draw {
                limit,
                quota,
                key: self.key.mac(&[limit.name().as_bytes(), whom.as_bytes()]),
            })
        };
        let mut draws: Vec<Draw> = whom.iter().filter_map(draw).collect();
        draws.sort_by_key(|draw| draw.key);
        draws
    }

    async fn draw(&self, draws: &[Draw], times: f64, forced: bool) -> Result<Vec<Standing>, Error> {
        if draws.is_empty() {
            return Ok(vec![]);
        }
        let keys: Vec<Vec<u8>> = draws.iter().map(|draw| draw.key.to_vec()).collect();
        let costs: Vec<f64> = draws.iter().map(|draw| draw.quota.step() * times).collect();
        let sizes: Vec<f64> = draws.iter().map(|draw| draw.quota.seconds().into()).collect();
        let rows = sqlx::query_as!(
            Row,
            r#"select is_drawn as "is_drawn!", seconds as "seconds!"
            from work.draw($1, $2, $3, $4)"#,
            &keys,
            &costs,
            &sizes,
            forced,
        )
        .fetch_all(&self.pool)
        .await
        .context("counting against a limit")
        .map_err(Error::Unavailable)?;
        let standing = |(draw, row): (&Draw, Row)| {
            draw.quota.standing(draw.limit.name(), row.is_drawn, row.seconds)
        };
        Ok(draws.iter().zip(rows).map(standing).collect())
    }
}

impl Commands {
    /// Forgets counts that mean nothing any more; how many those were.
    pub async fn forget_full_limits(&self) -> anyhow::Result<u64> {
        let gone = sqlx::query!("delete from work.rate_limit where full_at <= clock_timestamp()");
        let gone = gone.execute(&self.0.limits.pool).await.context("forgetting counts")?;
        Ok(gone.rows_affected())
    }
}
