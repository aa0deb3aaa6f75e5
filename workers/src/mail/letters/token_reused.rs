//! Somebody used a copied refresh token.

use domain::{
    Event,
    session::{self, EndReason},
};
use eventlog::Recorded;

use crate::mail::{desk::Desk, letter::Letter, notice::Notice};

pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let reused = session::Event::Ended { reason: EndReason::TokenReused };
    if event.event != Event::Session(reused) {
        return Ok(None);
    }
    let notice = Notice {
        subject: "One of your devices was signed out",
        happened: "A sign-in of yours was used twice, as if somebody had copied it. The device was \
            signed out; sign in there again."
            .to_owned(),
    };
    notice.write(desk, event).await
}
