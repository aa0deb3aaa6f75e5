//! The decider: how a stream of events becomes a state, and a command becomes more events.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Form, Rejection};

/// A consistency boundary: one stream, one state, one writer at a time.
pub trait Aggregate: Default + Send + Sync + 'static {
    /// The family of streams it lives in.
    const CATEGORY: Category;
    /// How its state is kept beside long streams; none where streams are short.
    const SNAPSHOT: Option<Form<Self>> = None;
    /// What may be asked of it.
    type Command: Send;
    /// What can have happened to it; the stored name is the serde tag of the variant.
    type Event: Serialize + DeserializeOwned + Send + Sync;
    /// Why a command was refused.
    type Error: Into<Rejection>;

    /// Answers a command with the events that follow from it; no events mean that nothing changes.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// Takes an event in. What happened, happened: this never fails.
    fn evolve(&mut self, event: &Self::Event);

    /// Names what an event takes or gives back among the things only one stream may hold.
    fn claims(_id: Uuid, _event: &Self::Event) -> Vec<Claim> {
        Vec::new()
    }
}

/// A family of streams; its name is the prefix of its events' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum Category {
    /// A person with an account.
    User = 1,
    /// A signed-in device.
    Session = 2,
    /// A key for programs.
    ApiKey = 3,
    /// What a person prefers.
    Settings = 4,
    /// A conversation with a model.
    Chat = 5,
    /// Attempts to sign in to one account.
    Login = 6,
    /// What an administrator takes out of the service.
    Audit = 7,
    /// A notice to one person.
    Notification = 10,
    /// What a person does with all notices at once.
    Inbox = 11,
    /// A person's second factors.
    Factors = 8,
}

impl Category {
    /// Every category there is.
    pub const ALL: [Self; 10] = [
        Self::User,
        Self::Session,
        Self::ApiKey,
        Self::Settings,
        Self::Chat,
        Self::Login,
        Self::Audit,
        Self::Notification,
        Self::Inbox,
        Self::Factors,
    ];

    /// The prefix of its events' names and the second part of their subjects.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Session => "session",
            Self::ApiKey => "api_key",
            Self::Settings => "settings",
            Self::Chat => "chat",
            Self::Login => "login",
            Self::Audit => "audit",
            Self::Notification => "notification",
            Self::Inbox => "inbox",
            Self::Factors => "factors",
        }
    }

    /// The stream of this category that belongs to `owner` where an owner has just one.
    #[must_use]
    pub fn stream_of(self, owner: Uuid) -> Uuid {
        Uuid::new_v5(&owner, self.name().as_bytes())
    }

    /// The category whose events are named `name`.
    #[must_use]
    pub fn of_event(name: &str) -> Option<Self> {
        let prefix = name.split_once('.')?.0;
        Self::ALL.into_iter().find(|category| category.name() == prefix)
    }
}

/// A change to the set of things that at most one stream may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The stream holds the key from now on; refused while another one does.
    Take(ClaimScope, Vec<u8>),
    /// The stream gives the key back.
    Release(ClaimScope, Vec<u8>),
}

/// The set a claimed key is unique in. A credential is valid while its claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum ClaimScope {
    /// The normalised address of an account.
    Email = 1,
    /// An account that may act.
    ActiveUser = 2,
    /// A session that has not ended.
    LiveSession = 3,
    /// The public prefix of an API key that was not revoked.
    ApiKey = 4,
    /// Something done to an account that an administrator has to look at.
    Case = 5,
    /// A person whose erasure has begun and is not certified yet.
    Erasure = 20,
}

impl ClaimScope {
    /// Every scope there is.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::ActiveUser, Self::LiveSession, Self::ApiKey, Self::Case, Self::Erasure];

    /// A word for error messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::ActiveUser => "active_user",
            Self::LiveSession => "live_session",
            Self::ApiKey => "api_key",
            Self::Case => "case",
            Self::Erasure => "erasure",
        }
    }
}
