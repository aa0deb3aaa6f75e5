//! The account moved to another address; the old mailbox is told.

use domain::{Event, Personal, user};
use eventlog::Recorded;

use crate::mail::{
    desk::Desk,
    letter::{Addressee, Letter},
    notice::Notice,
};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::User(user::Event::EmailChanged { from, to, .. }) = &event.event else {
        return Ok(None);
    };
    let (Some(from), Some(to)) = (from.known(), to.known()) else { return Ok(None) };
    let Some(account) = desk.account(event.stream).await? else { return Ok(None) };
    let name = account.name.as_ref().and_then(Personal::known).map(ToString::to_string);
    let notice = Notice {
        subject: "Your e-mail address was changed",
        happened: format!("From now on, mail of your account goes to {to} and not to you."),
    };
    let to = Addressee { email: from.clone(), name };
    notice.write_to(to, desk, event).await.map(Some)
}
