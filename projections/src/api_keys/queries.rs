//! Which keys there are, and how much each was used.

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{Page, Queries};

/// A key with which a program acts for its owner.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApiKeyView {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Uuid,
    /// What its owner calls it; empty once the owner was erased.
    pub name: String,
    /// The part that may be shown.
    pub prefix: String,
    /// What it may be used for; empty means all that its owner may do, credentials excepted.
    pub scopes: Vec<String>,
    /// `active`, `inactive`, `expired` or `revoked`.
    pub status: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops being good.
    pub expires_at: DateTime<Utc>,
    /// Until when the secret before is good as well.
    pub previous_until: Option<DateTime<Utc>>,
    /// How many requests an administrator allows it ..
    pub limit_requests: Option<i64>,
    /// .. in so many seconds.
    pub limit_seconds: Option<i64>,
    /// When it was last used; late by a few seconds.
    pub last_used_at: Option<DateTime<Utc>>,
    /// How often it was used, likewise.
    pub usage_count: i64,
}

/// Which keys are meant.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Whose.
    pub owner: Option<Uuid>,
    /// Only those that are good, or only those that are not.
    pub is_active: Option<bool>,
    /// Part of what it is called, in any case.
    pub search: Option<String>,
}

/// How often a key was used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyUse {
    /// Ever.
    pub total: i64,
    /// On the last of the days.
    pub today: i64,
    /// When, the last time.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Day by day, those without use as well, the earliest first.
    pub days: Vec<KeyDay>,
}

/// How often a key was used on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyDay {
    /// The day, in UTC.
    pub date: NaiveDate,
    /// How often.
    pub requests: i64,
}

impl Queries {
    /// Keys, revoked ones too, the newest first.
    pub async fn api_keys(
        &self,
        filter: &KeyFilter,
        (skip, limit): (u32, u32),
    ) -> anyhow::Result<Page<ApiKeyView>> {
        let KeyFilter { owner, is_active, search } = filter;
        let search = search.as_deref().map(str::to_lowercase);
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!" from api_key_view
            where ($1::uuid is null or owner_id = $1)
                and ($2::boolean is null or (is_active and expires_at > clock_timestamp()) = $2)
                and ($3::text is null or strpos(lower(name), $3) > 0)"#,
            *owner,
            *is_active,
            search,
        )
        .fetch_one(self.pool())
        .await?;
        let items = sqlx::query_as!(
            ApiKeyView,
            r#"select key_id as id, owner_id as owner, name, prefix, scopes,
                case when is_revoked then 'revoked' when not is_active then 'inactive'
                    when expires_at <= clock_timestamp() then 'expired' else 'active' end as "status!",
                created_at, expires_at,
                case when previous_until > clock_timestamp() then previous_until end as previous_until,
                limit_requests, limit_seconds, u.last_used_at,
                coalesce(u.requests, 0)::bigint as "usage_count!"
            from api_key_view v
            left join lateral (select max(last_used_at) as last_used_at, sum(requests) as requests
                from work.api_key_use where key_id = v.key_id) u on true
            where ($1::uuid is null or owner_id = $1)
                and ($2::boolean is null or (is_active and expires_at > clock_timestamp()) = $2)
                and ($3::text is null or strpos(lower(name), $3) > 0)
            order by created_at desc, key_id offset $4 limit $5"#,
            *owner,
            *is_active,
            search,
            i64::from(skip),
            i64::from(limit),
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page { items, total })
    }

    /// A key, unless it is somebody else's than the one who is named.
    pub async fn api_key(
        &self,
        id: Uuid,
        owner: Option<Uuid>,
    ) -> anyhow::Result<Option<ApiKeyView>> {
        let key = sqlx::query_as!(
            ApiKeyView,
            r#"select key_id as id, owner_id as owner, name, prefix, scopes,
                case when is_revoked then 'revoked' when not is_active then 'inactive'
                    when expires_at <= clock_timestamp() then 'expired' else 'active' end as "status!",
                created_at, expires_at,
                case when previous_until > clock_timestamp() then previous_until end as previous_until,
                limit_requests, limit_seconds, u.last_used_at,
                coalesce(u.requests, 0)::bigint as "usage_count!"
            from api_key_view v
            left join lateral (select max(last_used_at) as last_used_at, sum(requests) as requests
                from work.api_key_use where key_id = v.key_id) u on true
            where key_id = $1 and ($2::uuid is null or owner_id = $2)"#,
            id,
            owner,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(key)
    }

    /// How often a key was used, and on each of so many days until `today`.
    pub async fn api_key_use(
        &self,
        id: Uuid,
        today: NaiveDate,
        days: u32,
    ) -> anyhow::Result<KeyUse> {
        let counted = sqlx::query!(
            "select day, requests, last_used_at from work.api_key_use where key_id = $1",
            id,
        )
        .fetch_all(self.pool())
        .await?;
        let on = |date| counted.iter().find(|row| row.day == date).map_or(0, |row| row.requests);
        let first =
            today.checked_sub_days(Days::new(days.saturating_sub(1).into())).unwrap_or(today);
        let days = first.iter_days().take_while(|date| *date <= today);
        Ok(KeyUse {
            total: counted.iter().map(|row| row.requests).sum(),
            today: on(today),
            last_used_at: counted.iter().map(|row| row.last_used_at).max(),
            days: days.map(|date| KeyDay { date, requests: on(date) }).collect(),
        })
    }
}
