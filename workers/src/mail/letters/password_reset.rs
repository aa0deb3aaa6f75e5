//! Somebody who followed a mailed link chose another password.

use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let notice = Notice {
        subject: "Your password was reset",
        happened: "A new password was chosen for your account by a link that was mailed to you, and \
            all your devices were signed out."
            .to_owned(),
    };
    notice.write(desk, event).await
}
