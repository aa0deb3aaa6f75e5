//! Somebody used a backup code.

use domain::{
    Event,
    factors::{self, Factors},
};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::BackupCodeUsed { .. }) = &event.event else {
        return Ok(None);
    };
    let log = desk.commands.log();
    let after = log.load_until::<Factors>(event.stream, event.version).await?.state;
    let left = after.backup_codes_left();
    let happened = format!("A backup code of your account was used; {left} are left.");
    Notice { subject: "A backup code was used", happened }.write(desk, event).await
}
