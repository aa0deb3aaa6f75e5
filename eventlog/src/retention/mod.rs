//! Technical data that is kept for a while: what is due, and destroying the keys of its months.

mod periods;

use anyhow::Context;
use chrono::{DateTime, Months, NaiveDate, NaiveTime, Utc};
use domain::Retention;
use serde::Serialize;

use crate::EventLog;

pub(crate) use periods::{PREFIX, Period, Periods};

/// A kind of technical data in one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptPeriod {
    /// The kind, as operators call it.
    pub kind: &'static str,
    /// The first day of the month.
    pub month: NaiveDate,
    /// When its key was destroyed.
    pub withheld_at: Option<DateTime<Utc>>,
    /// How it is called in stored data.
    pub period: String,
}

impl KeptPeriod {
    /// Whether the month was over at a moment.
    #[must_use]
    pub fn ended_before(&self, moment: DateTime<Utc>) -> bool {
        let end = self.month.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX);
        end.and_time(NaiveTime::MIN).and_utc() <= moment
    }
}

impl EventLog {
    /// The months in which something of each kind was or may have been written, in order.
    pub async fn kept_periods(&self) -> anyhow::Result<Vec<KeptPeriod>> {
        let rows = sqlx::query!(
            r#"select substr(name, length($1) + 1) as "period!", null::timestamptz as withheld_at
            from vault.service_key where name like $1 || '%'
            union all
            select period, withheld_at from log.withheld
            order by 1"#,
            PREFIX,
        )
        .fetch_all(&self.pool)
        .await
        .context("reading the keys of months")?;
        rows.into_iter()
            .map(|row| {
                let period: Period = row.period.parse()?;
                let (kind, month) = (period.kind.name(), period.month);
                Ok(KeptPeriod { kind, month, withheld_at: row.withheld_at, period: row.period })
            })
            .collect()
    }

    /// Destroys the keys of all months of a kind that ended before a moment, for good; answers the
    /// months. Every process stops reading what they sealed within a minute, this one at once.
    pub async fn withhold(
        &self,
        kind: Retention,
        before: DateTime<Utc>,
    ) -> anyhow::Result<Vec<NaiveDate>> {
        let mut withheld = Vec::new();
        for kept in self.kept_periods().await? {
            let is_readable = kept.kind == kind.name() && kept.withheld_at.is_none();
            if is_readable && kept.ended_before(before) {
                self.destroy(&kept.period).await?;
                withheld.push(kept.month);
            }
        }
        self.keys.periods().refresh().await?;
        Ok(withheld)
    }

    async fn destroy(&self, period: &str) -> anyhow::Result<()> {
        let mut transaction = self.pool.begin().await?;
        let name = format!("{PREFIX}{period}");
        sqlx::query!("delete from vault.service_key where name = $1", name)
            .execute(&mut *transaction)
            .await?;
        sqlx::query!(
            "insert into log.withheld (period, withheld_at, is_forgotten)
            values ($1, clock_timestamp(), false) on conflict do nothing",
            period,
        )
        .execute(&mut *transaction)
        .await?;
        // Nobody could read them any more.
        sqlx::query!("delete from work.snapshot where $1 = any(periods)", period)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        tracing::info!(period, "the key of a month of technical data was destroyed");
        metrics::counter!("annals_withheld_months_total").increment(1);
        Ok(())
    }

    /// Whether read models may still show what was withheld.
    pub async fn is_withheld_shown(&self) -> anyhow::Result<bool> {
        let is_shown = sqlx::query_scalar!(
            r#"select exists (select from log.withheld where not is_forgotten) as "is_shown!""#
        );
        Ok(is_shown.fetch_one(&self.pool).await?)
    }

    /// Says that no read model shows any more what was withheld up to now.
    pub async fn withheld_is_forgotten(&self) -> anyhow::Result<()> {
        sqlx::query!("update log.withheld set is_forgotten = true where not is_forgotten")
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
