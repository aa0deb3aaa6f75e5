//! What to tell a person.

super::settings! {
    /// What to tell a person, and over which channels at all.
    NotificationPreferences,
    /// The fields of [`NotificationPreferences`] to change.
    NotificationChange,
    {
        /// By mail.
        email_notifications: bool = true,
        /// By push message.
        push_notifications: bool = false,
        /// By text message.
        sms_notifications: bool = false,
        /// Offers.
        marketing_emails: bool = false,
        /// News of the product.
        product_updates: bool = true,
        /// Notices about the account's safety; always on.
        security_alerts: bool = true,
        /// Ideas from the assistant.
        ai_suggestions: bool = true,
        /// Maintenance and incidents.
        system_updates: bool = true,
    }
}
