//! The keys of months: made before the month begins, gone when it is withheld.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use chrono::{Datelike, NaiveDate};
use domain::Retention;
use sqlx::PgPool;

use crate::{MasterKey, ServiceKey};

/// What the names of these keys begin with in `vault.service_key`.
pub(crate) const PREFIX: &str = "month ";
/// How long what is known of them is believed.
const FRESH: Duration = Duration::from_mins(1);

/// A kind of technical data in a month; a month whose key was destroyed before it was over goes on
/// under the next number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Period {
    pub kind: Retention,
    /// Its first day.
    pub month: NaiveDate,
    pub number: u32,
}

/// As it stands in stored data: `f2611`, or `f2611-1` after the key was destroyed once.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.month.year() - 2000, self.month.month());
        write!(f, "{}{year:02}{month:02}", self.kind.letter())?;
        if self.number > 0 { write!(f, "-{}", self.number) } else { Ok(()) }
    }
}

impl FromStr for Period {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (month, number) = text.split_once('-').unwrap_or((text, "0"));
        let letter = month.chars().next();
        let kind = Retention::ALL.into_iter().find(|kind| Some(kind.letter()) == letter);
        let (Some(kind), Some(year), Some(of_year)) = (kind, month.get(1..3), month.get(3..))
        else {
            bail!("{text:?} is no month of technical data");
        };
        let month = NaiveDate::from_ymd_opt(2000 + year.parse::<i32>()?, of_year.parse()?, 1);
        Ok(Self { kind, month: month.context("no such month")?, number: number.parse()? })
    }
}

/// The keys of months that this process knows.
#[derive(Clone)]
pub(crate) struct Periods {
    pool: PgPool,
    master: MasterKey,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    read_at: Option<Instant>,
    keys: HashMap<Period, ServiceKey>,
    /// The one to write with.
    current: HashMap<Retention, Period>,
}

impl Periods {
    pub(crate) fn new(pool: PgPool, master: MasterKey) -> Self {
        Self { pool, master, known: Arc::default() }
    }

    /// The key to write with.
    pub(crate) fn current(&self, kind: Retention) -> Option<(Period, ServiceKey)> {
        let known = self.lock();
        let period = *known.current.get(&kind)?;
        Some((period, known.keys.get(&period)?.clone()))
    }

    /// The key to read with; none once it was destroyed.
    pub(crate) fn key(&self, period: Period) -> Option<ServiceKey> {
        self.lock().keys.get(&period).cloned()
    }

    /// Asks the database, unless it was asked a moment ago.
    pub(crate) async fn stay_fresh(&self) -> anyhow::Result<()> {
        let is_fresh = self.lock().read_at.is_some_and(|read_at| read_at.elapsed() < FRESH);
        if is_fresh { Ok(()) } else { self.refresh().await }
    }

    /// Reads all keys, and makes those of this month and of the next: whoever reads has known a key
    /// for long before anything is written with it.
    pub(crate) async fn refresh(&self) -> anyhow::Result<()> {
        let read_at = Instant::now();
        let (current, wanted) = self.wanted().await?;
        let mut keys = self.read().await?;
        for period in wanted {
            if let Entry::Vacant(place) = keys.entry(period) {
                let name = format!("{PREFIX}{period}");
                place.insert(ServiceKey::load(&self.pool, &self.master, &name).await?);
            }
        }
        *self.lock() = Known { read_at: Some(read_at), keys, current };
        Ok(())
    }

    /// The periods of now, and all that there must be keys of.
    async fn wanted(&self) -> anyhow::Result<(HashMap<Retention, Period>, Vec<Period>)> {
        let now = sqlx::query!(
            r#"select (date_trunc('month', clock_timestamp() at time zone 'utc'))::date as "this!",
                (date_trunc('month', clock_timestamp() at time zone 'utc') + interval '1 month')::date
                    as "next!",
                array(select period from log.withheld) as "withheld!""#
        )
        .fetch_one(&self.pool)
        .await
        .context("asking for the month")?;
        let withheld: Vec<Period> =
            now.withheld.iter().map(|period| period.parse()).collect::<Result<_, _>>()?;
        let mut current = HashMap::new();
        let mut wanted = Vec::new();
        for kind in Retention::ALL {
            for month in [now.this, now.next] {
                let gone =
                    withheld.iter().filter(|it| it.kind == kind && it.month == month).count();
                let period = Period { kind, month, number: u32::try_from(gone)? };
                wanted.push(period);
                current.entry(kind).or_insert(period);
            }
        }
        Ok((current, wanted))
    }

    async fn read(&self) -> anyhow::Result<HashMap<Period, ServiceKey>> {
        let names = sqlx::query_scalar!(
            "select name from vault.service_key where name like $1 || '%'",
            PREFIX,
        )
        .fetch_all(&self.pool)
        .await?;
        let mut keys = HashMap::with_capacity(names.len());
        for name in names {
            let period = name.trim_start_matches(PREFIX).parse()?;
            let known = self.lock().keys.get(&period).cloned();
            let key = match known {
                Some(key) => Some(key),
                None => ServiceKey::find(&self.pool, &self.master, &name).await?,
            };
            keys.extend(key.map(|key| (period, key)));
        }
        Ok(keys)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Period;

    #[test]
    fn a_period_reads_as_it_was_written() {
        for text in ["a2611", "f2701", "s2612-3"] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.to_string(), text);
        }
        for wrong in ["", "x2611", "a2613", "a26", "a2611-x", "é2611"] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong}");
        }
    }
}
