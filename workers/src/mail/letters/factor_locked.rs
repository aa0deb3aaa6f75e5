//! Somebody guessed codes until a factor was locked.

use domain::{
    Event,
    factors::{self, Factors},
};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

/// None while more guesses are allowed.
pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::CodeRefused { methods, at, .. }) = &event.event else {
        return Ok(None);
    };
    let log = desk.commands.log();
    let after = log.load_until::<Factors>(event.stream, event.version).await?.state;
    if !methods.iter().any(|method| after.guard.locked_until(*method, *at).is_some()) {
        return Ok(None);
    }
    let happened = "Somebody who has your password gave five wrong codes in a row. This second \
        factor takes no codes for half an hour. If it was not you, change your password."
        .to_owned();
    Notice { subject: "Wrong codes for your account", happened }.write(desk, event).await
}
