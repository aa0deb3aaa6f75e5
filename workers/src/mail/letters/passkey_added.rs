//! Somebody registered a passkey.

use domain::{Event, Personal, Text, factors};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::PasskeyAdded { name, .. }) = &event.event else {
        return Ok(None);
    };
    let name = Personal::known(name).map(Text::to_string).unwrap_or_default();
    let happened = format!(
        "A passkey was registered for your account, under the name \u{201c}{name}\u{201d}. Whoever has it \
        can sign in with it."
    );
    Notice { subject: "A passkey was registered", happened }.write(desk, event).await
}
