//! Asks whether the mailbox belongs to whoever opened the account.

use commands::Purpose;
use domain::{
    Event,
    user::{self, Verification},
};
use eventlog::Recorded;

use crate::mail::{
    desk::Desk,
    letter::{Addressee, Button, Draft, Letter},
};

/// None once the question is answered, replaced or too old.
pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::User(user::Event::VerificationRequested { challenge }) = &event.event else {
        return Ok(None);
    };
    let Some(account) = desk.account(event.stream).await? else { return Ok(None) };
    let is_asked = account.verification == Verification::Pending(*challenge);
    if !is_asked || desk.now() >= challenge.expires_at {
        return Ok(None);
    }
    let Some(to) = Addressee::of(&account) else { return Ok(None) };
    let token = desk.commands.link_token(Purpose::Verification, event.stream, challenge.id);
    let link = desk.link("/v1/auth/verify-email", &token);
    let draft = Draft {
        subject: "Confirm your e-mail address",
        before: vec!["please confirm that this mailbox is yours.".to_owned()],
        button: Some(Button { label: "Confirm my address", link }),
        after: vec![
            "The link is good for 24 hours. If you did not open an account, ignore this mail: \
            without the link nothing happens."
                .to_owned(),
        ],
    };
    draft.because_of(event, to).map(Some)
}
