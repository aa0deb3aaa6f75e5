//! Given events, when a command comes, then.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    AddressChange, Challenge, Command, Credential, Erasure, Error, Event, Registration, Role, User,
    Verification,
};
mod address;
mod credential;
mod erasure;

use erasure::{certify, destroy, request};

use crate::{
    Aggregate, Claim, ClaimScope, Kind, Personal, Rejection,
    testing::{assert_replays, at, email, given, id, text},
};

fn registration(challenge: Option<Challenge>) -> Registration {
    Registration {
        email: email("Ada@example.com"),
        name: Some(text("Ada")),
        role: Role::User,
        challenge,
        at: at(0),
    }
}

fn challenge(number: u128) -> Challenge {
    Challenge { id: id(number), expires_at: at(60) }
}

fn registered() -> Event {
    Event::Registered {
        email: email("Ada@example.com").into(),
        name: Some(text("Ada").into()),
        role: Role::User,
        at: at(0),
    }
}

fn asked(number: u128) -> Event {
    Event::VerificationRequested { challenge: challenge(number) }
}

fn verified() -> Event {
    Event::EmailVerified { challenge: Some(id(1)) }
}

fn verify(number: u128, at: DateTime<Utc>) -> Command {
    Command::Verify { challenge: id(number), at }
}

#[test]
fn registering_opens_an_account_and_asks_for_its_mailbox() {
    let nobody = given::<User>(&[]);

    let outcome = nobody.decide(Command::Register(registration(Some(challenge(1)))));

    assert_eq!(outcome, Ok(vec![registered(), asked(1)]));
}

#[test]
fn an_account_the_operator_vouches_for_is_verified_at_once() {
    let nobody = given::<User>(&[]);

    let outcome = nobody.decide(Command::Register(registration(None)));

    assert_eq!(outcome, Ok(vec![registered(), Event::EmailVerified { challenge: None }]));
}

#[test]
fn an_owner_is_told_of_a_registration_that_was_not_theirs_and_nothing_changes() {
    let user = given::<User>(&[registered(), verified()]);

    let outcome = user.decide(Command::RecordRegistration { at: at(5) });

    assert_eq!(outcome, Ok(vec![Event::RegistrationTried { at: at(5) }]));
    let told = given::<User>(&[registered(), verified(), Event::RegistrationTried { at: at(5) }]);
    assert_eq!(told, user);
}

#[test]
fn an_account_cannot_be_registered_twice() {
    let user = given::<User>(&[registered()]);

    let outcome = user.decide(Command::Register(registration(None)));

    assert_eq!(outcome, Err(Error::AlreadyRegistered));
}

#[test]
fn a_deactivated_account_cannot_be_registered_again() {
    let user = given::<User>(&[registered(), Event::Deactivated {}]);

    let outcome = user.decide(Command::Register(registration(None)));

    assert_eq!(outcome, Err(Error::AlreadyRegistered));
}

#[test]
fn following_the_link_verifies_the_address() {
    let user = given::<User>(&[registered(), asked(1)]);

    let outcome = user.decide(verify(1, at(59)));

    assert_eq!(outcome, Ok(vec![verified()]));
}

#[test]
fn a_link_is_no_longer_good_when_it_expires() {
    let user = given::<User>(&[registered(), asked(1)]);

    let outcome = user.decide(verify(1, at(60)));

    assert_eq!(outcome, Err(Error::StaleChallenge));
}

#[test]
fn a_new_link_replaces_the_older_one() {
    let user = given::<User>(&[registered(), asked(1), asked(2)]);

    let outcome = user.decide(verify(1, at(1)));

    assert_eq!(outcome, Err(Error::StaleChallenge));
}

#[test]
fn a_link_works_once() {
    let user = given::<User>(&[registered(), asked(1), verified()]);

    let outcome = user.decide(verify(1, at(1)));

    assert_eq!(outcome, Err(Error::StaleChallenge));
}

#[test]
fn a_link_nobody_was_sent_verifies_nothing() {
    let user = given::<User>(&[registered()]);

    let outcome = user.decide(verify(1, at(1)));

    assert_eq!(outcome, Err(Error::StaleChallenge));
}

#[test]
fn a_pending_verification_can_be_requested_again() {
    let user = given::<User>(&[registered(), asked(1)]);

    let outcome = user.decide(Command::RequestVerification(challenge(2)));

    assert_eq!(outcome, Ok(vec![asked(2)]));
}

#[test]
fn a_verified_address_is_not_asked_again() {
    let user = given::<User>(&[registered(), asked(1), verified()]);

    let outcome = user.decide(Command::RequestVerification(challenge(2)));

    assert_eq!(outcome, Err(Error::AlreadyVerified));
}

#[test]
fn a_role_can_be_changed() {
    let user = given::<User>(&[registered()]);

    let outcome = user.decide(Command::ChangeRole(Role::Admin));

    assert_eq!(outcome, Ok(vec![Event::RoleChanged { role: Role::Admin }]));
}

