//! Whatever is asked: the same history gives the same state and the same decisions, and a stream
//! holds the keys that its state says.

use std::{collections::BTreeSet, fmt::Debug};

use domain::{
    Aggregate, Claim, ClaimScope, Rejection, api_key::ApiKey, audit::Audit, chat::Chat,
    factors::Factors, inbox::Inbox, login::Login, notification::Notification, session::Session,
    settings::Settings, user::User,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{commands::Askable, samples::sealed};

/// The stream that everything here is about.
const STREAM: Uuid = Uuid::from_u128(1);

/// A stream as it was stored.
struct History(Vec<Vec<u8>>);

impl History {
    fn state<A: Aggregate>(&self) -> A {
        let mut state = A::default();
        for payload in &self.0 {
            state.evolve(&sealed(|| serde_json::from_slice(payload)).expect("a stored event"));
        }
        state
    }

    fn add(&mut self, event: &impl serde::Serialize) {
        self.0.push(sealed(|| serde_json::to_vec(event)).expect("an event can be stored"));
    }
}

/// An answer that can be compared.
fn decision<A: Aggregate>(state: &A, command: A::Command) -> Result<Vec<A::Event>, Rejection> {
    state.decide(command).map_err(Into::into)
}

fn assert_lawful<A>(commands: Vec<A::Command>) -> Result<(), TestCaseError>
where
    A: Holder + Debug + PartialEq,
    A::Command: Clone,
    A::Event: Debug + PartialEq,
{
    let (mut lived, mut history, mut held) = (A::default(), History(vec![]), BTreeSet::new());
    for command in commands {
        let replayed: A = history.state();
        prop_assert_eq!(&replayed, &lived);

        let answer = decision(&lived, command.clone());

        prop_assert_eq!(&decision(&lived, command.clone()), &answer, "asked twice");
        prop_assert_eq!(&decision(&replayed, command), &answer, "asked after a replay");
        for event in answer.into_iter().flatten() {
            for claim in A::claims(STREAM, &event) {
                match claim {
                    Claim::Take(scope, key) => held.insert((scope.name(), key)),
                    Claim::Release(scope, key) => held.remove(&(scope.name(), key)),
                };
            }
            lived.evolve(&event);
            history.add(&event);
        }
        prop_assert_eq!(&held, &lived.held(), "what is claimed is what the state says");
    }
    Ok(())
}

/// An aggregate whose state says what its stream holds.
trait Holder: Askable {
    fn held(&self) -> BTreeSet<(&'static str, Vec<u8>)>;
}

fn stream_in(scope: ClaimScope) -> (&'static str, Vec<u8>) {
    (scope.name(), STREAM.as_bytes().to_vec())
}

impl Holder for User {
    fn held(&self) -> BTreeSet<(&'static str, Vec<u8>)> {
        let mut held = BTreeSet::new();
        if let Some(account) = self.account() {
            let left = account.former.iter().map(|former| &former.email);
            let addresses = left.chain([&account.email]).filter_map(|email| email.known());
            let keys = addresses.map(|email| email.normalised().into_bytes());
            held.extend(keys.map(|key| (ClaimScope::Email.name(), key)));
            let cases = account.cases.iter().map(|case| case.as_bytes().to_vec());
            held.extend(cases.map(|case| (ClaimScope::Case.name(), case)));
        }
        match self {
            Self::Active(_) => drop(held.insert(stream_in(ClaimScope::ActiveUser))),
            Self::Leaving | Self::Erased { is_certified: false } => {
                held.insert(stream_in(ClaimScope::Erasure));
            }
            Self::Absent | Self::Deactivated(_) | Self::Erased { is_certified: true } => {}
        }
        held
    }
}

impl Holder for Session {
    fn held(&self) -> BTreeSet<(&'static str, Vec<u8>)> {
        match self {
            Self::Live(_) => BTreeSet::from([stream_in(ClaimScope::LiveSession)]),
            Self::Absent | Self::Ended { .. } => BTreeSet::new(),
        }
    }
}

impl Holder for ApiKey {
    fn held(&self) -> BTreeSet<(&'static str, Vec<u8>)> {
        match self {
            Self::Active(key) => {
                let before = key.before.iter().map(|before| &before.prefix);
                let prefixes = before.chain([&key.prefix]);
                prefixes.map(|it| (ClaimScope::ApiKey.name(), it.clone().into_bytes())).collect()
            }
            Self::Absent | Self::Inactive(_) | Self::Revoked { .. } => BTreeSet::new(),
        }
    }
}

macro_rules! hold_nothing {
    ($($aggregate:ident),*) => {
        $(impl Holder for $aggregate {
            fn held(&self) -> BTreeSet<(&'static str, Vec<u8>)> {
                BTreeSet::new()
            }
        })*
    };
}

hold_nothing!(Settings, Chat, Login, Audit, Notification, Inbox, Factors);

macro_rules! laws_of_commands {
    ($($test:ident: $aggregate:ident;)*) => {
        proptest! {
            $(#[test]
            fn $test(commands in prop::collection::vec($aggregate::any_command(), 0..30)) {
                assert_lawful::<$aggregate>(commands)?;
            })*
        }
    };
}

laws_of_commands! {
    an_account_lives_by_the_laws: User;
    a_session_lives_by_the_laws: Session;
    an_api_key_lives_by_the_laws: ApiKey;
    settings_live_by_the_laws: Settings;
    a_conversation_lives_by_the_laws: Chat;
    a_login_lives_by_the_laws: Login;
    an_audit_lives_by_the_laws: Audit;
    a_notice_lives_by_the_laws: Notification;
    an_inbox_lives_by_the_laws: Inbox;
    factors_live_by_the_laws: Factors;
}
