//! Any command to each aggregate, about few enough things that they meet again.

mod chat;
mod credentials;
mod factors;
mod notices;
mod user;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Aggregate, Text,
    audit::{self, Audit, Export, Format},
    settings::{
        self, CommunicationChange, EmailFrequency, Language, NotificationChange, Settings,
        TimeOfDay, Timezone,
    },
};
use proptest::{option, prelude::*, sample::select};
use uuid::Uuid;

/// An aggregate of which anything can be asked.
pub trait Askable: Aggregate {
    /// Any command.
    fn any_command() -> BoxedStrategy<Self::Command>;
}

fn any_id() -> impl Strategy<Value = Uuid> {
    (1..4_u128).prop_map(Uuid::from_u128)
}

/// Moments within two minutes, and some far away.
fn any_moment() -> impl Strategy<Value = DateTime<Utc>> {
    let seconds = prop_oneof![8 => 0..120_i64, 1 => Just(-1), 1 => Just(4_000_000_000)];
    seconds.prop_map(|seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds))
}

fn any_text() -> impl Strategy<Value = Text> {
    select(vec!["Ada", "Ünïcödé \u{1f980}", "'; drop table"])
        .prop_map(|text| Text::try_from(text.to_owned()).expect("a text"))
}

impl Askable for Audit {
    fn any_command() -> BoxedStrategy<audit::Command> {
        let format = select(vec![Format::Csv, Format::Jsonl]);
        let filter = (option::of(any_id()), option::of(any::<String>()));
        (format, filter, any::<[i64; 2]>(), any::<u32>(), any_moment())
            .prop_map(|(format, (user, action), [after, upto], limit, at)| {
                let category = None;
                let export = Export { format, after, upto, user, action, category, limit, at };
                audit::Command::RecordExport(export)
            })
            .boxed()
    }
}

impl Askable for Settings {
    fn any_command() -> BoxedStrategy<settings::Command> {
        let communication = (
            option::of(select(vec![Language::En, Language::De, Language::Ko])),
            option::of(select(vec![EmailFrequency::Immediate, EmailFrequency::Weekly])),
            option::of(select(vec!["UTC", "Europe/Berlin"])),
            option::of(select(vec!["22:00", "23:59"])),
            any::<[Option<bool>; 4]>(),
        );
        let communication =
            communication.prop_map(|(language, frequency, zone, time, switches)| {
                CommunicationChange {
                    preferred_language: language,
                    email_frequency: frequency,
                    timezone: zone.and_then(|zone| Timezone::try_from(zone.to_owned()).ok()),
                    quiet_hours_start: time
                        .and_then(|time| TimeOfDay::try_from(time.to_owned()).ok()),
                    quiet_hours_enabled: switches[0],
                    slack_notifications: switches[1],
                    teams_notifications: switches[2],
                    discord_notifications: switches[3],
                    ..CommunicationChange::default()
                }
            });
        let notifications = any::<[Option<bool>; 3]>().prop_map(|switches| NotificationChange {
            marketing_emails: switches[0],
            security_alerts: switches[1],
            ai_suggestions: switches[2],
            ..NotificationChange::default()
        });
        prop_oneof![
            4 => (any_id(), communication)
                .prop_map(|(user, change)| settings::Command::ChangeCommunication { user, change }),
            4 => (any_id(), notifications)
                .prop_map(|(user, change)| settings::Command::ChangeNotifications { user, change }),
            1 => any_id().prop_map(|user| settings::Command::Erase { user }),
        ]
        .boxed()
    }
}
