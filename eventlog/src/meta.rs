//! Who did it, about whom, why, from where, and as part of what.

mod sealed;
mod stored;

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use domain::{Personal, Retention};
use uuid::Uuid;

pub use sealed::Sealed;

use crate::{
    EventLog, Position,
    keys::{KeyRing, SubjectKey},
};

/// What stands beside every event. A reader gets address and reason closed;
/// [`EventLog::circumstances`] opens them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Who asked; nobody for what the service does by itself.
    pub actor: Option<Uuid>,
    /// The session or the API key by which they had shown who they are.
    pub credential: Option<Uuid>,
    /// Whom the event tells of: their key seals its personal fields.
    pub subject: Option<Uuid>,
    /// From where they asked; sealed for the actor, or for the subject where nobody said who asks.
    pub address: Option<Sealed>,
    /// Why, where the name of the event does not say it.
    pub reason: Option<Reason>,
    /// The request that everything here follows from.
    pub correlation: Option<Uuid>,
    /// The event that this one answers.
    pub causation: Option<Position>,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
}

/// Why something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// As part of this; a word of ours.
    UseCase(Cow<'static, str>),
    /// In somebody's own words, sealed for the subject of whom they tell.
    Said(Sealed),
}

/// What a [`Meta`] keeps closed, opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// From where somebody asked.
    pub address: Option<Personal<String>>,
    /// Why, in somebody's own words.
    pub reason: Option<Personal<String>>,
}

/// What a seal is bound to beside its request: texts cannot change places.
#[derive(Clone, Copy)]
enum Field {
    Address = 1,
    Reason = 2,
}

impl Meta {
    /// The same circumstances, told of `subject`.
    #[must_use]
    pub fn about(&self, subject: Uuid) -> Self {
        Self { subject: Some(subject), ..self.clone() }
    }

    /// The same circumstances, as part of `use_case`.
    #[must_use]
    pub fn because(self, use_case: &'static str) -> Self {
        Self { reason: Some(Reason::UseCase(Cow::Borrowed(use_case))), ..self }
    }

    /// The address is the actor's: it is forgotten with them.
    fn address_owner(&self) -> Option<Uuid> {
        self.actor.or(self.subject)
    }

    /// What is said of somebody is forgotten with them.
    fn reason_owner(&self) -> Option<Uuid> {
        self.subject.or(self.actor)
    }

    fn said(&self) -> Option<&Sealed> {
        match &self.reason {
            Some(Reason::Said(said)) => Some(said),
            Some(Reason::UseCase(_)) | None => None,
        }
    }

    /// The request comes along, so that what follows from it in other streams carries the same seal.
    fn context(&self, field: Field) -> [u8; 17] {
        let mut context = [field as u8; 17];
        context[1..].copy_from_slice(self.correlation.unwrap_or_default().as_bytes());
        context
    }

    /// The stored form: what was clear is closed. Who was erased leaves no address behind.
    pub(crate) async fn store(&self, keys: &KeyRing) -> anyhow::Result<Vec<u8>> {
        let mut meta = Cow::Borrowed(self);
        if let Some(address) = &self.address
            && address.is_clear()
        {
            let key = key(keys, self.address_owner()).await?.for_kind(Retention::Addresses)?;
            meta.to_mut().address = address.close(&key, &self.context(Field::Address));
        }
        if let Some(said) = self.said()
            && said.is_clear()
        {
            let key = key(keys, self.reason_owner()).await?;
            let closed = said.close(&key, &self.context(Field::Reason));
            meta.to_mut().reason = closed.map(Reason::Said);
        }
        Ok(serde_json::to_vec(meta.as_ref())?)
    }

    fn open(&self, keys: &HashMap<Uuid, Arc<SubjectKey>>) -> anyhow::Result<Circumstances> {
        let none = SubjectKey::none();
        let key = |owner: Option<Uuid>| owner.and_then(|owner| keys.get(&owner)).unwrap_or(&none);
        let open = |text: Option<&Sealed>, owner, field| {
            text.map(|text| text.open(key(owner), &self.context(field))).transpose()
        };
        Ok(Circumstances {
            address: open(self.address.as_ref(), self.address_owner(), Field::Address)?,
            reason: open(self.said(), self.reason_owner(), Field::Reason)?,
        })
    }
}

async fn key(keys: &KeyRing, owner: Option<Uuid>) -> anyhow::Result<Arc<SubjectKey>> {
    match owner {
        Some(owner) => keys.for_writing(owner).await,
        None => Ok(SubjectKey::none()),
    }
}

impl EventLog {
    /// Opens what metas keep closed, fetching the keys it lacks in one call.
    pub async fn circumstances(&self, metas: &[&Meta]) -> anyhow::Result<Vec<Circumstances>> {
        let mut owners = Vec::with_capacity(2 * metas.len());
        for meta in metas {
            owners.extend([meta.address_owner(), meta.reason_owner()].into_iter().flatten());
        }
        let keys = self.keys.for_reading(owners.into_iter()).await?;
        metas.iter().map(|meta| meta.open(&keys)).collect()
    }
}
