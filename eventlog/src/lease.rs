//! The right to do alone what only one process may do.

use std::time::Duration;

use sqlx::PgPool;
use uuid::Uuid;

/// A lease that this process holds until a moment; its fence rises with each change of holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Rises with each change of holder: what an older holder writes late can be told apart.
    pub fence: i64,
}

impl Lease {
    /// Takes or keeps the lease called `name` for a while; `None` while another process holds it.
    /// One that lasts much longer than any given now is of a time before the clock was set back.
    pub async fn hold(
        pool: &PgPool,
        name: &str,
        holder: Uuid,
        duration: Duration,
    ) -> sqlx::Result<Option<Self>> {
        let fence = sqlx::query_scalar!(
            r#"insert into log.lease as l (name, holder, fence, held_until)
            values ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
            on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until,
                fence = case when l.holder = excluded.holder then l.fence else l.fence + 1 end
            where l.holder = excluded.holder or l.held_until < clock_timestamp()
                or l.held_until > excluded.held_until + make_interval(secs => $3)
            returning fence"#,
            name,
            holder,
            duration.as_secs_f64(),
        )
        .fetch_optional(pool)
        .await?;
        Ok(fence.map(|fence| Self { fence }))
    }

    /// Gives the lease back, so that another process need not wait for its end.
    pub async fn release(pool: &PgPool, name: &str, holder: Uuid) -> sqlx::Result<()> {
        sqlx::query!(
            "update log.lease set held_until = clock_timestamp() where name = $1 and holder = $2",
            name,
            holder,
        )
        .execute(pool)
        .await?;
        Ok(())
    }
}
