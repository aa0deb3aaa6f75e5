//! The link by which a forgotten password is replaced.

use commands::Purpose;
use domain::{Event, user};
use eventlog::Recorded;

use crate::mail::{
    desk::Desk,
    letter::{Addressee, Button, Draft, Letter},
};

/// None once it was used, replaced or is too old.
pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::User(user::Event::PasswordResetRequested { challenge }) = &event.event else {
        return Ok(None);
    };
    let Some(account) = desk.account(event.stream).await? else { return Ok(None) };
    if account.reset != Some(*challenge) || desk.now() >= challenge.expires_at {
        return Ok(None);
    }
    let Some(to) = Addressee::of(&account) else { return Ok(None) };
    let token = desk.commands.link_token(Purpose::PasswordReset, event.stream, challenge.id);
    let link = desk.link("/v1/auth/reset-password", &token);
    let draft = Draft {
        subject: "Choose a new password",
        before: vec!["by this link you can choose a new password.".to_owned()],
        button: Some(Button { label: "Choose a new password", link }),
        after: vec![
            "The link is good once, for 30 minutes. If you did not ask for it, ignore this mail: your \
            password stays as it is."
                .to_owned(),
        ],
    };
    draft.because_of(event, to).map(Some)
}
