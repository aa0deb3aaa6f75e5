//! Somebody removed a passkey.

use domain::{Event, factors};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::PasskeyRemoved { .. }) = &event.event else {
        return Ok(None);
    };
    let happened = "A passkey of your account was removed. It opens nothing any more.".to_owned();
    Notice { subject: "A passkey was removed", happened }.write(desk, event).await
}
