//! Requests that may come again: done once, answered alike.
//!
//! A request with a key is written down before it is done. All ids it gives out follow from the seed
//! in its row, so that a try which comes after a crash finds in the receipts of the log what was done
//! already, does the rest, and gives the answer that the first try would have given.

mod answer;
mod seed;
mod store;

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

pub use answer::StoredAnswer;
pub use seed::Seed;
pub(crate) use seed::{
    command_id, is_resumed, issued_at, may_come_again, new_id, note_written, secret,
};
use store::{Taken, Wish};

use crate::{Caller, Commands, Credential, Error};

/// How often a try gives a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// How often a row that vanishes while it is looked at is looked at again.
const LOOKS: u32 = 5;

/// A request that may come again.
pub struct IdempotentRequest<'a> {
    /// Who asks; another person's key is another one.
    pub caller: Option<&'a Caller>,
    /// The route, which tells keys apart where nobody says who they are.
    pub route: &'a str,
    /// The key.
    pub key: &'a str,
    /// All that must be the same when it comes again.
    pub content: &'a [&'a [u8]],
}

/// What becomes of a request that may come again.
pub enum Reservation {
    /// Nobody has done it, or who did may not have come to its end: do it now.
    Granted(Granted),
    /// It was done: this is the answer.
    Answered(StoredAnswer),
    /// Somebody is doing it at this moment.
    Running(RequestScope),
    /// The key was used for another request.
    Reused,
}

/// What a key is unique in, with the key: a keyed hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestScope([u8; 32]);

/// The right to do a request that may come again.
pub struct Granted {
    /// What its ids follow from.
    pub seed: Arc<Seed>,
    scope: RequestScope,
    holder: Uuid,
    subject: Option<Uuid>,
}

impl Granted {
    /// What its key is unique in.
    #[must_use]
    pub fn scope(&self) -> RequestScope {
        self.scope
    }
}

impl Commands {
    /// Asks for the right to do a request that may come again.
    pub async fn reserve(&self, request: &IdempotentRequest<'_>) -> Result<Reservation, Error> {
        self.try_reserve(request).await.map_err(Error::Unavailable)
    }

    async fn try_reserve(&self, request: &IdempotentRequest<'_>) -> anyhow::Result<Reservation> {
        let pool = self.0.log.pool();
        let whole_scope = self.scope(request);
        let fingerprint = self.0.idempotency.mac(request.content);
        let subject = request.caller.map(|caller| caller.user);
        for _ in 0..LOOKS {
            let (seed, holder) = (new_id(), new_id());
            let (now, lifetime) = (self.0.clock.now(), self.0.policy.idempotency_lifetime);
            let (scope, fingerprint) = (&whole_scope.0[..], &fingerprint[..]);
            let wish = Wish { scope, fingerprint, seed, subject, holder, now, lifetime };
            if let Some(taken) = store::take(pool, &wish).await? {
                return Ok(Reservation::Granted(self.granted(whole_scope, holder, &taken)));
            }
            let Some(other) = store::find(pool, scope).await? else { continue };
            if other.fingerprint != fingerprint {
                return Ok(Reservation::Reused);
            }
            let Some(sealed) = other.answer else {
                return Ok(Reservation::Running(whole_scope));
            };
            match self.open_answer(scope, other.subject_id, &sealed).await? {
                Some(answer) => return Ok(Reservation::Answered(answer)),
                // It told of somebody who was erased.
                None => store::forget_answer(pool, scope).await?,
            }
        }
        Ok(Reservation::Running(whole_scope))
    }

    /// Gives signs of life for a request, and never ends.
    pub async fn keep(&self, granted: &Granted) {
        loop {
            tokio::time::sleep(SIGN_OF_LIFE).await;
            let kept = store::keep(self.0.log.pool(), &granted.scope.0, granted.holder).await;
            if let Err(error) = kept {
                tracing::warn!(%error, "a request that may come again could not be kept");
            }
        }
    }

    /// Keeps the answer of a request for those who ask again.
    pub async fn finish(&self, granted: &Granted, answer: &StoredAnswer) -> anyhow::Result<()> {
        let clear = answer.to_bytes()?;
        let subject = granted.subject.or_else(|| granted.seed.subject());
        let sealed = match subject {
            Some(subject) => self.0.log.seal_for(subject, &clear, &granted.scope.0).await?,
            None => self.0.idempotency.seal(&clear, &granted.scope.0)?,
        };
        let pool = self.0.log.pool();
        Ok(store::finish(pool, &granted.scope.0, granted.holder, subject, &sealed).await?)
    }

    /// Gives a request back whose answer is not kept. One that may have done something goes on from
    /// there when it comes again, one that did nothing was never asked.
    pub async fn give_back(&self, granted: &Granted) -> anyhow::Result<()> {
        if !granted.seed.may_have_written() {
            return self.forget(granted).await;
        }
        store::release(self.0.log.pool(), &granted.scope.0, granted.holder).await?;
        Ok(())
    }

    /// Forgets a request of which nothing goes on: when it comes again it is a new one.
    pub async fn forget(&self, granted: &Granted) -> anyhow::Result<()> {
        store::forget(self.0.log.pool(), &granted.scope.0, granted.holder).await?;
        Ok(())
    }

    /// Forgets requests that expired, and returns how many there were.
    pub async fn forget_expired_requests(&self) -> anyhow::Result<u64> {
        Ok(store::forget_expired(self.0.log.pool()).await?)
    }

    /// Forgets the answers that tell of a person, and returns how many there were.
    pub async fn forget_requests_of(&self, user: Uuid) -> anyhow::Result<u64> {
        Ok(store::forget_subject(self.0.log.pool(), user).await?)
    }

    fn granted(&self, scope: RequestScope, holder: Uuid, taken: &Taken) -> Granted {
        let is_resumed = taken.tries > 1;
        if is_resumed {
            metrics::counter!("annals_idempotency_resumptions_total").increment(1);
        }
        let seed = Seed::new(&self.0.idempotency, taken.seed, taken.started_at, is_resumed);
        Granted { seed: Arc::new(seed), scope, holder, subject: taken.subject_id }
    }

    async fn open_answer(
        &self,
        scope: &[u8],
        subject: Option<Uuid>,
        sealed: &[u8],
    ) -> anyhow::Result<Option<StoredAnswer>> {
        let clear = match subject {
            Some(subject) => self.0.log.open_for(subject, sealed, scope).await?,
            None => Some(self.0.idempotency.open(sealed, scope)?),
        };
        clear.map(|clear| StoredAnswer::from_bytes(&clear)).transpose()
    }

    /// What a key is unique in: a person with certain rights, or a route. Whoever may do less than
    /// the one who asked first does not get the answer.
    fn scope(&self, request: &IdempotentRequest<'_>) -> RequestScope {
        let key = request.key.as_bytes();
        let mac = &self.0.idempotency;
        let Some(caller) = request.caller else {
            return RequestScope(mac.mac(&[b"route", request.route.as_bytes(), key]));
        };
        let (user, role) = (caller.user.as_bytes(), caller.role.name().as_bytes());
        RequestScope(match &caller.credential {
            Credential::Session(_) => mac.mac(&[b"session", user, role, key]),
            Credential::ApiKey { id, scopes, .. } => {
                let scopes = scopes.join(" ");
                mac.mac(&[b"api key", user, role, id.as_bytes(), scopes.as_bytes(), key])
            }
        })
    }
}
