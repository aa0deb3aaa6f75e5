//! A passkey was refused that may have been copied, or so often that passkeys are locked.

use domain::{
    Event,
    factors::{self, Factors, Fault, Method},
};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

/// None where somebody only did not manage to show one.
pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::PasskeyRefused { fault, is_first, at, .. }) = &event.event
    else {
        return Ok(None);
    };
    if *fault == Fault::CounterWentBack {
        let happened = "A passkey of your account was refused, because the device that showed it has \
            counted fewer uses than we have seen. Somebody may have copied it; remove it if you \
            cannot tell why."
            .to_owned();
        let subject = "A passkey may have been copied";
        return Notice { subject, happened }.write(desk, event).await;
    }
    let log = desk.commands.log();
    let after = log.load_until::<Factors>(event.stream, event.version).await?.state;
    if *is_first || after.guard.locked_until(Method::Passkey, *at).is_none() {
        return Ok(None);
    }
    let happened = "Somebody who has your password failed to show a passkey five times in a row. \
        Passkeys are not taken as a second factor for half an hour. If it was not you, change your \
        password."
        .to_owned();
    Notice { subject: "Wrong passkeys for your account", happened }.write(desk, event).await
}
