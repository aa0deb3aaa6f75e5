//! Effects on the outside world: claimed before the call, settled after it, done once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// The right to cause one effect, for a while.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Go ahead; it is the how manieth attempt, from 1.
    Go(i32),
    /// It was caused before, or given up.
    Over,
    /// Another worker is at it.
    Busy,
}

/// Claims an effect of an event for `lease`; whoever claimed it before and fell silent has lost it.
pub(crate) async fn claim(
    pool: &PgPool,
    (key, recorded_at): (&str, DateTime<Utc>),
    lease: Duration,
) -> sqlx::Result<Claim> {
    let attempt = sqlx::query_scalar!(
        r#"insert into work.effect as e (key, state, attempts, claimed_until, updated_at)
        select $1, 'claimed', 1, clock_timestamp() + make_interval(secs => $2), clock_timestamp()
        where exists (select from work.effect where key = $1)
            or not exists (select from work.horizon where name = 'effect' and before > $3)
        on conflict (key) do update set attempts = e.attempts + 1,
            claimed_until = excluded.claimed_until, updated_at = excluded.updated_at
        where e.state = 'claimed' and e.claimed_until < clock_timestamp()
        returning attempts"#,
        key,
        lease.as_secs_f64(),
        recorded_at,
    )
    .fetch_optional(pool)
    .await?;
    if let Some(attempt) = attempt {
        return Ok(Claim::Go(attempt));
    }
    let state = sqlx::query_scalar!("select state from work.effect where key = $1", key)
        .fetch_optional(pool)
        .await?;
    // Of what was purged only the time is known.
    Ok(if state.as_deref() == Some("claimed") { Claim::Busy } else { Claim::Over })
}

/// Says that the effect is there.
pub(crate) async fn settle(pool: &PgPool, claimed: (&str, i32), detail: &str) -> sqlx::Result<()> {
    finish(pool, claimed, "settled", detail).await
}

/// Gives the effect up; an operator may look at it.
pub(crate) async fn park(pool: &PgPool, claimed: (&str, i32), detail: &str) -> sqlx::Result<()> {
    finish(pool, claimed, "parked", detail).await
}

/// Says that the attempt failed, and when the next one may begin.
pub(crate) async fn release(
    pool: &PgPool,
    (key, attempt): (&str, i32),
    pause: Duration,
    detail: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"update work.effect set claimed_until = clock_timestamp() + make_interval(secs => $3),
            detail = $4, updated_at = clock_timestamp()
        where key = $1 and attempts = $2 and state = 'claimed'"#,
        key,
        attempt,
        pause.as_secs_f64(),
        detail,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Whoever has lost the claim in the meantime changes nothing any more.
async fn finish(
    pool: &PgPool,
    (key, attempt): (&str, i32),
    state: &str,
    detail: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"update work.effect set state = $3, detail = $4, updated_at = clock_timestamp()
        where key = $1 and attempts = $2 and state = 'claimed'"#,
        key,
        attempt,
        state,
        detail,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Forgets the effects that were settled before a moment; events from before it are over. Answers how
/// many there were.
pub async fn purge(pool: &PgPool, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let mut transaction = pool.begin().await?;
    sqlx::query!(
        "insert into work.horizon as h (name, before) values ('effect', $1)
        on conflict (name) do update set before = greatest(h.before, excluded.before)",
        before,
    )
    .execute(&mut *transaction)
    .await?;
    let purged = sqlx::query!(
        "delete from work.effect where state = 'settled' and updated_at < $1",
        before,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    metrics::counter!("annals_purged_effects_total").increment(purged.rows_affected());
    Ok(purged.rows_affected())
}
