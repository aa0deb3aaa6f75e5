//! Somebody replaced the backup codes.

use domain::{Event, factors};
use domain::factors::Factors;
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

/// None for the first ones, which come with a factor of which there is a notice.
pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::Factors(factors::Event::BackupCodesMade { .. }) = &event.event else {
        return Ok(None);
    };
    let log = desk.commands.log();
    let before = log.load_until::<Factors>(event.stream, event.version - 1).await?.state;
    if before.backup_codes.is_none() {
        return Ok(None);
    }
    let happened = "The backup codes of your account were replaced; the old ones are good no more.";
    Notice { subject: "New backup codes", happened: happened.to_owned() }.write(desk, event).await
}
