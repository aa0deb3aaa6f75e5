//! Who holds what only one stream may hold, and what streams keep beside their events.

use domain::ClaimScope;
use uuid::Uuid;

use crate::{EventLog, Position};

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
        Ok(self.held_among(claims).await?.into_iter().all(|is_held| is_held))
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

    /// Puts another form in the place of what a stream keeps, unless it keeps something else by now.
    pub async fn rewrite_secret(
        &self,
        owner: Uuid,
        name: &str,
        (old, new): (&[u8], &[u8]),
    ) -> anyhow::Result<()> {
        sqlx::query!(
            "update vault.secret set value = $4 where owner_id = $1 and name = $2 and value = $3",
            owner,
            name,
            old,
            new,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The streams that began before a position and keep somebody's id under a name.
    pub async fn keepers(
        &self,
        name: &str,
        person: Uuid,
        before: Position,
    ) -> anyhow::Result<Vec<Uuid>> {
        // Spelt out, so that the index of just these names is used.
        Ok(sqlx::query_scalar!(
            "select s.owner_id from vault.secret s join log.stream t on t.stream_id = s.owner_id
            where s.name in ('session_of', 'api_key_of', 'device') and s.name = $1
                and s.value = $2 and t.first_position < $3 order by s.owner_id",
            name,
            &person.as_bytes()[..],
            before,
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Whether any stream keeps the value, and whether any keeps one that begins like it: with the
    /// first `prefix` bytes, and is not longer.
    pub async fn is_kept(
        &self,
        name: &str,
        value: &[u8],
        prefix: usize,
    ) -> anyhow::Result<(bool, bool)> {
        let like = |filler: u8| {
            let mut bound = value.to_vec();
            bound.iter_mut().skip(prefix).for_each(|byte| *byte = filler);
            bound
        };
        let kept = sqlx::query!(
            r#"select
                exists (select from vault.secret where name = $1 and value = $2
                    and name in ('session_of', 'api_key_of', 'device')) as "is_kept!",
                exists (select from vault.secret where name = $1 and value between $3 and $4
                    and name in ('session_of', 'api_key_of', 'device')) as "is_alike!""#,
            name,
            value,
            like(u8::MIN),
            like(u8::MAX),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((kept.is_kept, kept.is_alike))
    }

    pub(crate) fn claim_key(&self, scope: ClaimScope, key: &[u8]) -> [u8; 32] {
        self.claims.mac(&[scope.name().as_bytes(), key])
    }
}
