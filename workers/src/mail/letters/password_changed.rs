//! The password is another one.

use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let notice = Notice {
        subject: "Your password was changed",
        happened: "The password of your account was changed, and your other devices were signed out."
            .to_owned(),
    };
    notice.write(desk, event).await
}
