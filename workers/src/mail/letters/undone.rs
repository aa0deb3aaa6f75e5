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
            "you told us that something done to your account was not you. Your address and your password \
            are as they were before, and all devices were signed out. Your second factors were left as \
            they are: look at them."
                .to_owned(),
            "If somebody else may know your password, choose a new one: use \"forgot password\" where \
            you sign in. An administrator looks at what happened."
                .to_owned(),
        ],
        ..Draft::default()
    };
    draft.because_of(event, to).map(Some)
}
