//! Any command to what opens an account: sessions, keys, attempts to sign in.

use std::num::NonZeroU32;

use domain::{
    api_key::{self, ApiKey, Creation, RateLimit, Rotation, Scope},
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
        let scopes = || prop::collection::vec(select(vec![Scope::Chat, Scope::Settings]), 0..3);
        let prefix = || select(vec!["ak_one".to_owned(), "ak_two".into()]);
        let limit = || {
            let number = || (1..=u32::MAX).prop_filter_map("not 0", NonZeroU32::new);
            let limit = (number(), number());
            option::of(limit.prop_map(|(requests, seconds)| RateLimit { requests, seconds }))
        };
        let moments = (any_moment(), any_moment());
        let creation = (any_id(), any_text(), prefix(), scopes(), limit(), moments);
        let creation =
            creation.prop_map(|(owner, name, prefix, scopes, limit, (at, expires_at))| {
                let creation = Creation { owner, name, prefix, scopes, limit, at, expires_at };
                api_key::Command::Create(creation)
            });
        let change = (
            option::of(any_text()),
            option::of(scopes()),
            option::of(any_moment()),
            option::of(any::<bool>()),
        );
        let change = change.prop_map(|(name, scopes, expires_at, is_active)| api_key::Change {
            name,
            scopes,
            expires_at,
            is_active,
        });
        let change = (any_id(), change, any_moment());
        let rotation = (any_id(), prefix(), option::of(any_moment()), any_moment());
        prop_oneof![
            2 => creation,
            2 => change
                .prop_map(|(owner, change, at)| api_key::Command::Change { owner, change, at }),
            2 => rotation.prop_map(|(owner, prefix, until, at)| {
                api_key::Command::Rotate(Rotation { owner, prefix, until, at })
            }),
            1 => (any_id(), limit())
                .prop_map(|(owner, limit)| api_key::Command::Limit { owner, limit }),
            1 => any_id().prop_map(|owner| api_key::Command::Revoke { owner }),
        ]
        .boxed()
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
