//! The fields of settings, the same in requests and answers; in a request all may be left out.

use chrono::{DateTime, Utc};
use domain::settings::{
    self, CommunicationChange, EmailFrequency, Language, NotificationChange,
    NotificationPreferences, TimeOfDay, Timezone,
};
use projections::SettingsView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A record of optional fields, made from settings in full and turned into a change.
macro_rules! fields {
    (
        $(#[$doc:meta])* $name:ident from $settings:path, to $change:ident,
        { $($(#[$about:meta])* $field:ident: $type:ty,)* }
        { $($(#[$extra_about:meta])* $extra:ident: $extra_type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
        pub(crate) struct $name {
            $($(#[$about])* $field: Option<$type>,)*
            $(
                $(#[$extra_about])*
                #[serde(skip_deserializing)]
                #[schema(read_only)]
                $extra: Option<$extra_type>,
            )*
        }

        impl From<$settings> for $name {
            fn from(settings: $settings) -> Self {
                Self { $($field: Some(settings.$field),)* $($extra: None,)* }
            }
        }

        impl From<$name> for $change {
            fn from(fields: $name) -> Self {
                Self { $($field: fields.$field,)* }
            }
        }
    };
}

fields! {
    /// How Annals talks to a person.
    Communication from settings::Communication, to CommunicationChange,
    {
        /// The language of mails and notices: en es fr de it pt nl pl ja zh ko ar.
        #[schema(value_type = Option<String>, example = "de")]
        preferred_language: Language,
        /// An IANA timezone.
        #[schema(value_type = Option<String>, example = "Europe/Berlin")]
        timezone: Timezone,
        /// How often mails are sent: immediate, daily or weekly.
        #[schema(value_type = Option<String>, example = "immediate")]
        email_frequency: EmailFrequency,
        /// Whether notices also go to Slack.
        slack_notifications: bool,
        /// Whether notices also go to Teams.
        teams_notifications: bool,
        /// Whether notices also go to Discord.
        discord_notifications: bool,
        /// Whether anything but security notices waits overnight.
        quiet_hours_enabled: bool,
        /// When the quiet hours begin, in the person's timezone.
        #[schema(value_type = Option<String>, example = "22:00")]
        quiet_hours_start: TimeOfDay,
        /// When the quiet hours end, in the person's timezone.
        #[schema(value_type = Option<String>, example = "08:00")]
        quiet_hours_end: TimeOfDay,
    }
    {}
}

fields! {
    /// What Annals tells a person, and over which channels at all.
    Preferences from NotificationPreferences, to NotificationChange,
    {
        /// By mail.
        email_notifications: bool,
        /// By push message.
        push_notifications: bool,
        /// By text message.
        sms_notifications: bool,
        /// Offers.
        marketing_emails: bool,
        /// News of the product.
        product_updates: bool,
        /// Notices about the account's safety; always on.
        security_alerts: bool,
        /// Ideas from the assistant.
        ai_suggestions: bool,
        /// Maintenance and incidents.
        system_updates: bool,
    }
    {
        /// Whose preferences.
        user_id: Uuid,
        /// When the first of them was changed.
        created_at: DateTime<Utc>,
        /// When the last of them was changed.
        updated_at: DateTime<Utc>,
    }
}

impl Preferences {
    /// A person's preferences as they can be read.
    pub(crate) fn of(user: Uuid, view: SettingsView<NotificationPreferences>) -> Self {
        let SettingsView { settings, created_at, updated_at } = view;
        Self { user_id: Some(user), created_at, updated_at, ..settings.into() }
    }

    /// A person's preferences just after a change: what holds is certain, when it was changed is
    /// what the read models say.
    pub(crate) fn changed(
        user: Uuid,
        now: NotificationPreferences,
        view: &SettingsView<NotificationPreferences>,
    ) -> Self {
        let (created_at, updated_at) = (view.created_at, view.updated_at);
        Self::of(user, SettingsView { settings: now, created_at, updated_at })
    }
}
