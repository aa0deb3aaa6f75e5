//! Given events, when a command comes, then.

use proptest::prelude::*;

use super::{ApiKey, Change, Command, Creation, Error, Event, RateLimit, Rotation, Scope};
use crate::{
    Aggregate, Claim, ClaimScope, Kind, Rejection,
    testing::{assert_replays, at, given, id, text},
};

const OWNER: u128 = 1;
const STRANGER: u128 = 2;

fn creation(expires: i64) -> Creation {
    Creation {
        owner: id(OWNER),
        name: text("Backup"),
        prefix: "ak_3f9c".to_owned(),
        scopes: vec![Scope::Chat],
        limit: None,
        at: at(0),
        expires_at: at(expires),
    }
}

fn created() -> Event {
    Event::Created {
        owner: id(OWNER),
        name: text("Backup").into(),
        prefix: "ak_3f9c".to_owned(),
        scopes: vec!["chat".to_owned()],
        at: at(0),
        expires_at: at(60),
    }
}

fn revoked() -> Event {
    Event::Revoked { prefix: "ak_3f9c".to_owned(), before: None }
}

fn change(change: Change) -> Command {
    Command::Change { owner: id(OWNER), change, at: at(10) }
}

fn switch(is_active: bool) -> Command {
    change(Change { is_active: Some(is_active), ..Change::default() })
}

fn rotate(prefix: &str, until: Option<i64>) -> Command {
    let (owner, prefix) = (id(OWNER), prefix.to_owned());
    Command::Rotate(Rotation { owner, prefix, until: until.map(at), at: at(10) })
}

fn rotated(prefix: &str, before: &str, until: Option<i64>, ended: Option<&str>) -> Event {
    Event::Rotated {
        prefix: prefix.to_owned(),
        before: before.to_owned(),
        until: until.map(at),
        ended: ended.map(str::to_owned),
        at: at(10),
    }
}

fn deactivated(before: Option<&str>) -> Event {
    Event::Deactivated { prefix: "ak_3f9c".to_owned(), before: before.map(str::to_owned) }
}

fn activated() -> Event {
    Event::Activated { prefix: "ak_3f9c".to_owned() }
}

fn ten_a_minute() -> RateLimit {
    RateLimit { requests: 10.try_into().unwrap(), seconds: 60.try_into().unwrap() }
}

fn limited(limit: Option<RateLimit>) -> Event {
    Event::RateLimitChanged { limit }
}

fn prefixes(claims: &[Claim]) -> Vec<(bool, String)> {
    let each = claims.iter().map(|claim| match claim {
        Claim::Take(ClaimScope::ApiKey, key) => (true, key),
        Claim::Release(ClaimScope::ApiKey, key) => (false, key),
        other => panic!("{other:?}"),
    });
    each.map(|(is_taken, key)| (is_taken, String::from_utf8(key.clone()).unwrap())).collect()
}

fn revoke(owner: u128) -> Command {
    Command::Revoke { owner: id(owner) }
}

#[test]
fn a_key_can_be_created() {
    let nothing = given::<ApiKey>(&[]);

    let outcome = nothing.decide(Command::Create(creation(60)));

    assert_eq!(outcome, Ok(vec![created()]));
}

#[test]
fn a_key_must_expire_in_the_future() {
    let nothing = given::<ApiKey>(&[]);

    let outcome = nothing.decide(Command::Create(creation(0)));

    assert_eq!(outcome, Err(Error::Expired));
}

#[test]
fn a_key_cannot_be_created_twice() {
    let key = given::<ApiKey>(&[created()]);

    let outcome = key.decide(Command::Create(creation(60)));

    assert_eq!(outcome, Err(Error::AlreadyCreated));
}

#[test]
fn a_revoked_key_cannot_be_created_again() {
    let key = given::<ApiKey>(&[created(), revoked()]);

    let outcome = key.decide(Command::Create(creation(60)));

    assert_eq!(outcome, Err(Error::AlreadyCreated));
}

#[test]
fn its_owner_can_revoke_a_key() {
    let key = given::<ApiKey>(&[created()]);

    let outcome = key.decide(revoke(OWNER));

    assert_eq!(outcome, Ok(vec![revoked()]));
}

