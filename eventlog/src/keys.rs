//! The keys of people's data: made at the first event about a person, cached, destroyed with them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use aws_lc_rs::aead::LessSafeKey;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use domain::{Retention, Seal};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    ServiceKey,
    master::{self, MasterKey},
    retention::{Period, Periods},
};

/// How long a key is believed to exist without asking again.
const FRESH: Duration = Duration::from_mins(1);
/// Stands between a month and what was sealed with its key; base64 has none.
const MARK: char = '.';
/// How many keys are kept at most.
const CAPACITY: usize = 100_000;

/// The keys of people's data.
#[derive(Clone)]
pub struct KeyRing {
    pool: PgPool,
    master: MasterKey,
    cache: Arc<Mutex<Cache>>,
    periods: Periods,
}

/// Keys, and when each was read.
type Cache = HashMap<Uuid, (Instant, Arc<SubjectKey>)>;

/// One person's key; nothing inside once it was destroyed, or for events about nobody.
pub(crate) struct SubjectKey(Option<Inside>);

#[derive(Clone)]
struct Inside {
    key: ServiceKey,
    aead: Arc<LessSafeKey>,
    periods: Periods,
    /// Whose month's key is needed as well.
    period: Option<Period>,
}

impl Seal for SubjectKey {
    fn seal(&self, clear: &[u8], context: &[u8]) -> Result<String, String> {
        let Some(inside) = &self.0 else { return Err("the key of this person is gone".into()) };
        let sealed =
            master::seal(&inside.aead, clear, context).map_err(|error| error.to_string())?;
        let mut text = match &inside.period {
            Some(period) => format!("{period}{MARK}"),
            None => String::new(),
        };
        STANDARD_NO_PAD.encode_string(sealed, &mut text);
        Ok(text)
    }

    fn open(&self, sealed: &str, context: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let Some(inside) = &self.0 else { return Ok(None) };
        let (aead, sealed) = match sealed.split_once(MARK) {
            None => (Arc::clone(&inside.aead), sealed),
            Some((period, sealed)) => {
                let period = period.parse().map_err(|error| format!("{error:#}"))?;
                let Some(month) = inside.periods.key(period) else { return Ok(None) };
                (inside.with(&month).map_err(|error| format!("{error:#}"))?, sealed)
            }
        };
        let sealed = STANDARD_NO_PAD.decode(sealed).map_err(|error| error.to_string())?;
        master::open(&aead, &sealed, context).map(Some).map_err(|error| error.to_string())
    }
}

impl Inside {
    /// What is sealed with this opens for nobody without both keys.
    fn with(&self, month: &ServiceKey) -> anyhow::Result<Arc<LessSafeKey>> {
        Ok(Arc::new(master::aead(&self.key.mac(&[b"month", month.bytes()]))?))
    }
}

impl KeyRing {
    pub(crate) fn new(pool: PgPool, master: MasterKey) -> Self {
        let periods = Periods::new(pool.clone(), master.clone());
        Self { pool, master, cache: Arc::default(), periods }
    }

    /// The keys of months.
    pub(crate) fn periods(&self) -> &Periods {
        &self.periods
    }

    /// The key to write with; made where there is none yet.
    ///
    /// The row is durable before anything is sealed with it: a batch that is sent again after the
    /// database crashed would otherwise be written without its key.
    pub(crate) async fn for_writing(&self, subject: Uuid) -> anyhow::Result<Arc<SubjectKey>> {
        self.periods.stay_fresh().await?;
        if let Some(key) = self.cached(subject) {
            return Ok(key);
        }
        let fresh = master::random()?;
        let wrapped = self.master.wrap(&fresh, subject.as_bytes())?;
        let stored = sqlx::query_scalar!(
            r#"insert into vault.subject_key as k (subject_id, wrapped_key) values ($1, $2)
            on conflict (subject_id) do update set subject_id = k.subject_id returning wrapped_key"#,
            subject,
            wrapped,
        )
        .fetch_one(&self.pool)
        .await?;
        self.keep(subject, stored.as_deref())
    }

    /// The keys to read with; people without one read as erased.
    pub(crate) async fn for_reading(
        &self,
        subjects: impl Iterator<Item = Uuid>,
    ) -> anyhow::Result<HashMap<Uuid, Arc<SubjectKey>>> {
        self.periods.stay_fresh().await?;
        let subjects: HashSet<Uuid> = subjects.collect();
        let mut found = HashMap::with_capacity(subjects.len());
        let mut unknown = Vec::new();
        for subject in subjects {
            match self.cached(subject) {
                Some(key) => drop(found.insert(subject, key)),
                None => unknown.push(subject),
            }
        }
        if !unknown.is_empty() {
            let rows = sqlx::query!(
                "select subject_id, wrapped_key from vault.subject_key where subject_id = any($1)",
                &unknown,
            )
            .fetch_all(&self.pool)
            .await?;
            for row in rows {
                let key = self.keep(row.subject_id, row.wrapped_key.as_deref())?;
                found.insert(row.subject_id, key);
            }
        }
        Ok(found)
    }

    fn cached(&self, subject: Uuid) -> Option<Arc<SubjectKey>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, key) = cache.get(&subject)?;
        (read_at.elapsed() < FRESH).then(|| Arc::clone(key))
    }

    fn keep(&self, subject: Uuid, wrapped: Option<&[u8]>) -> anyhow::Result<Arc<SubjectKey>> {
        let key = match wrapped {
            Some(wrapped) => {
                let key = self.master.unwrap(wrapped, subject.as_bytes())?;
                Some(Inside {
                    key: ServiceKey::from_bytes(key),
                    aead: Arc::new(master::aead(&key)?),
                    periods: self.periods.clone(),
                    period: None,
                })
            }
            None => None,
        };
        let key = Arc::new(SubjectKey(key));
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CAPACITY {
            cache.retain(|_, (read_at, _)| read_at.elapsed() < FRESH);
        }
        if cache.len() >= CAPACITY {
            cache.clear();
        }
        cache.insert(subject, (Instant::now(), Arc::clone(&key)));
        Ok(key)
    }
}

impl SubjectKey {
    /// Opens nothing: for events about nobody in particular, and for people without a key.
    pub(crate) fn none() -> Arc<Self> {
        Arc::new(Self(None))
    }

    /// The key for technical data, which is good for this month only.
    pub(crate) fn for_kind(&self, kind: Retention) -> anyhow::Result<Arc<Self>> {
        let Some(inside) = &self.0 else { return Ok(Self::none()) };
        let (period, month) = inside.periods.current(kind).context("the log has no month's key")?;
        let aead = inside.with(&month)?;
        Ok(Arc::new(Self(Some(Inside { aead, period: Some(period), ..inside.clone() }))))
    }
}
