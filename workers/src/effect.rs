//! Effects on the outside world: claimed before the call, settled after it, done once.

use std::time::Duration;

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

/// Claims an effect for `lease`; whoever claimed it before and fell silent has lost it.
pub(crate) async fn claim(pool: &PgPool, key: &str, lease: Duration) -> sqlx::Result<Claim> {
    let attempt = sqlx::query_scalar!(
        r#"insert into work.effect as e (key, state, attempts, claimed_until, updated_at)
        values ($1, 'claimed', 1, clock_timestamp() + make_interval(secs => $2), clock_timestamp())
        on conflict (key) do update set attempts = e.attempts + 1,
            claimed_until = excluded.claimed_until, updated_at = excluded.updated_at
        where e.state = 'claimed' and e.claimed_until < clock_timestamp()
        returning attempts"#,
        key,
        lease.as_secs_f64(),
    )
    .fetch_optional(pool)
    .await?;
    if let Some(attempt) = attempt {
        return Ok(Claim::Go(attempt));
    }
    let state = sqlx::query_scalar!("select state from work.effect where key = $1", key)
        .fetch_one(pool)
        .await?;
    Ok(if state == "claimed" { Claim::Busy } else { Claim::Over })
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
