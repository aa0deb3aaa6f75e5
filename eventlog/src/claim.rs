//! Who holds what only one stream may hold, and what streams keep beside their events.

use domain::ClaimScope;
use uuid::Uuid;

use crate::EventLog;

impl EventLog {
    /// The stream that holds a key, if any does. Never behind: claims are settled with the events.
    pub async fn holder(&self, scope: ClaimScope, key: &[u8]) -> anyhow::Result<Option<Uuid>> {
        let key = self.claim_key(scope, key);
        Ok(sqlx::query_scalar!(
            "select stream_id from log.claim where scope = $1 and key = $2",
            scope as i16,
            &key[..],
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// All streams that hold a key of a scope.
    pub async fn holders(&self, scope: ClaimScope) -> anyhow::Result<Vec<Uuid>> {
        Ok(sqlx::query_scalar!(
            "select stream_id from log.claim where scope = $1 order by stream_id",
            scope as i16,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Which of the keys are held, in their order and in one round trip.
    pub async fn held_among(&self, claims: &[(ClaimScope, &[u8])]) -> anyhow::Result<Vec<bool>> {
        let scopes: Vec<i16> = claims.iter().map(|(scope, _)| *scope as i16).collect();
        let keys: Vec<Vec<u8>> =
            claims.iter().map(|(scope, key)| self.claim_key(*scope, key).to_vec()).collect();
        let held = sqlx::query_scalar!(
            r#"select exists (select from log.claim q where q.scope = k.scope and q.key = k.key)
                as "held!"
            from unnest($1::smallint[], $2::bytea[]) with ordinality k(scope, key, place)
            order by k.place"#,
            &scopes,
            &keys,
        );
        Ok(held.fetch_all(&self.pool).await?)
    }

    /// Whether all of the keys are held, in one round trip.
    pub async fn are_held(&self, claims: &[(ClaimScope, &[u8])]) -> anyhow::Result<bool> {
        let scopes: Vec<i16> = claims.iter().map(|(scope, _)| *scope as i16).collect();
        let keys: Vec<Vec<u8>> =
            claims.iter().map(|(scope, key)| self.claim_key(*scope, key).to_vec()).collect();
        let held = sqlx::query_scalar!(
            r#"select count(*) as "held!" from unnest($1::smallint[], $2::bytea[]) k(scope, key)
            join log.claim q on q.scope = k.scope and q.key = k.key"#,
            &scopes,
            &keys,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(usize::try_from(held).is_ok_and(|held| held == claims.len()))
    }

    /// What a stream keeps under a name beside its events.
    pub async fn secret(&self, owner: Uuid, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(sqlx::query_scalar!(
            "select value from vault.secret where owner_id = $1 and name = $2",
            owner,
            name,
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    pub(crate) fn claim_key(&self, scope: ClaimScope, key: &[u8]) -> [u8; 32] {
        self.claims.mac(&[scope.name().as_bytes(), key])
    }
}
