//! The rows of requests that may come again. Each change names the try that makes it: one that was
//! given up for dead changes nothing any more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

/// How long a try is believed to live after its last sign of life. Short: where two tries overlap,
/// their commands have the same ids and are done once.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// A request that asks to be done.
pub(super) struct Wish<'a> {
    pub scope: &'a [u8],
    pub fingerprint: &'a [u8],
    pub seed: Uuid,
    pub subject: Option<Uuid>,
    pub holder: Uuid,
    pub now: DateTime<Utc>,
    pub lifetime: Duration,
}

/// The right to do a request.
pub(super) struct Taken {
    pub seed: Uuid,
    pub subject_id: Option<Uuid>,
    pub tries: i32,
    pub started_at: DateTime<Utc>,
}

/// A request that is done, or that somebody else is doing.
pub(super) struct Other {
    pub fingerprint: Vec<u8>,
    pub subject_id: Option<Uuid>,
    pub answer: Option<Vec<u8>>,
}

/// Takes a request that nobody does: a new one, one that expired, or one whose last try died.
pub(super) async fn take(pool: &PgPool, wish: &Wish<'_>) -> sqlx::Result<Option<Taken>> {
    sqlx::query_as!(
        Taken,
        r#"insert into work.idempotency as i
            (scope_key, fingerprint, seed, subject_id, holder, held_until, tries, started_at, expires_at)
        values ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6), 1, $7,
            clock_timestamp() + make_interval(secs => $8))
        on conflict (scope_key) do update set
            holder = excluded.holder,
            held_until = excluded.held_until,
            answer = null,
            fingerprint = excluded.fingerprint,
            seed = case when i.expires_at <= clock_timestamp() then excluded.seed else i.seed end,
            subject_id = case when i.expires_at <= clock_timestamp() then excluded.subject_id else i.subject_id end,
            tries = case when i.expires_at <= clock_timestamp() then 1 else i.tries + 1 end,
            started_at = case when i.expires_at <= clock_timestamp() then excluded.started_at else i.started_at end,
            expires_at = case when i.expires_at <= clock_timestamp() then excluded.expires_at else i.expires_at end
        where i.expires_at <= clock_timestamp()
            or (i.answer is null and i.held_until <= clock_timestamp() and i.fingerprint = excluded.fingerprint)
        returning seed, subject_id, tries, started_at"#,
        wish.scope,
        wish.fingerprint,
        wish.seed,
        wish.subject,
        wish.holder,
        LEASE.as_secs_f64(),
        wish.now,
        wish.lifetime.as_secs_f64(),
    )
    .fetch_optional(pool)
    .await
}

/// What stands in the way of taking a request.
pub(super) async fn find(pool: &PgPool, scope: &[u8]) -> sqlx::Result<Option<Other>> {
    sqlx::query_as!(
        Other,
        "select fingerprint, subject_id, answer from work.idempotency where scope_key = $1",
        scope,
    )
    .fetch_optional(pool)
    .await
}

/// Gives a sign of life.
pub(super) async fn keep(pool: &PgPool, scope: &[u8], holder: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update work.idempotency set held_until = clock_timestamp() + make_interval(secs => $3)
        where scope_key = $1 and holder = $2 and answer is null",
        scope,
        holder,
        LEASE.as_secs_f64(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Keeps the answer for those who ask again.
pub(super) async fn finish(
    pool: &PgPool,
    scope: &[u8],
    holder: Uuid,
    subject: Option<Uuid>,
    answer: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "update work.idempotency set answer = $4, subject_id = $3 where scope_key = $1 and holder = $2",
        scope,
        holder,
        subject,
        answer,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Lets another try begin at once, on the same seed.
pub(super) async fn release(pool: &PgPool, scope: &[u8], holder: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update work.idempotency set held_until = clock_timestamp() where scope_key = $1 and holder = $2",
        scope,
        holder,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Forgets a request that did nothing.
pub(super) async fn forget(pool: &PgPool, scope: &[u8], holder: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from work.idempotency where scope_key = $1 and holder = $2 and answer is null",
        scope,
        holder,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Forgets an answer that can no longer be opened.
pub(super) async fn forget_answer(pool: &PgPool, scope: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from work.idempotency where scope_key = $1 and answer is not null",
        scope,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Forgets what expired, and returns how much that was.
pub(super) async fn forget_expired(pool: &PgPool) -> sqlx::Result<u64> {
    let gone = sqlx::query!("delete from work.idempotency where expires_at <= clock_timestamp()")
        .execute(pool)
        .await?;
    Ok(gone.rows_affected())
}

/// Forgets all that tells of a person, and returns how much that was.
pub(super) async fn forget_subject(pool: &PgPool, subject: Uuid) -> sqlx::Result<u64> {
    let gone = sqlx::query!("delete from work.idempotency where subject_id = $1", subject)
        .execute(pool)
        .await?;
    Ok(gone.rows_affected())
}
