//! How to talk to a person: language, timezone, how often, where.

use std::fmt;

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

use crate::{Kind, Rejection, serde_as_string};

super::settings! {
    /// How to talk to a person.
    Communication,
    /// The fields of [`Communication`] to change.
    CommunicationChange,
    {
        /// The language of mails and notices.
        preferred_language: Language = Language::En,
        /// The person's local time.
        timezone: Timezone = Timezone(chrono_tz::UTC),
        /// How often mails are sent.
        email_frequency: EmailFrequency = EmailFrequency::Immediate,
        /// Whether notices also go to Slack.
        slack_notifications: bool = false,
        /// Whether notices also go to Teams.
        teams_notifications: bool = false,
        /// Whether notices also go to Discord.
        discord_notifications: bool = false,
        /// Whether anything but security notices waits overnight.
        quiet_hours_enabled: bool = false,
        /// When the quiet hours begin, in the person's timezone.
        quiet_hours_start: TimeOfDay = TimeOfDay::at(22),
        /// When the quiet hours end, in the person's timezone.
        quiet_hours_end: TimeOfDay = TimeOfDay::at(8),
    }
}

/// A language that Annals writes mails in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are ISO 639-1 codes")]
pub enum Language {
    En,
    Es,
    Fr,
    De,
    It,
    Pt,
    Nl,
    Pl,
    Ja,
    Zh,
    Ko,
    Ar,
}

/// How often mails are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmailFrequency {
    /// As things happen.
    Immediate,
    /// Gathered, once a day.
    Daily,
    /// Gathered, once a week.
    Weekly,
}

/// An IANA timezone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timezone(chrono_tz::Tz);

/// A time of day to the minute, written `22:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(NaiveTime);

/// The text is not what the setting needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// Not a timezone.
    #[error("this is not an IANA timezone such as Europe/Berlin")]
    Timezone,
    /// Not a time of day.
    #[error("this is not a time of day such as 22:00")]
    TimeOfDay,
}

impl TimeOfDay {
    const fn at(hour: u32) -> Self {
        match NaiveTime::from_hms_opt(hour, 0, 0) {
            Some(time) => Self(time),
            None => Self(NaiveTime::MIN),
        }
    }
}

impl TryFrom<String> for Timezone {
    type Error = InvalidSetting;

    fn try_from(text: String) -> Result<Self, InvalidSetting> {
        text.parse().map(Self).map_err(|_| InvalidSetting::Timezone)
    }
}

impl fmt::Display for Timezone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

serde_as_string!(Timezone);

impl TryFrom<String> for TimeOfDay {
    type Error = InvalidSetting;

    fn try_from(text: String) -> Result<Self, InvalidSetting> {
        NaiveTime::parse_from_str(&text, "%H:%M").map(Self).map_err(|_| InvalidSetting::TimeOfDay)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%H:%M"))
    }
}

serde_as_string!(TimeOfDay);

impl From<InvalidSetting> for Rejection {
    fn from(error: InvalidSetting) -> Self {
        Self::new(Kind::Invalid, "invalid_setting", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Communication, InvalidSetting, TimeOfDay, Timezone};

    #[test]
    fn an_iana_timezone_is_taken() {
        let timezone = Timezone::try_from("Europe/Berlin".to_owned()).unwrap();

        assert_eq!(timezone.to_string(), "Europe/Berlin");
    }

    #[test]
    fn a_timezone_nobody_knows_is_refused() {
        let outcome = Timezone::try_from("Europe/Atlantis".to_owned());

        assert_eq!(outcome, Err(InvalidSetting::Timezone));
    }

    #[test]
    fn a_time_of_day_has_hours_and_minutes() {
        let time = TimeOfDay::try_from("07:05".to_owned()).unwrap();

        assert_eq!(time.to_string(), "07:05");
    }

    #[test]
    fn a_time_that_no_clock_shows_is_refused() {
        for text in ["", "24:00", "12:60", "noon", "12:00:00", "-1:00"] {
            let outcome = TimeOfDay::try_from(text.to_owned());

            assert_eq!(outcome, Err(InvalidSetting::TimeOfDay), "{text}");
        }
    }

    #[test]
    fn quiet_hours_are_the_night_unless_set() {
        let defaults = Communication::default();

        let hours =
            [defaults.quiet_hours_start, defaults.quiet_hours_end].map(|hour| hour.to_string());

        assert_eq!(hours, ["22:00", "08:00"]);
    }

    #[test]
    fn an_unknown_word_is_not_a_setting() {
        let body = r#"{"preferred_language": "tlh"}"#;

        let outcome = serde_json::from_str::<super::CommunicationChange>(body);

        assert!(outcome.is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = Timezone::try_from(text.clone());
            let _ = TimeOfDay::try_from(text);
        }

        #[test]
        fn a_time_of_day_reads_back_what_it_shows(hour in 0..24_u8, minute in 0..60_u8) {
            let shown = format!("{hour:02}:{minute:02}");

            let time = TimeOfDay::try_from(shown.clone()).unwrap();

            prop_assert_eq!(time.to_string(), shown);
        }
    }
}
