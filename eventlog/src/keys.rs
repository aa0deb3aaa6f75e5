//! The keys of people's data: made at the first event about a person, cached, destroyed with them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use aws_lc_rs::aead::LessSafeKey;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use domain::{Retention, Seal};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    ServiceKey, crypto,
    master::MasterKey,
    retention::{Period, Periods},
};

/// How long a key is believed to exist without asking again, when nobody says that it is gone.
const FRESH: Duration = Duration::from_mins(1);
/// Stands between a month and what was sealed with its key; base64 has none.
const MARK: char = '.';
/// How many keys are kept at most.
const CAPACITY: usize = 20_000;

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
        let Some(inside) = &self.0 else { return Err(Gone.to_string()) };
        let sealed = self.seal_bytes(clear, context).map_err(|error| error.to_string())?;
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
        crypto::open(&aead, &sealed, context).map(Some).map_err(|error| error.to_string())
    }
}

/// The month whose key something was sealed with, besides that of its person.
pub(crate) fn month_of(sealed: &str) -> Option<Period> {
    sealed.split_once(MARK)?.0.parse().ok()
}

impl Inside {
    /// What is sealed with this opens for nobody without both keys.
    fn with(&self, month: &ServiceKey) -> anyhow::Result<Arc<LessSafeKey>> {
        Ok(Arc::new(crypto::aead(&self.key.mac(&[b"month", month.bytes()]))?))
    }
}

/// The person was erased: nothing more can be written about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of this person is gone")]
pub struct Gone;

impl SubjectKey {
    /// Opens nothing: for events about nobody in particular, and for people without a key.
    pub(crate) fn none() -> Arc<Self> {
        Arc::new(Self(None))
    }

    fn new(bytes: [u8; 32], periods: Periods) -> anyhow::Result<Self> {
        let (key, aead) = (ServiceKey::from_bytes(bytes), Arc::new(crypto::aead(&bytes)?));
        Ok(Self(Some(Inside { key, aead, periods, period: None })))
    }

    /// Whether there is no key.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_none()
    }

    /// The key for technical data, which is good for this month only.
    pub(crate) fn for_kind(&self, kind: Retention) -> anyhow::Result<Arc<Self>> {
        let Some(inside) = &self.0 else { return Ok(Self::none()) };
        let (period, month) = inside.periods.current(kind).context("the log has no month's key")?;
        let aead = inside.with(&month)?;
        Ok(Arc::new(Self(Some(Inside { aead, period: Some(period), ..inside.clone() }))))
    }

    pub(crate) fn seal_bytes(&self, clear: &[u8], context: &[u8]) -> anyhow::Result<Vec<u8>> {
        let Some(inside) = &self.0 else { return Err(Gone.into()) };
        crypto::seal(&inside.aead, clear, context)
    }

    pub(crate) fn open_bytes(
        &self,
        sealed: &[u8],
        context: &[u8],
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(inside) = &self.0 else { return Ok(None) };
        crypto::open(&inside.aead, sealed, context).map(Some)
    }

    /// What is sealed with this opens for nobody without the person's key and `other`.
    pub(crate) fn joined(&self, other: &ServiceKey) -> Option<ServiceKey> {
        let inside = self.0.as_ref()?;
        Some(ServiceKey::from_bytes(inside.key.mac(&[b"snapshot", other.bytes()])))
    }

    /// A digest that only this person's key can make.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let own = self.0.as_ref()?.key.mac(&[b"terms"]);
        Some(ServiceKey::from_bytes(own).mac(parts))
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

    /// The key to write with; made where there is none yet, and never again where it was destroyed.
    ///
    /// The row is durable before anything is sealed with it: a batch that is sent again after the
    /// database crashed would otherwise be written without its key.
    pub(crate) async fn for_writing(&self, subject: Uuid) -> anyhow::Result<Arc<SubjectKey>> {
        self.periods.stay_fresh().await?;
        if let Some(key) = self.cached(subject) {
            return Ok(key);
        }
        let fresh = crypto::random()?;
        let wrapped = self.master.wrap(&fresh, subject.as_bytes())?;
        let stored = sqlx::query_scalar!(
            r#"insert into vault.subject_key as k (subject_id, wrapped_key) values ($1, $2)
            on conflict (subject_id) do update set subject_id = k.subject_id returning wrapped_key"#,
            subject,
            wrapped,
        )
        .fetch_one(&self.pool)
        .await?;
        self.keep(subject, stored.as_deref()).await
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
                let key = self.keep(row.subject_id, row.wrapped_key.as_deref()).await?;
                found.insert(row.subject_id, key);
            }
        }
        Ok(found)
    }

    /// Takes note that a key was destroyed. Whoever read it before that must not bring it back.
    pub(crate) fn forget(&self, subject: Uuid) {
        self.lock().insert(subject, (Instant::now(), SubjectKey::none()));
    }

    pub(crate) fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Takes over to the master key that a rotation began to wrap with.
    pub(crate) async fn follow_master(&self) -> anyhow::Result<()> {
        self.master.follow(&self.pool).await
    }

    fn cached(&self, subject: Uuid) -> Option<Arc<SubjectKey>> {
        let cache = self.lock();
        let (read_at, key) = cache.get(&subject)?;
        (read_at.elapsed() < FRESH).then(|| Arc::clone(key))
    }

    async fn keep(&self, subject: Uuid, wrapped: Option<&[u8]>) -> anyhow::Result<Arc<SubjectKey>> {
        let key = match wrapped {
            Some(wrapped) => {
                let opened = self.master.unwrap_with(&self.pool, wrapped, subject.as_bytes());
                Arc::new(SubjectKey::new(opened.await?, self.periods.clone())?)
            }
            None => SubjectKey::none(),
        };
        let mut cache = self.lock();
        make_room(&mut cache);
        let kept = cache.entry(subject).or_insert_with(|| (Instant::now(), Arc::clone(&key)));
        // What was destroyed while this was on its way stays destroyed.
        if !kept.1.is_gone() {
            *kept = (Instant::now(), key);
        }
        Ok(Arc::clone(&kept.1))
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets go of what is old, and where that is not enough, of everything: it can be read again.
fn make_room(cache: &mut Cache) {
    if cache.len() >= CAPACITY {
        cache.retain(|_, (read_at, _)| read_at.elapsed() < FRESH);
    }
    if cache.len() >= CAPACITY {
        cache.clear();
    }
}