#[test]
fn the_same_role_again_changes_nothing() {
    let user = given::<User>(&[registered(), Event::RoleChanged { role: Role::Admin }]);

    let outcome = user.decide(Command::ChangeRole(Role::Admin));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn an_active_account_can_be_deactivated() {
    let user = given::<User>(&[registered()]);

    let outcome = user.decide(Command::Deactivate);

    assert_eq!(outcome, Ok(vec![Event::Deactivated {}]));
}

#[test]
fn deactivating_twice_changes_nothing() {
    let user = given::<User>(&[registered(), Event::Deactivated {}]);

    let outcome = user.decide(Command::Deactivate);

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn a_deactivated_account_can_be_activated() {
    let user = given::<User>(&[registered(), Event::Deactivated {}]);

    let outcome = user.decide(Command::Activate);

    assert_eq!(outcome, Ok(vec![Event::Activated {}]));
}

#[test]
fn activating_an_active_account_changes_nothing() {
    let user = given::<User>(&[registered()]);

    let outcome = user.decide(Command::Activate);

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn a_deactivated_account_cannot_verify_its_address() {
    let user = given::<User>(&[registered(), asked(1), Event::Deactivated {}]);

    let outcome = user.decide(verify(1, at(1)));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn an_account_nobody_registered_is_not_found() {
    let nobody = given::<User>(&[]);

    let outcome = nobody.decide(Command::Deactivate);

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn an_account_comes_back_from_deactivation_as_it_was() {
    let before = given::<User>(&[registered(), asked(1), verified()]);

    let after = given::<User>(&[
        registered(),
        asked(1),
        verified(),
        Event::Deactivated {},
        Event::Activated {},
    ]);

    assert_eq!(after, before);
}

#[test]
fn a_pending_verification_remembers_its_question() {
    let user = given::<User>(&[registered(), asked(1), asked(2)]);

    let verification = user.account().map(|account| account.verification);

    assert_eq!(verification, Some(Verification::Pending(challenge(2))));
}

#[test]
fn registering_takes_the_normalised_address_and_the_right_to_act() {
    let key = id(7).as_bytes().to_vec();

    let claims = User::claims(id(7), &registered());

    let address = Claim::Take(ClaimScope::Email, b"ada@example.com".to_vec());
    assert_eq!(claims, [address, Claim::Take(ClaimScope::ActiveUser, key)]);
}

#[test]
fn deactivation_gives_up_the_right_to_act_but_not_the_address() {
    let key = id(7).as_bytes().to_vec();

    let claims = User::claims(id(7), &Event::Deactivated {});

    assert_eq!(claims, [Claim::Release(ClaimScope::ActiveUser, key)]);
}

#[test]
fn an_erased_address_is_not_claimed() {
    let registered =
        Event::Registered { email: Personal::Erased, name: None, role: Role::User, at: at(0) };

    let claims = User::claims(id(7), &registered);

    let key = id(7).as_bytes().to_vec();
    assert_eq!(claims, [Claim::Take(ClaimScope::ActiveUser, key)]);
}

#[test]
fn a_taken_address_is_a_conflict() {
    let rejection = Rejection::from(Error::EmailTaken);

    assert_eq!((rejection.kind, rejection.code), (Kind::Conflict, "email_taken"));
}

#[test]
fn roles_are_called_the_same_in_answers_and_in_events() {
    for role in [Role::User, Role::Admin, Role::Superuser] {
        let stored = serde_json::to_value(role).unwrap();

        assert_eq!(stored, role.name());
    }
}

fn any_id() -> impl Strategy<Value = Uuid> {
    (1..3_u128).prop_map(id)
}

fn any_role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::User), Just(Role::Admin), Just(Role::Superuser)]
}

fn any_step() -> impl Strategy<Value = Erasure> {
    prop_oneof![Just(request()), Just(destroy()), Just(certify())]
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        any::<bool>().prop_map(|asks| Command::Register(registration(asks.then(|| challenge(1))))),
        any_id().prop_map(|id| Command::RequestVerification(Challenge { id, expires_at: at(60) })),
        (any_id(), 0..90_i64)
            .prop_map(|(challenge, now)| Command::Verify { challenge, at: at(now) }),
        any_role().prop_map(Command::ChangeRole),
        Just(Command::Deactivate),
        Just(Command::Activate),
        any_step().prop_map(Command::Erasure),
        (any_id(), 0..90_i64).prop_map(|(password, now)| {
            Command::Credential(Credential::ChangePassword { password, at: at(now) })
        }),
        any_id().prop_map(|id| {
            let to =
                email(["ada@example.com", "ada@new.example"][usize::from(id.as_bytes()[15] > 1)]);
            let challenge = Challenge { id, expires_at: at(60) };
            Command::Address(AddressChange::Request { to, challenge })
        }),
        (any_id(), 0..90_i64).prop_map(|(challenge, now)| {
            Command::Address(AddressChange::Confirm { challenge, at: at(now) })
        }),
        any_id().prop_map(|id| {
            Command::Credential(Credential::RequestReset(Challenge { id, expires_at: at(60) }))
        }),
        (any_id(), 0..90_i64).prop_map(|(challenge, now)| {
            let password = challenge;
            Command::Credential(Credential::ResetPassword { challenge, password, at: at(now) })
        }),
    ]
}

proptest! {
    #[test]
    fn any_history_replays_to_the_same_account(
        commands in prop::collection::vec(any_command(), 0..20),
    ) {
        assert_replays::<User>(commands);
    }
}
