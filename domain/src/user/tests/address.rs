//! Moving to another address, and undoing it.

use super::{challenge, registered, verified};
use crate::{
    Aggregate, Claim, ClaimScope,
    testing::{at, email, given, id},
    user::{AddressChange, Command, Error, Event, UNDO, Undo, User},
};

fn asked_to(to: &str, number: u128) -> Event {
    Event::EmailChangeRequested { to: email(to).into(), challenge: challenge(number) }
}

fn moved(from: &str, to: &str) -> Event {
    Event::EmailChanged {
        from: email(from).into(),
        to: email(to).into(),
        challenge: id(2),
        at: at(1),
    }
}

fn confirm(number: u128, seconds: i64) -> Command {
    Command::Address(AddressChange::Confirm { challenge: id(number), at: at(seconds) })
}

fn undo(before: &User, of: i64, seen: i64) -> Command {
    let before = Box::new(before.account().unwrap().clone());
    Command::Undo(Undo { of, seen, before, case: id(7), at: at(9) })
}

fn after(mut user: User, command: Command) -> User {
    for event in user.decide(command).unwrap() {
        user.evolve(&event);
    }
    user
}

fn take(address: &str) -> Claim {
    Claim::Take(ClaimScope::Email, address.as_bytes().to_vec())
}

fn release(address: &str) -> Claim {
    Claim::Release(ClaimScope::Email, address.as_bytes().to_vec())
}

#[test]
fn an_account_moves_once_the_new_mailbox_answers() {
    let user = given::<User>(&[registered(), verified(), asked_to("ada@new.example", 2)]);

    let outcome = user.decide(confirm(2, 1));

    assert_eq!(outcome, Ok(vec![moved("Ada@example.com", "ada@new.example")]));
    assert_eq!(user.decide(confirm(3, 1)), Err(Error::StaleChallenge));
    assert_eq!(user.decide(confirm(2, 60)), Err(Error::StaleChallenge));
}

#[test]
fn an_account_cannot_move_to_where_it_is() {
    let user = given::<User>(&[registered()]);

    let to = email("ADA@example.com");
    let outcome =
        user.decide(Command::Address(AddressChange::Request { to, challenge: challenge(2) }));

    assert_eq!(outcome, Err(Error::SameEmail));
}

#[test]
fn the_old_address_is_kept_until_nobody_can_undo_any_more() {
    let user = given::<User>(&[registered(), moved("Ada@example.com", "ada@new.example")]);
    let free = |email: &str, at| {
        let email = super::email(email);
        user.decide(Command::Address(AddressChange::Release { email, at }))
    };

    let claims = User::claims(id(1), &moved("Ada@example.com", "ada@new.example"));
    assert_eq!(claims, [take("ada@new.example")]);
    assert_eq!(free("ada@example.com", at(2)), Err(Error::EmailTaken));
    assert_eq!(free("ada@new.example", at(1) + UNDO), Err(Error::EmailTaken));

    let released = Event::EmailReleased { email: email("Ada@example.com").into() };
    assert_eq!(free("ada@example.com", at(1) + UNDO), Ok(vec![released.clone()]));
    assert_eq!(User::claims(id(1), &released), [release("ada@example.com")]);
}

#[test]
fn undoing_puts_the_address_back_also_after_a_second_move() {
    let before = given::<User>(&[registered(), verified()]);
    let user = given::<User>(&[
        registered(),
        verified(),
        moved("Ada@example.com", "eve@one.example"),
        moved("eve@one.example", "eve@two.example"),
    ]);

    let events = user.decide(undo(&before, 3, 4)).unwrap();

    let claims = User::claims(id(1), &events[0]);
    let case = Claim::Take(ClaimScope::Case, id(7).as_bytes().to_vec());
    let released = [release("eve@one.example"), release("eve@two.example")];
    assert_eq!(claims, [&[take("ada@example.com")][..], &released, &[case]].concat());
    let account = after(user, undo(&before, 3, 4)).account().unwrap().clone();
    assert!(account.is_at(&email("ada@example.com")) && account.former.is_empty());
}

#[test]
fn undoing_puts_the_password_back() {
    let before = given::<User>(&[registered(), verified()]);
    let changed = Event::PasswordChanged { password: id(8), at: at(1) };
    let user = given::<User>(&[registered(), verified(), changed]);

    let account = after(user, undo(&before, 3, 3)).account().unwrap().clone();

    assert_eq!(account.password, before.account().unwrap().password);
    assert_eq!(account.cases, [id(7)]);
}

#[test]
fn what_was_undone_is_not_undone_again_and_what_came_later_is() {
    let before = given::<User>(&[registered(), verified()]);
    let user = given::<User>(&[registered(), verified()]);
    let user = after(user, undo(&before, 5, 8));

    assert_eq!(user.decide(undo(&before, 5, 9)), Err(Error::StaleChallenge));
    assert_eq!(user.decide(undo(&before, 7, 9)), Err(Error::StaleChallenge));
    assert!(user.decide(undo(&before, 4, 9)).is_ok());
    assert!(user.decide(undo(&before, 10, 10)).is_ok());
}

#[test]
fn a_case_is_settled_once() {
    let before = given::<User>(&[registered(), verified()]);
    let user = after(before.clone(), undo(&before, 5, 8));
    let resolve = |case| Command::ResolveCase { case, at: at(9) };

    let outcome = user.decide(resolve(id(7)));

    assert_eq!(outcome, Ok(vec![Event::CaseResolved { case: id(7), at: at(9) }]));
    assert_eq!(user.decide(resolve(id(6))), Err(Error::NoCase));
    assert_eq!(after(user, resolve(id(7))).decide(resolve(id(7))), Err(Error::NoCase));
}
