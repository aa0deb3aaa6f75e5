//! Somebody signed in in a way that is new for the account.

use domain::{
    Event, Personal,
    session::{self, device_name},
};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Session(session::Event::Started { user_agent, is_new_device: true, .. }) =
        &event.event
    else {
        return Ok(None);
    };
    let user_agent = user_agent.as_ref().and_then(Personal::known);
    let device = device_name(user_agent.map_or("", String::as_str));
    let notice = Notice {
        subject: "A new device signed in to your account",
        happened: format!("Somebody signed in to your account with {device}, for the first time."),
    };
    notice.write(desk, event).await
}
