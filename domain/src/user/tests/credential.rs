//! Passwords and links that were mailed.

use super::{asked, challenge, registered, verified};
use crate::{
    Aggregate,
    testing::{at, given, id},
    user::{Command, Credential, Error, Event, User},
};

fn reset_requested(number: u128) -> Event {
    Event::PasswordResetRequested { challenge: challenge(number) }
}

fn changed(number: u128) -> Event {
    Event::PasswordChanged { password: id(number), at: at(1) }
}

fn reset(number: u128, seconds: i64) -> Command {
    let (challenge, password) = (id(number), id(9));
    Command::Credential(Credential::ResetPassword { challenge, password, at: at(seconds) })
}

fn use_link(number: u128, seconds: i64) -> Command {
    Command::Credential(Credential::UseMagicLink { challenge: id(number), at: at(seconds) })
}

#[test]
fn a_mailed_link_lets_a_verified_owner_choose_another_password() {
    let user = given::<User>(&[registered(), asked(1), verified(), reset_requested(2)]);

    let outcome = user.decide(reset(2, 59));

    let reset = Event::PasswordReset { challenge: id(2), password: id(9), at: at(59) };
    assert_eq!(outcome, Ok(vec![reset]));
}

#[test]
fn who_proves_an_unverified_mailbox_takes_everybody_elses_credentials_away() {
    let user = given::<User>(&[registered(), asked(1), reset_requested(2)]);

    let outcome = user.decide(reset(2, 1));

    let proven = Event::EmailVerified { challenge: Some(id(2)) };
    let dropped = Event::CredentialsDropped { at: at(1) };
    let reset = Event::PasswordReset { challenge: id(2), password: id(9), at: at(1) };
    assert_eq!(outcome, Ok(vec![proven, dropped, reset]));
}

#[test]
fn an_account_whose_credentials_were_dropped_has_no_password() {
    let user = given::<User>(&[registered(), Event::CredentialsDropped { at: at(1) }]);

    assert_eq!(user.account().map(|account| account.password), Some(None));
}

#[test]
fn a_reset_link_is_good_once_for_a_while_and_while_it_is_the_last_one() {
    let before = [registered(), asked(1), verified(), reset_requested(2)];
    let used = Event::PasswordReset { challenge: id(2), password: id(9), at: at(1) };
    for (since, seconds) in [(vec![used], 1), (vec![], 60), (vec![reset_requested(3)], 1)] {
        let ada = given::<User>(&[&before[..], &since].concat());

        let outcome = ada.decide(reset(2, seconds));

        assert_eq!(outcome, Err(Error::StaleChallenge), "{since:?}");
    }
}

#[test]
fn links_are_dead_once_the_password_is_another_one() {
    let link = Event::MagicLinkRequested { challenge: challenge(3) };
    let user = given::<User>(&[registered(), verified(), reset_requested(2), link, changed(8)]);

    assert_eq!(user.decide(reset(2, 1)), Err(Error::StaleChallenge));
    assert_eq!(user.decide(use_link(3, 1)), Err(Error::StaleChallenge));
}

#[test]
fn a_magic_link_is_good_once() {
    let link = Event::MagicLinkRequested { challenge: challenge(3) };
    let mut user = given::<User>(&[registered(), verified(), link]);

    let first = user.decide(use_link(3, 1)).unwrap();
    for event in &first {
        user.evolve(event);
    }
    let second = user.decide(use_link(3, 1));

    assert_eq!(first, [Event::MagicLinkUsed { challenge: id(3) }]);
    assert_eq!(second, Err(Error::StaleChallenge));
}

#[test]
fn a_reset_link_is_no_magic_link() {
    let user = given::<User>(&[registered(), verified(), reset_requested(2)]);

    assert_eq!(user.decide(use_link(2, 1)), Err(Error::StaleChallenge));
}

#[test]
fn a_deactivated_account_gets_no_links() {
    let user = given::<User>(&[registered(), Event::Deactivated {}]);

    let outcome = user.decide(Command::Credential(Credential::RequestReset(challenge(2))));

    assert_eq!(outcome, Err(Error::NotFound));
}
