//! Ending what goes on for a caller whose credential is not good any more: all are looked at together.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{ClaimScope, api_key::ApiKey};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{Caller, Commands, Credential, Error, idempotency::new_id};

/// How often claims are looked at: what was revoked ends within a second.
const PAUSE: Duration = Duration::from_millis(500);

/// Callers for whom something goes on, by the id of what goes on.
#[derive(Default)]
pub(crate) struct Watch(Mutex<HashMap<Uuid, Watched>>);

struct Watched {
    claims: Vec<(ClaimScope, Vec<u8>)>,
    /// Closes when the claims are not held any more.
    end: oneshot::Sender<()>,
}

impl Commands {
    /// Begins to look after a caller's credential; what is answered completes once it is not good
    /// any more, or nobody can tell, or this process ends.
    pub async fn watch(&self, caller: &Caller) -> Result<impl Future<Output = ()> + use<>, Error> {
        let user = (ClaimScope::ActiveUser, caller.user.as_bytes().to_vec());
        let credential = match &caller.credential {
            Credential::Session(id) => (ClaimScope::LiveSession, id.as_bytes().to_vec()),
            Credential::ApiKey { id, .. } => match self.load::<ApiKey>(*id).await?.state {
                ApiKey::Active(key) => (ClaimScope::ApiKey, key.prefix.into_bytes()),
                ApiKey::Absent | ApiKey::Revoked { .. } => return Err(Error::unauthenticated()),
            },
        };
        let (end, ended) = oneshot::channel();
        let watched = Watched { claims: vec![user, credential], end };
        self.0.watch.lock().insert(new_id(), watched);
        Ok(async move {
            let _ = ended.await;
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
        if watched.is_empty() {
            return;
        }
        let claims: Vec<(ClaimScope, &[u8])> =
            watched.iter().map(|(_, scope, key)| (*scope, key.as_slice())).collect();
        let ended: Vec<Uuid> = match self.0.log.held_among(&claims).await {
            Ok(held) => {
                let is_lost = watched.iter().zip(held).filter(|(_, is_held)| !is_held);
                is_lost.map(|((id, ..), _)| *id).collect()
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "cannot tell who may listen: nobody");
                watched.iter().map(|(id, ..)| *id).collect()
            }
        };
        let mut all = self.0.watch.lock();
        for id in ended {
            all.remove(&id);
        }
    }
}

impl Watch {
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
