//! Asks the mailbox to which somebody wants to move.

use commands::Purpose;
use domain::{Event, Personal, user};
use eventlog::Recorded;

use crate::mail::{
    desk::Desk,
    letter::{Addressee, Button, Draft, Letter},
};

/// None once the question is answered, replaced or too old.
pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::User(user::Event::EmailChangeRequested { to, challenge }) = &event.event else {
        return Ok(None);
    };
    let Some(account) = desk.account(event.stream).await? else { return Ok(None) };
    let is_asked = account.email_change.is_some_and(|change| change.challenge == *challenge);
    let Some(email) = to.known().filter(|_| is_asked) else { return Ok(None) };
    if desk.now() >= challenge.expires_at {
        return Ok(None);
    }
    let token = desk.commands.link_token(Purpose::EmailChange, event.stream, challenge.id);
    let link = desk.link("/v1/auth/confirm-email-change", &token);
    let draft = Draft {
        subject: "Confirm your new e-mail address",
        before: vec!["please confirm that your account is to move to this mailbox.".to_owned()],
        button: Some(Button { label: "Move my account here", link }),
        after: vec![
            "The link is good for 24 hours. If you did not ask for this, ignore this mail: without \
            the link nothing happens."
                .to_owned(),
        ],
    };
    let name = account.name.as_ref().and_then(Personal::known).map(ToString::to_string);
    draft.because_of(event, Addressee { email: email.clone(), name }).map(Some)
}
