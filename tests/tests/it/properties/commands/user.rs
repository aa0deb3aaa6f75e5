//! Any command to an account.

use domain::{
    Email,
    user::{
        self, AddressChange, Challenge, Credential, Erasure, Profile, Registration, Role, User,
    },
};
use proptest::{option, prelude::*, sample::select};
use serde_json::json;

use super::{Askable, any_id, any_moment, any_text};

fn any_email() -> impl Strategy<Value = Email> {
    select(vec!["Ada@example.org", "ada@EXAMPLE.org", "bob@example.com"])
        .prop_map(|email| Email::try_from(email.to_owned()).expect("an address"))
}

fn any_challenge() -> impl Strategy<Value = Challenge> {
    (any_id(), any_moment()).prop_map(|(id, expires_at)| Challenge { id, expires_at })
}

fn any_role() -> impl Strategy<Value = Role> {
    select(vec![Role::User, Role::Admin, Role::Superuser])
}

fn any_erasure() -> impl Strategy<Value = Erasure> {
    prop_oneof![
        2 => any_moment().prop_map(|at| Erasure::Request { at }),
        3 => any_moment().prop_map(|at| Erasure::Destroy { at }),
        3 => any::<u8>().prop_map(|size| Erasure::Certify { certificate: json!({ "size": size }) }),
    ]
}

fn any_credential() -> impl Strategy<Value = Credential> {
    let answer = (any_id(), any_id(), any_moment());
    prop_oneof![
        (any_id(), any_moment())
            .prop_map(|(password, at)| Credential::ChangePassword { password, at }),
        any_challenge().prop_map(Credential::RequestReset),
        any_challenge().prop_map(Credential::RequestMagicLink),
        (any_id(), any_moment())
            .prop_map(|(challenge, at)| Credential::UseMagicLink { challenge, at }),
        answer.prop_map(|(challenge, password, at)| Credential::ResetPassword {
            challenge,
            password,
            at
        }),
    ]
}

fn any_address_change() -> impl Strategy<Value = AddressChange> {
    prop_oneof![
        (any_email(), any_challenge())
            .prop_map(|(to, challenge)| AddressChange::Request { to, challenge }),
        (any_id(), any_moment())
            .prop_map(|(challenge, at)| AddressChange::Confirm { challenge, at }),
        (any_email(), any_moment()).prop_map(|(email, at)| AddressChange::Release { email, at }),
    ]
}

/// A name, and the same as the whole one.
fn any_profile() -> impl Strategy<Value = user::Command> {
    option::of(any_text()).prop_map(|name| {
        let full_name = name.clone().map(Into::into);
        user::Command::ChangeProfile { name, profile: Profile { full_name, ..Profile::default() } }
    })
}

impl Askable for User {
    fn any_command() -> BoxedStrategy<user::Command> {
        let registration = (
            any_email(),
            option::of(any_text()),
            any_role(),
            option::of(any_challenge()),
            any_moment(),
        );
        let registration = registration.prop_map(|(email, name, role, challenge, at)| {
            user::Command::Register(Registration { email, name, role, challenge, at })
        });
        prop_oneof![
            3 => registration,
            1 => any_moment().prop_map(|at| user::Command::RecordRegistration { at }),
            2 => any_challenge().prop_map(user::Command::RequestVerification),
            2 => (any_id(), any_moment())
                .prop_map(|(challenge, at)| user::Command::Verify { challenge, at }),
            3 => any_credential().prop_map(user::Command::Credential),
            3 => any_address_change().prop_map(user::Command::Address),
            1 => any_profile(),
            1 => (any_id(), any_moment())
                .prop_map(|(case, at)| user::Command::ResolveCase { case, at }),
            1 => any_role().prop_map(user::Command::ChangeRole),
            1 => Just(user::Command::Deactivate),
            1 => Just(user::Command::Activate),
            1 => any_erasure().prop_map(user::Command::Erasure),
        ]
        .boxed()
    }
}