#[test]
fn revoking_twice_changes_nothing() {
    let key = given::<ApiKey>(&[created(), revoked()]);

    let outcome = key.decide(revoke(OWNER));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn somebody_elses_key_is_not_found() {
    let key = given::<ApiKey>(&[created()]);

    let outcome = key.decide(revoke(STRANGER));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn somebody_elses_revoked_key_is_not_found() {
    let key = given::<ApiKey>(&[created(), revoked()]);

    let outcome = key.decide(revoke(STRANGER));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_key_that_never_was_is_not_found() {
    let nothing = given::<ApiKey>(&[]);

    let outcome = nothing.decide(revoke(OWNER));

    assert_eq!(outcome, Err(Error::NotFound));
}

#[test]
fn a_revoked_key_remembers_whose_it_was() {
    let key = given::<ApiKey>(&[created(), revoked()]);

    assert_eq!(key, ApiKey::Revoked { owner: id(OWNER) });
}

#[test]
fn a_key_is_good_from_its_creation() {
    let claims = ApiKey::claims(id(7), &created());

    assert_eq!(claims, [Claim::Take(ClaimScope::ApiKey, b"ak_3f9c".to_vec())]);
}

#[test]
fn a_key_is_good_until_its_revocation() {
    let claims = ApiKey::claims(id(7), &revoked());

    assert_eq!(claims, [Claim::Release(ClaimScope::ApiKey, b"ak_3f9c".to_vec())]);
}

#[test]
fn an_expiry_in_the_past_is_an_invalid_input() {
    let rejection = Rejection::from(Error::Expired);

    assert_eq!((rejection.kind, rejection.code), (Kind::Invalid, "invalid_expiry"));
}

#[test]
fn a_key_is_renamed_and_rescoped() {
    let key = given::<ApiKey>(&[created()]);
    let to = Change {
        name: Some(text("Deploy")),
        scopes: Some(vec![Scope::Settings, Scope::Chat, Scope::Chat]),
        expires_at: Some(at(60)),
        is_active: Some(true),
    };

    let outcome = key.decide(change(to));

    let scopes = Some(vec!["chat".to_owned(), "settings".to_owned()]);
    let name = Some(text("Deploy").into());
    assert_eq!(outcome, Ok(vec![Event::Changed { name, scopes, expires_at: None }]));
}

#[test]
fn a_key_that_is_as_it_should_be_is_left_alone() {
    let key = given::<ApiKey>(&[created()]);
    let to = Change { scopes: Some(vec![Scope::Chat]), ..Change::default() };

    assert_eq!(key.decide(change(to)), Ok(vec![]));
    assert_eq!(key.decide(switch(true)), Ok(vec![]));
}

#[test]
fn a_key_cannot_be_made_to_expire_in_the_past() {
    let key = given::<ApiKey>(&[created()]);
    let to = Change { expires_at: Some(at(10)), ..Change::default() };

    assert_eq!(key.decide(change(to)), Err(Error::Expired));
}

#[test]
fn a_key_is_turned_off_and_on_again() {
    let on = given::<ApiKey>(&[created()]);
    let off = given::<ApiKey>(&[created(), deactivated(None)]);

    assert_eq!(on.decide(switch(false)), Ok(vec![deactivated(None)]));
    assert_eq!(off.decide(switch(false)), Ok(vec![]));
    assert_eq!(off.decide(switch(true)), Ok(vec![activated()]));
    assert_eq!(given::<ApiKey>(&[created(), deactivated(None), activated()]), on);
}

#[test]
fn the_old_secret_is_good_beside_the_new_one_until_the_next_change() {
    let first = rotated("ak_new", "ak_3f9c", Some(40), None);
    let key = given::<ApiKey>(&[created(), first]);

    let again = key.decide(rotate("ak_last", Some(50)));
    let off = key.decide(switch(false));
    let gone = key.decide(revoke(OWNER));

    assert_eq!(again, Ok(vec![rotated("ak_last", "ak_new", Some(50), Some("ak_3f9c"))]));
    let (prefix, before) = ("ak_new".to_owned(), Some("ak_3f9c".to_owned()));
    let off_event = Event::Deactivated { prefix: prefix.clone(), before: before.clone() };
    assert_eq!(off, Ok(vec![off_event]));
    assert_eq!(gone, Ok(vec![Event::Revoked { prefix, before }]));
}

#[test]
fn a_time_that_has_passed_is_no_overlap() {
    let key = given::<ApiKey>(&[created()]);

    let outcome = key.decide(rotate("ak_new", Some(10)));

    assert_eq!(outcome, Ok(vec![rotated("ak_new", "ak_3f9c", None, None)]));
}

#[test]
fn a_secret_that_is_good_is_no_new_one() {
    let key = given::<ApiKey>(&[created(), rotated("ak_new", "ak_3f9c", Some(40), None)]);

    for prefix in ["ak_new", "ak_3f9c"] {
        assert_eq!(key.decide(rotate(prefix, None)), Err(Error::AlreadyCreated));
    }
}

#[test]
fn a_key_that_opens_nothing_gets_no_new_secret() {
    let off = given::<ApiKey>(&[created(), deactivated(None)]);
    let gone = given::<ApiKey>(&[created(), revoked()]);

    assert_eq!(off.decide(rotate("ak_new", None)), Err(Error::Inactive));
    assert_eq!(gone.decide(rotate("ak_new", None)), Err(Error::Revoked));
    assert_eq!(gone.decide(switch(true)), Err(Error::Revoked));
}

#[test]
fn a_limit_is_set_and_taken_away() {
    let free = given::<ApiKey>(&[created()]);
    let limit = |limit| Command::Limit { owner: id(OWNER), limit };
    let held = given::<ApiKey>(&[created(), limited(Some(ten_a_minute()))]);

    assert_eq!(free.decide(limit(Some(ten_a_minute()))), Ok(vec![limited(Some(ten_a_minute()))]));
    assert_eq!(held.decide(limit(Some(ten_a_minute()))), Ok(vec![]));
    assert_eq!(held.decide(limit(None)), Ok(vec![limited(None)]));
}

#[test]
fn a_key_is_made_with_a_limit() {
    let with_limit = Creation { limit: Some(ten_a_minute()), ..creation(60) };

    let outcome = ApiKey::Absent.decide(Command::Create(with_limit));

    assert_eq!(outcome, Ok(vec![created(), limited(Some(ten_a_minute()))]));
}

#[test]
fn each_secret_is_good_until_its_own_end() {
    let key = given::<ApiKey>(&[created(), rotated("ak_new", "ak_3f9c", Some(40), None)]);
    let ApiKey::Active(key) = key else { panic!("{key:?}") };

    assert_eq!(key.good_until("ak_new"), Some(at(60)));
    assert_eq!(key.good_until("ak_3f9c"), Some(at(40)));
    assert_eq!(key.good_until("ak_none"), None);
}

#[test]
fn nobody_changes_somebody_elses_key() {
    let key = given::<ApiKey>(&[created()]);
    let owner = id(STRANGER);
    let rotation = Rotation { owner, prefix: "ak_new".to_owned(), until: None, at: at(10) };

    for command in [
        Command::Change { owner, change: Change::default(), at: at(10) },
        Command::Rotate(rotation),
        Command::Limit { owner, limit: None },
    ] {
        assert_eq!(key.decide(command), Err(Error::NotFound));
    }
}

#[test]
fn a_secret_is_good_while_its_prefix_is_held() {
    let claims = |event: Event| prefixes(&ApiKey::claims(id(7), &event));
    let taken = |prefix: &str| (true, prefix.to_owned());
    let released = |prefix: &str| (false, prefix.to_owned());

    assert_eq!(claims(rotated("c", "b", Some(40), Some("a"))), [taken("c"), released("a")]);
    assert_eq!(
        claims(rotated("c", "b", None, Some("a"))),
        [taken("c"), released("b"), released("a")]
    );
    assert_eq!(claims(deactivated(Some("a"))), [released("ak_3f9c"), released("a")]);
    assert_eq!(claims(activated()), [taken("ak_3f9c")]);
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (-10..90_i64).prop_map(|expires| Command::Create(creation(expires))),
        any::<bool>().prop_map(switch),
        prop::option::of(0..90_i64).prop_map(|until| rotate("ak_new", until)),
        (OWNER..=STRANGER).prop_map(revoke),
    ]
}

proptest! {
    #[test]
    fn any_history_replays_to_the_same_key(
        commands in prop::collection::vec(any_command(), 0..8),
    ) {
        assert_replays::<ApiKey>(commands);
    }
}
