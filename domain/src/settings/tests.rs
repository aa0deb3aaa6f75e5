//! Given events, when a command comes, then.

use proptest::prelude::*;

use super::{
    Command, Communication, CommunicationChange, EmailFrequency, Error, Event, Language,
    NotificationChange, NotificationPreferences, Settings,
};
use crate::{
    Aggregate, Kind, Rejection,
    testing::{assert_replays, given, id},
};

fn communication(change: CommunicationChange) -> Command {
    Command::ChangeCommunication { user: id(1), change }
}

fn communication_changed(change: CommunicationChange) -> Event {
    Event::CommunicationChanged { user: id(1), change }
}

fn notifications(change: NotificationChange) -> Command {
    Command::ChangeNotifications { user: id(1), change }
}

fn notifications_changed(change: NotificationChange) -> Event {
    Event::NotificationsChanged { user: id(1), change }
}

fn speaks(language: Language) -> CommunicationChange {
    CommunicationChange { preferred_language: Some(language), ..Default::default() }
}

fn wants_offers(marketing: bool) -> NotificationChange {
    NotificationChange { marketing_emails: Some(marketing), ..Default::default() }
}

#[test]
fn a_language_can_be_chosen() {
    let settings = given::<Settings>(&[]);

    let outcome = settings.decide(communication(speaks(Language::De)));

    assert_eq!(outcome, Ok(vec![communication_changed(speaks(Language::De))]));
}

#[test]
fn a_change_holds_only_what_is_different_now() {
    let settings = given::<Settings>(&[communication_changed(speaks(Language::De))]);

    let outcome = settings.decide(communication(CommunicationChange {
        slack_notifications: Some(true),
        ..speaks(Language::De)
    }));

    let change = CommunicationChange { slack_notifications: Some(true), ..Default::default() };
    assert_eq!(outcome, Ok(vec![communication_changed(change)]));
}

#[test]
fn setting_what_is_so_already_changes_nothing() {
    let settings = given::<Settings>(&[]);

    let outcome = settings.decide(communication(speaks(Language::En)));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn offers_can_be_asked_for() {
    let settings = given::<Settings>(&[]);

    let outcome = settings.decide(notifications(wants_offers(true)));

    assert_eq!(outcome, Ok(vec![notifications_changed(wants_offers(true))]));
}

#[test]
fn refusing_offers_that_are_off_changes_nothing() {
    let settings = given::<Settings>(&[]);

    let outcome = settings.decide(notifications(wants_offers(false)));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn security_alerts_cannot_be_switched_off() {
    let settings = given::<Settings>(&[]);

    let outcome = settings.decide(notifications(NotificationChange {
        security_alerts: Some(false),
        ..wants_offers(true)
    }));

    assert_eq!(outcome, Err(Error::CategoryMandatory));
}

#[test]
fn security_alerts_may_be_confirmed() {
    let settings = given::<Settings>(&[]);

    let change = NotificationChange { security_alerts: Some(true), ..Default::default() };
    let outcome = settings.decide(notifications(change));

    assert_eq!(outcome, Ok(vec![]));
}

#[test]
fn a_change_of_communication_leaves_the_rest_as_it_was() {
    let settings = given::<Settings>(&[communication_changed(speaks(Language::Fr))]);

    let expected = Settings {
        communication: Communication {
            preferred_language: Language::Fr,
            ..Communication::default()
        },
        notifications: NotificationPreferences::default(),
    };

    assert_eq!(settings, expected);
}

#[test]
fn a_later_change_wins() {
    let settings = given::<Settings>(&[
        notifications_changed(wants_offers(true)),
        notifications_changed(wants_offers(false)),
    ]);

    assert_eq!(settings, Settings::default());
}

#[test]
fn nothing_is_left_of_the_settings_of_somebody_who_left() {
    let settings = given::<Settings>(&[communication_changed(speaks(Language::Fr))]);

    let outcome = settings.decide(Command::Erase { user: id(1) });

    let erased = Event::Erased { user: id(1) };
    assert_eq!(outcome, Ok(vec![erased.clone()]));
    let after = given::<Settings>(&[communication_changed(speaks(Language::Fr)), erased]);
    assert_eq!(after, Settings::default());
    assert_eq!(after.decide(Command::Erase { user: id(1) }), Ok(vec![]));
}

#[test]
fn switching_off_security_alerts_is_an_invalid_input() {
    let rejection = Rejection::from(Error::CategoryMandatory);

    assert_eq!((rejection.kind, rejection.code), (Kind::Invalid, "category_mandatory"));
}

fn any_communication() -> impl Strategy<Value = CommunicationChange> {
    let language = prop_oneof![Just(Language::En), Just(Language::De), Just(Language::Ko)];
    let frequency = prop_oneof![Just(EmailFrequency::Immediate), Just(EmailFrequency::Weekly)];
    let fields = (prop::option::of(language), prop::option::of(frequency), any::<Option<bool>>());
    fields.prop_map(|(preferred_language, email_frequency, quiet_hours_enabled)| {
        CommunicationChange {
            preferred_language,
            email_frequency,
            quiet_hours_enabled,
            ..Default::default()
        }
    })
}

fn any_notifications() -> impl Strategy<Value = NotificationChange> {
    any::<[Option<bool>; 3]>().prop_map(|[marketing_emails, security_alerts, ai_suggestions]| {
        NotificationChange {
            marketing_emails,
            security_alerts,
            ai_suggestions,
            ..Default::default()
        }
    })
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        any_communication().prop_map(communication),
        any_notifications().prop_map(notifications),
    ]
}

proptest! {
    #[test]
    fn any_history_replays_to_the_same_settings(
        commands in prop::collection::vec(any_command(), 0..20),
    ) {
        assert_replays::<Settings>(commands);
    }
}
