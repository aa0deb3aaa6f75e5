//! Ending what goes on for a caller whose credential is not good any more: all are looked at together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{ClaimScope, Kind, Rejection, api_key::ApiKey};
use tokio::{sync::oneshot, time::timeout};
use uuid::Uuid;

use crate::{Caller, Commands, Credential, Error, idempotency::new_id};

/// How often claims are looked at: what was revoked ends within a second.
const PAUSE: Duration = Duration::from_millis(500);
/// Longer than anything goes on.
const FOREVER: Duration = Duration::from_hours(24 * 365);
/// What may go on for one person at a time, in one process.
const MOST: usize = 32;

/// Why what goes on for a caller has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The caller's credential is not good any more.
    Revoked,
    /// Nobody can tell at present whether it still is.
    Unknown,
}

/// Callers for whom something goes on, by the id of what goes on.
#[derive(Default)]
pub(crate) struct Watch(Mutex<HashMap<Uuid, Watched>>);

struct Watched {
    user: Uuid,
    claims: Vec<(ClaimScope, Vec<u8>)>,
    /// Is told when the claims are not held any more, or nobody can tell.
    end: oneshot::Sender<Ending>,
}

impl Commands {
    /// Begins to look after a caller's credential; what is answered completes once it is not good
    /// any more, or nobody can tell, or this process ends. Refused where too much goes on already.
    pub async fn watch(
        &self,
        caller: &Caller,
    ) -> Result<impl Future<Output = Ending> + use<>, Error> {
        let user = (ClaimScope::ActiveUser, caller.user.as_bytes().to_vec());
        let (credential, rest) = match &caller.credential {
            Credential::Session(id) => ((ClaimScope::LiveSession, id.as_bytes().to_vec()), FOREVER),
            Credential::ApiKey { id, prefix, .. } => {
                let ApiKey::Active(key) = self.load::<ApiKey>(*id).await?.state else {
                    return Err(Error::unauthenticated());
                };
                let until = key.good_until(prefix).ok_or_else(Error::unauthenticated)?;
                let rest = (until - self.0.clock.now()).to_std().unwrap_or_default();
                ((ClaimScope::ApiKey, prefix.clone().into_bytes()), rest.min(FOREVER))
            }
        };
        let (end, ended) = oneshot::channel();
        self.0.watch.add(Watched { user: caller.user, claims: vec![user, credential], end })?;
        Ok(async move {
            match timeout(rest, ended).await {
                Ok(told) => told.unwrap_or(Ending::Unknown),
                Err(_) => Ending::Revoked,
            }
        })
    }

    /// Looks at the claims of all, again and again.
    pub(crate) fn keep_watch(&self) {
        let commands = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(PAUSE).await;
                let Some(commands) = commands.upgrade() else { return };
                Self(commands).look().await;
            }
        });
    }

    async fn look(&self) {
        let watched = self.0.watch.claims();
        metrics::gauge!("annals_watched_streams").set(self.0.watch.count());
        if watched.is_empty() {
            return;
        }
        let claims: Vec<(ClaimScope, &[u8])> =
            watched.iter().map(|(_, scope, key)| (*scope, key.as_slice())).collect();
        let (ended, ending): (Vec<Uuid>, _) = match self.0.log.held_among(&claims).await {
            Ok(held) => {
                let lost = watched.iter().zip(held).filter(|(_, is_held)| !is_held);
                (lost.map(|((id, ..), _)| *id).collect(), Ending::Revoked)
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "cannot tell who may listen: nobody");
                (watched.iter().map(|(id, ..)| *id).collect(), Ending::Unknown)
            }
        };
        self.0.watch.end(&ended, ending);
    }
}

impl Watch {
    fn add(&self, watched: Watched) -> Result<(), Rejection> {
        let mut all = self.lock();
        let its = all.values().filter(|it| it.user == watched.user && !it.end.is_closed());
        if its.count() >= MOST {
            let detail = format!("{MOST} streams are open already; close one");
            return Err(Rejection::new(Kind::Limited, "too_many_streams", detail));
        }
        all.insert(new_id(), watched);
        Ok(())
    }

    fn end(&self, ids: &[Uuid], ending: Ending) {
        let mut all = self.lock();
        for watched in ids.iter().filter_map(|id| all.remove(id)) {
            // Whoever does not listen any more has ended already.
            let _ = watched.end.send(ending);
        }
    }

    /// Gauges are floats, exact up to 2^32.
    fn count(&self) -> f64 {
        u32::try_from(self.lock().len()).map_or(f64::INFINITY, f64::from)
    }

    /// What must be held for each, without those that have ended by themselves.
    fn claims(&self) -> Vec<(Uuid, ClaimScope, Vec<u8>)> {
        let mut all = self.lock();
        all.retain(|_, watched| !watched.end.is_closed());
        let each = all.iter().flat_map(|(id, watched)| {
            watched.claims.iter().map(|(scope, key)| (*id, *scope, key.clone()))
        });
        each.collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
