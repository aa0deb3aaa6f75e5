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
