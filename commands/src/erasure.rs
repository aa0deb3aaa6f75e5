//! Erasing people, for good: asked for by themselves or by an administrator, seen through by a worker.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use domain::{
    Category, ClaimScope, Event, Kind, Rejection, Text,
    api_key::{self, ApiKey},
    chat::{self, Chat, Status},
    factors::ClearReason,
    session::EndReason,
    settings::{self, Settings},
    user::{self, Erasure, User},
};
use eventlog::{Certificate, Meta, Position, RawEvent, Reason, Recorded, Sealed, Secret};
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use crate::{
    Caller, Commands, Done, Error, Proof, RunSignal, drive_topic, session::PASSWORD, stop_topic,
};

/// Where it is told that somebody is to be erased, or was.
pub const ERASURES: &str = "erasures";

/// An erasure on its way.
#[derive(Clone, Debug)]
pub struct Erasing {
    /// Who is erased.
    pub user: Uuid,
    /// Who asked for it.
    pub requested_by: Option<Uuid>,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Where the log says so.
    pub requested_position: Position,
    /// When and where the key was destroyed, once it was.
    pub erased: Option<(DateTime<Utc>, Position)>,
    /// The circumstances of every step.
    meta: Meta,
}

/// What a person has that goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// A signed-in device.
    Session(Uuid),
    /// A key for programs.
    ApiKey(Uuid),
    /// A conversation.
    Chat(Uuid),
}

/// What an erasure has written about the person so far.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// Where something of the person's was ended, by the name of the event.
    pub ended: BTreeMap<String, Vec<Position>>,
    /// What began when the erasure had begun already.
    pub late: Vec<Belonging>,
}

impl Commands {
    /// Begins to erase the caller, who shows once more that it is them.
    pub async fn erase_account(
        &self,
        caller: &Caller,
        proof: &Proof,
        reason: Option<Text>,
    ) -> Result<Done<Uuid>, Error> {
        self.step_up(caller, proof).await?;
        self.request_erasure(caller.user, caller.meta(), reason).await
    }

    /// Begins to erase a person, on behalf of an administrator.
    pub async fn erase_user(
        &self,
        caller: &Caller,
        user: Uuid,
        reason: Option<Text>,
    ) -> Result<Done<Uuid>, Error> {
        caller.admin()?;
        if user == caller.user {
            let detail = "erase your own account with DELETE /v1/auth/account";
            return Err(Rejection::new(Kind::Conflict, "own_account", detail).into());
        }
        self.administer(caller, user).await?;
        self.request_erasure(user, caller.meta().about(user), reason).await
    }

    /// The people whose erasure is not certified yet.
    pub async fn pending_erasures(&self) -> Result<Vec<Uuid>, Error> {
        self.0.log.holders(ClaimScope::Erasure).await.map_err(Error::Unavailable)
    }

    /// How far the erasure of a person has come; none where nobody asked for it.
    pub async fn erasing(&self, user: Uuid) -> Result<Option<Erasing>, Error> {
        let log = &self.0.log;
        let raw = log.stream(user).await.map_err(Error::Unavailable)?;
        let events = log.decode(raw).await.map_err(Error::Unavailable)?;
        let mut erasing = None;
        for Recorded { position, event, meta, .. } in events {
            match (event, &mut erasing) {
                (Event::User(user::Event::ErasureRequested { at, .. }), _) => {
                    erasing = Some(Erasing::new(user, at, position, &meta));
                }
                (Event::User(user::Event::Erased { at }), Some(erasing)) => {
                    erasing.erased = Some((at, position));
                }
                _ => {}
            }
        }
        Ok(erasing)
    }

    /// Ends something of the person's.
    pub async fn end(&self, erasing: &Erasing, what: Belonging) -> Result<(), Error> {
        let Erasing { user: owner, meta, .. } = erasing;
        let outcome = match what {
            Belonging::Session(id) => self.end_session(id, EndReason::Erased, meta).await.map(drop),
            Belonging::ApiKey(id) => {
                let revoke = api_key::Command::Revoke { owner: *owner };
                self.execute::<ApiKey>(id, revoke, meta).await.map(drop)
            }
            Belonging::Chat(id) => self.end_chat(id, *owner, meta).await,
        };
        match outcome {
            // There is nothing to end.
            Err(Error::Rejected(_)) => Ok(()),
            outcome => outcome,
        }
    }

    /// Forgets what the person prefers.
    pub async fn forget_settings(&self, erasing: &Erasing) -> Result<(), Error> {
        let stream = Category::Settings.stream_of(erasing.user);
        let erase = settings::Command::Erase { user: erasing.user };
        self.execute::<Settings>(stream, erase, &erasing.meta).await.map(drop)
    }

    /// Takes away the person's second factors.
    pub async fn forget_factors(&self, erasing: &Erasing) -> Result<(), Error> {
        self.clear_factors(erasing.user, ClearReason::Erased, &erasing.meta).await.map(drop)
    }

