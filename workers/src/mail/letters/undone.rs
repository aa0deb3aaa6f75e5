//! What somebody said was not them is undone.

use eventlog::Recorded;

use crate::mail::{
    desk::Desk,
    letter::{Addressee, Draft, Letter},
};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Some(account) = desk.account(event.stream).await? else { return Ok(None) };
    let Some(to) = Addressee::of(&account) else { return Ok(None) };
    let draft = Draft {
        subject: "Your account is as it was before",
        before: vec![
            "you told us that something done to your account was not you. Your address, your \
            password and your second factors are as they were before, all devices were signed out, and \
            API keys made since were revoked."
                .to_owned(),
            "If somebody else may know your password, choose a new one: use \"forgot password\" where \
            you sign in. An administrator looks at what happened."
                .to_owned(),
        ],
        ..Draft::default()
    };
    draft.because_of(event, to).map(Some)
}
