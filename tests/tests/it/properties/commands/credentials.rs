//! Any command to what opens an account: sessions, keys, attempts to sign in.

use domain::{
    api_key::{self, ApiKey},
    login::{self, Login, Refusal},
    session::{self, EndReason, Session, Start},
};
use proptest::{option, prelude::*, sample::select};

use super::{Askable, any_id, any_moment, any_text};

impl Askable for Session {
    fn any_command() -> BoxedStrategy<session::Command> {
        let start = (any_id(), option::of(any::<String>()), any_moment(), any_moment());
        let start = start.prop_map(|(user, user_agent, at, expires_at)| {
            let address = user_agent.clone();
            let (idle_seconds, is_new_device) = (3600, address.is_none());
            session::Command::Start(Start {
                user,
                user_agent,
                address,
                at,
                expires_at,
                idle_seconds,
                is_new_device,
            })
        });
        let generation = prop_oneof![6 => 0..8_u32, 1 => Just(u32::MAX)];
        let reasons = vec![EndReason::LoggedOut, EndReason::TokenReused, EndReason::Revoked];
        prop_oneof![
            1 => start,
            4 => (generation, any_moment())
                .prop_map(|(generation, at)| session::Command::Refresh { generation, at }),
            1 => select(reasons).prop_map(session::Command::End),
            1 => any_id().prop_map(|user| session::Command::Revoke { user }),
        ]
        .boxed()
    }
}

impl Askable for ApiKey {
    fn any_command() -> BoxedStrategy<api_key::Command> {
        let scopes =
            prop::collection::vec(select(vec!["chat".to_owned(), "settings".into()]), 0..3);
        let prefix = select(vec!["ak_one".to_owned(), "ak_two".into()]);
        let creation = (any_id(), any_text(), prefix, scopes, any_moment(), any_moment());
        let creation = creation.prop_map(|(owner, name, prefix, scopes, at, expires_at)| {
            let creation = api_key::Creation { owner, name, prefix, scopes, at, expires_at };
            api_key::Command::Create(creation)
        });
        prop_oneof![creation, any_id().prop_map(|owner| api_key::Command::Revoke { owner })].boxed()
    }
}

impl Askable for Login {
    fn any_command() -> BoxedStrategy<login::Command> {
        let circumstances =
            || (option::of(any::<String>()), option::of(any::<String>()), any_moment());
        let reason = select(vec![
            Refusal::TooManyFromStrangers,
            Refusal::TooManyFromDevice,
            Refusal::AccountDeactivated,
            Refusal::MailboxUnproven,
        ]);
        let failure = circumstances().prop_map(|(address, user_agent, at)| {
            login::Command::RecordFailure { address, user_agent, at }
        });
        let refusal = (reason, circumstances()).prop_map(|(reason, (address, user_agent, at))| {
            login::Command::RecordRefusal { reason, address, user_agent, at }
        });
        prop_oneof![failure, refusal].boxed()
    }
}