    /// Destroys the person's key, in the append that says so; answers when and where that was.
    pub async fn destroy_key(&self, erasing: &Erasing) -> Result<(DateTime<Utc>, Position), Error> {
        let at = self.0.clock.now();
        let secrets = vec![Secret::Drop(PASSWORD), Secret::DestroyKey(erasing.user)];
        let step = user::Command::Erasure(Erasure::Destroy { at });
        let executed =
            self.execute_with::<User>(erasing.user, step, secrets, &erasing.meta).await?;
        metrics::counter!("annals_erasures_total").increment(1);
        Ok((at, executed.position))
    }

    /// Writes down what became of the person's data, and the erasure is over.
    pub async fn certify_erasure(
        &self,
        erasing: &Erasing,
        certificate: &Certificate,
    ) -> Result<Position, Error> {
        let certificate = serde_json::to_value(certificate).map_err(anyhow::Error::from)?;
        let step = user::Command::Erasure(Erasure::Certify { certificate });
        let executed = self.execute_with::<User>(erasing.user, step, vec![], &erasing.meta).await?;
        self.tell_of_erasures().await;
        Ok(executed.position)
    }

    /// Reads what the log says of the person since the erasure began.
    pub async fn traces(&self, erasing: &Erasing) -> Result<Traces, Error> {
        let log = &self.0.log;
        let mut traces = Traces::default();
        let mut after = erasing.requested_position;
        loop {
            let events = log.read(after).await.map_err(Error::Unavailable)?;
            let Some(last) = events.last() else { return Ok(traces) };
            after = last.position;
            for event in events {
                traces.note(&event, erasing);
            }
        }
    }

    async fn request_erasure(
        &self,
        user: Uuid,
        meta: Meta,
        reason: Option<Text>,
    ) -> Result<Done<Uuid>, Error> {
        let reason = reason.map(|reason| Reason::Said(Sealed::from(reason.to_string())));
        let meta = Meta { reason, ..meta };
        let step = user::Command::Erasure(Erasure::Request { at: self.0.clock.now() });
        let executed =
            self.execute_with::<User>(user, step, vec![Secret::Drop(PASSWORD)], &meta).await?;
        tracing::info!(%user, position = executed.position, "somebody is to be erased");
        self.tell_of_erasures().await;
        Ok(Done::new(user, executed.position))
    }

    async fn end_chat(&self, id: Uuid, owner: Uuid, meta: &Meta) -> Result<(), Error> {
        let before = self.load::<Chat>(id).await?.state;
        let runs = before.conversation().map_or(&[][..], |open| &open.runs);
        self.execute::<Chat>(id, chat::Command::Erase { owner }, meta).await?;
        for run in runs.iter().filter(|run| run.status == Status::Running) {
            self.stop_driving(run.id).await;
        }
        Ok(())
    }

    /// Has whoever drives a run let go of it, and whoever listens stop.
    async fn stop_driving(&self, run: Uuid) {
        let live = self.0.log.live();
        live.publish(&stop_topic(run), bytes_of("stop")).await;
        if let Ok(ended) = serde_json::to_vec(&RunSignal::Ended) {
            live.publish(&drive_topic(run), ended.into()).await;
        }
    }

    /// Forgets what is remembered of streams whenever somebody is erased, in whichever process.
    pub(crate) fn listen_for_erasures(&self) {
        let (commands, mut news) = (Arc::downgrade(&self.0), self.0.log.live().subscribe(ERASURES));
        tokio::spawn(async move {
            while let Ok(_) | Err(RecvError::Lagged(_)) = news.recv().await {
                let Some(commands) = commands.upgrade() else { return };
                commands.known.clear();
            }
        });
    }

    async fn tell_of_erasures(&self) {
        self.0.log.live().publish(ERASURES, bytes_of("news")).await;
    }
}

fn bytes_of(text: &'static str) -> eventlog::LiveMessage {
    eventlog::LiveMessage::from_static(text.as_bytes())
}

impl Erasing {
    fn new(user: Uuid, at: DateTime<Utc>, position: Position, asked: &Meta) -> Self {
        let meta = Meta {
            actor: asked.actor,
            subject: Some(user),
            correlation: asked.correlation,
            causation: Some(position),
            ..Meta::default()
        };
        Self {
            user,
            requested_by: asked.actor,
            requested_at: at,
            requested_position: position,
            erased: None,
            meta,
        }
    }
}

impl Traces {
    fn note(&mut self, event: &RawEvent, erasing: &Erasing) {
        let Ok(meta) = serde_json::from_slice::<Meta>(&event.meta) else { return };
        if meta.subject != Some(erasing.user) {
            return;
        }
        if meta.causation == Some(erasing.requested_position) && event.stream != erasing.user {
            self.ended.entry(event.name.to_string()).or_default().push(event.position);
        }
        match &*event.name {
            "session.started" => self.late.push(Belonging::Session(event.stream)),
            "api_key.created" => self.late.push(Belonging::ApiKey(event.stream)),
            "chat.opened" => self.late.push(Belonging::Chat(event.stream)),
            _ => {}
        }
    }
}
