//! Somebody wanted to open an account with an address that has one.

use eventlog::Recorded;

use crate::mail::{
    desk::Desk,
    letter::{Addressee, Draft, Letter},
};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Some(account) = desk.account(event.stream).await? else { return Ok(None) };
    let Some(to) = Addressee::of(&account) else { return Ok(None) };
    let draft = Draft {
        subject: "You have an account already",
        before: vec![
            "somebody tried to open an account with your e-mail address, which has one already. Nothing \
            was changed."
                .to_owned(),
            "If this was you, sign in; if you do not know your password, use \"forgot password\" there. \
            If it was not, there is nothing to do."
                .to_owned(),
        ],
        ..Draft::default()
    };
    draft.because_of(event, to).map(Some)
}
