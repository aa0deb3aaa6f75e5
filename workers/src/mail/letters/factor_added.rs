//! Somebody turned a second factor on.

use domain::{
    Event,
    factors::{self, Method},
};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::Added { method, .. }) = &event.event else {
        return Ok(None);
    };
    let what = match method {
        Method::Totp => "an authenticator app",
        Method::Sms => "codes by SMS",
        Method::Email => "codes by mail",
        Method::BackupCode => "backup codes",
        Method::Passkey => "a passkey",
    };
    let happened = format!("From now on, signing in to your account takes {what} as well.");
    Notice { subject: "Two-factor authentication was turned on", happened }.write(desk, event).await
}
