//! What stands outside the log and is deleted with a person.

use commands::Erasing;
use domain::Category;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Eraser, progress::Progress};

impl Eraser {
    /// Deletes what tables and folders hold of the person, and counts it.
    pub(super) async fn purge(
        &self,
        erasing: &Erasing,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        let mut transaction = self.log().pool().begin().await?;
        let mut counted = progress.clone();
        for (place, rows) in purge_tables(&mut transaction, erasing.user, &progress.streams).await?
        {
            counted.count(place, rows);
        }
        counted.save(&mut *transaction).await?;
        transaction.commit().await?;
        *progress = counted;
        let mails =
            self.post.forget(erasing.user).await? + self.carrier.forget(erasing.user).await?;
        if mails > 0 {
            progress.count("mail files", mails);
            progress.save(self.log().pool()).await?;
        }
        Ok(())
    }
}

async fn purge_tables(
    db: &mut PgConnection,
    user: Uuid,
    streams: &[Uuid],
) -> sqlx::Result<[(&'static str, i64); 9]> {
    let own = [&[user, Category::Factors.stream_of(user)], streams].concat();
    let secrets =
        sqlx::query!("delete from vault.secret where owner_id = any($1)", &own).execute(&mut *db);
    let secrets = secrets.await?.rows_affected();
    let claims =
        sqlx::query!("delete from log.claim where stream_id = any($1) and scope <> 20", &own)
            .execute(&mut *db);
    let claims = claims.await?.rows_affected();
    // Whoever is about to cause an effect finds it settled.
    let effects = sqlx::query!(
        "update work.effect set detail = null, state = 'settled', updated_at = clock_timestamp()
        where (key like 'mail:' || $1::text || ':%' or key like 'sms:' || $1::text || ':%') and (detail is not null or state <> 'settled')",
        user.to_string(),
    )
    .execute(&mut *db);
    let effects = effects.await?.rows_affected();
    let rows = sqlx::query!("delete from work.zerodb_sealed_row where owner_id = $1", user);
    let rows = rows.execute(&mut *db).await?.rows_affected();
    let tables = sqlx::query!("delete from work.zerodb_sealed_table where owner_id = $1", user);
    let tables = tables.execute(&mut *db).await?.rows_affected();
    // And what was never sealed.
    let clear = sqlx::query!("delete from work.zerodb_table where owner_id = $1", user);
    let clear = clear.execute(&mut *db).await?.rows_affected();
    let answers = sqlx::query!("delete from work.idempotency where subject_id = $1", user);
    let answers = answers.execute(&mut *db).await?.rows_affected();
    let snapshots = sqlx::query!(
        "delete from work.snapshot where subject_id = $1 or stream_id = any($2)",
        user,
        &own,
    );
    let snapshots = snapshots.execute(&mut *db).await?.rows_affected();
    let (seen, counts) = purge_uses(db, user).await?;
    Ok([
        ("vault.secret", secrets),
        ("log.claim", claims),
        ("work.effect", effects),
        ("work.zerodb_row", rows),
        ("work.zerodb_table", tables + clear),
        ("work.idempotency", answers),
        ("work.snapshot", snapshots),
        ("work.session_use", seen),
        ("work.api_key_use", counts),
    ]
    .map(|(place, rows)| (place, i64::try_from(rows).unwrap_or(i64::MAX))))
}

/// When the person's sessions and keys were last used.
async fn purge_uses(db: &mut PgConnection, user: Uuid) -> sqlx::Result<(u64, u64)> {
    let seen = sqlx::query!("delete from work.session_use where user_id = $1", user);
    let seen = seen.execute(&mut *db).await?.rows_affected();
    let counts = sqlx::query!("delete from work.api_key_use where owner_id = $1", user);
    let counts = counts.execute(&mut *db).await?.rows_affected();
    Ok((seen, counts))
}
