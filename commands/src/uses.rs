//! When sessions and keys were last used, and how often keys: counted in this process and written down
//! every few seconds. No event is made of it, and no decision.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Caller, Commands, Credential};

/// How often what was counted is written down.
const PERIOD: Duration = Duration::from_secs(5);

/// What was counted and is not written down yet.
#[derive(Default)]
pub(crate) struct Uses(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    sessions: HashMap<Uuid, (Uuid, DateTime<Utc>)>,
    keys: HashMap<(Uuid, NaiveDate), KeyUse>,
}

#[derive(Clone, Copy)]
struct KeyUse {
    owner: Uuid,
    requests: i64,
    last_used_at: DateTime<Utc>,
}

impl Uses {
    /// Counts a request.
    pub(crate) fn count(&self, caller: &Caller, at: DateTime<Utc>) {
        let mut counts = self.lock();
        match caller.credential {
            Credential::Session(id) => drop(counts.sessions.insert(id, (caller.user, at))),
            Credential::ApiKey { id, .. } => {
                let key = KeyUse { owner: caller.user, requests: 1, last_used_at: at };
                counts.add(id, at.date_naive(), key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, id: Uuid, day: NaiveDate, more: KeyUse) {
        let so_far = self.keys.entry((id, day)).or_insert(KeyUse { requests: 0, ..more });
        so_far.requests += more.requests;
        so_far.last_used_at = so_far.last_used_at.max(more.last_used_at);
    }

    /// Puts back what could not be written down.
    fn restore(&mut self, unwritten: Self) {
        for (id, seen) in unwritten.sessions {
            self.sessions.entry(id).or_insert(seen);
        }
        for ((id, day), more) in unwritten.keys {
            self.add(id, day, more);
        }
    }

    /// Nothing is written about people whose key is gone.
    async fn write(&self, pool: &PgPool) -> sqlx::Result<()> {
        let mut transaction = pool.begin().await?;
        if !self.sessions.is_empty() {
            let ids: Vec<_> = self.sessions.keys().copied().collect();
            let (users, moments): (Vec<_>, Vec<_>) = self.sessions.values().copied().unzip();
            sqlx::query!(
                "insert into work.session_use as u (session_id, user_id, seen_at)
                select s.id, s.user_id, s.seen_at
                from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) s(id, user_id, seen_at)
                join vault.subject_key k on k.subject_id = s.user_id and k.wrapped_key is not null
                order by s.id
                on conflict (session_id) do update set seen_at = excluded.seen_at
                    where excluded.seen_at > u.seen_at",
                &ids,
                &users,
                &moments,
            )
            .execute(&mut *transaction)
            .await?;
        }
        if !self.keys.is_empty() {
            let (ids, days): (Vec<_>, Vec<_>) = self.keys.keys().copied().unzip();
            let owners: Vec<_> = self.keys.values().map(|it| it.owner).collect();
            let requests: Vec<_> = self.keys.values().map(|it| it.requests).collect();
            let moments: Vec<_> = self.keys.values().map(|it| it.last_used_at).collect();
            sqlx::query!(
                "insert into work.api_key_use as u (key_id, day, owner_id, requests, last_used_at)
                select c.id, c.day, c.owner_id, c.requests, c.last_used_at
                from unnest($1::uuid[], $2::date[], $3::uuid[], $4::bigint[], $5::timestamptz[])
                    c(id, day, owner_id, requests, last_used_at)
                join vault.subject_key k on k.subject_id = c.owner_id and k.wrapped_key is not null
                order by c.id, c.day
                on conflict (key_id, day) do update set requests = u.requests + excluded.requests,
                    last_used_at = greatest(u.last_used_at, excluded.last_used_at)",
                &ids,
                &days,
                &owners,
                &requests,
                &moments,
            )
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await
    }
}

impl Commands {
    /// Writes down what was counted, every few seconds and at the end.
    pub async fn keep_uses(self, shutdown: CancellationToken) {
        loop {
            let is_over = shutdown.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_none();
            if let Err(error) = self.write_uses().await {
                tracing::warn!(%error, "what was last used when could not be written down");
            }
            if is_over {
                return;
            }
        }
    }

    async fn write_uses(&self) -> sqlx::Result<()> {
        let counted = std::mem::take(&mut *self.0.uses.lock());
        let written = counted.write(self.0.log.pool()).await;
        if written.is_err() {
            self.0.uses.lock().restore(counted);
        }
        written
    }

    /// When a session was last used through this process, where that is not written down yet.
    #[must_use]
    pub fn last_use(&self, session: Uuid) -> Option<DateTime<Utc>> {
        self.0.uses.lock().sessions.get(&session).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::user::Role;

    use super::*;
    use crate::Origin;

    fn key() -> Credential {
        let (id, prefix) = (Uuid::from_u128(1), "ak_1".to_owned());
        Credential::ApiKey { id, prefix, scopes: vec![], limit: None }
    }

    fn caller(credential: Credential) -> Caller {
        Caller { user: Uuid::nil(), role: Role::User, credential, origin: Origin::default() }
    }

    #[test]
    fn requests_of_a_key_are_counted_by_day() {
        let uses = Uses::default();
        let key = caller(key());
        let noon = DateTime::UNIX_EPOCH + TimeDelta::hours(12);

        for hours in [0, 1, 13] {
            uses.count(&key, noon + TimeDelta::hours(hours));
        }

        let counts = uses.lock();
        let of = |day| counts.keys[&(Uuid::from_u128(1), day)].requests;
        let first = noon.date_naive();
        assert_eq!((of(first), of(first + TimeDelta::days(1))), (2, 1));
    }

    #[test]
    fn what_could_not_be_written_down_is_not_lost() {
        let uses = Uses::default();
        let key = caller(key());
        uses.count(&key, DateTime::UNIX_EPOCH);
        let unwritten = std::mem::take(&mut *uses.lock());
        uses.count(&key, DateTime::UNIX_EPOCH);

        uses.lock().restore(unwritten);

        let day = DateTime::UNIX_EPOCH.date_naive();
        assert_eq!(uses.lock().keys[&(Uuid::from_u128(1), day)].requests, 2);
    }
}
