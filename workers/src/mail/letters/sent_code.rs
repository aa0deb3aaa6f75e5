//! A code that proves somebody reads the mailbox.

use domain::{
    Event,
    factors::{self, Factors, Method},
};
use eventlog::Recorded;

use crate::mail::{
    desk::{Desk, person},
    letter::{Addressee, Draft, Letter},
};

/// None once the code is used, replaced or too old.
pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::CodeSent { code, method: Method::Email, .. }) = &event.event
    else {
        return Ok(None);
    };
    let user = person(event);
    let factors = desk.commands.log().load::<Factors>(event.stream).await?.state;
    let waits = factors.sent.iter().any(|sent| sent.id == *code && desk.now() < sent.expires_at);
    let account = desk.account(user).await?.filter(|_| waits);
    let Some(to) = account.as_ref().and_then(Addressee::of) else { return Ok(None) };
    let draft = Draft {
        subject: "Your code",
        before: vec![format!("your code is {}.", desk.commands.sent_code(user, *code))],
        after: vec![
            "It is good for 5 minutes. Tell it to nobody: we never ask for it. If you did not ask \
            for a code, somebody knows your password; change it."
                .to_owned(),
        ],
        ..Draft::default()
    };
    draft.because_of(event, to).map(Some)
}
