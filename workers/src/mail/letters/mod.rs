//! Which event is answered by which letter. A new letter is a file here and a line below.

use eventlog::Recorded;

use super::{desk::Desk, letter::Letter};

/// Makes the list: the category and the rest of an event's name, and the file whose `write` answers it
/// with a letter, or with none where there is nothing to say (any more).
macro_rules! letters {
    ($($category:literal $event:literal => $file:ident,)*) => {
        $(mod $file;)*

        /// The subjects of the events that are answered.
        pub(super) const SUBJECTS: &[&str] = &[$(concat!("events.", $category, ".*.", $event)),*];

        /// The letter that an event asks for; none where there is nothing to say.
        pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
            match &*event.name {
                $(concat!($category, ".", $event) => $file::write(desk, event).await,)*
                _ => Ok(None),
            }
        }
    };
}

letters! {
    "factors" "added" => factor_added,
    "factors" "backup_code_used" => backup_code_used,
    "factors" "backup_codes_made" => backup_codes_made,
    "factors" "cleared" => factors_cleared,
    "factors" "code_refused" => factor_locked,
    "factors" "code_sent" => sent_code,
    "factors" "passkey_added" => passkey_added,
    "factors" "passkey_refused" => passkey_refused,
    "factors" "passkey_removed" => passkey_removed,
    "session" "ended" => token_reused,
    "session" "started" => new_device,
    "user" "email_change_requested" => email_change,
    "user" "email_changed" => email_changed,
    "user" "magic_link_requested" => magic_link,
    "user" "password_changed" => password_changed,
    "user" "password_reset" => password_reset,
    "user" "password_reset_requested" => reset_link,
    "user" "registration_tried" => registration_tried,
    "user" "undone" => undone,
    "user" "verification_requested" => verification,
}
