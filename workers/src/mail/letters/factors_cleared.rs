//! Somebody turned two-factor authentication off.

use domain::{
    Event,
    factors::{self, ClearReason},
};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::Cleared { reason, .. }) = &event.event else {
        return Ok(None);
    };
    let happened = match reason {
        ClearReason::Disabled => "Two-factor authentication of your account was turned off.",
        ClearReason::Reset => "An administrator turned off two-factor authentication of your account.",
        ClearReason::Erased => return Ok(None),
    };
    let subject = "Two-factor authentication was turned off";
    Notice { subject, happened: happened.to_owned() }.write(desk, event).await
}
