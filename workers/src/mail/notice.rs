//! The form of every security notice: what happened, when, from where, and how to undo it.

use eventlog::Recorded;

use super::{
    desk::{Desk, person},
    letter::{Addressee, Button, Draft, Letter},
};

/// A word to somebody about what was done to their account.
pub(super) struct Notice {
    /// What the mail is about.
    pub subject: &'static str,
    /// What happened, in a sentence.
    pub happened: String,
}

impl Notice {
    /// Writes it to whom the event tells of; none where they have left.
    pub(super) async fn write(
        self,
        desk: &Desk,
        event: &Recorded,
    ) -> anyhow::Result<Option<Letter>> {
        let account = desk.account(person(event)).await?;
        let Some(to) = account.as_ref().and_then(Addressee::of) else { return Ok(None) };
        self.write_to(to, desk, event).await.map(Some)
    }

    /// Writes it to somebody in particular.
    pub(super) async fn write_to(
        self,
        to: Addressee,
        desk: &Desk,
        event: &Recorded,
    ) -> anyhow::Result<Letter> {
        let when = event.recorded_at.format("%-d %B %Y at %H:%M UTC");
        let circumstances = match desk.address(event).await? {
            Some(address) => format!("This was on {when}, from the address {address}."),
            None => format!("This was on {when}."),
        };
        let token = desk.commands.undo_token(person(event), event.position);
        let link = desk.link("/v1/auth/undo", &token);
        let draft = Draft {
            subject: self.subject,
            before: vec![self.happened, circumstances],
            button: Some(Button { label: "This was not me", link }),
            after: vec![
                "If this was you, there is nothing to do. If not, the link puts your account back as \
                it was before, signs all devices out and calls an administrator. It is good for 7 days."
                    .to_owned(),
            ],
        };
        draft.because_of(event, to)
    }
}
