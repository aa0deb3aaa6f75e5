//! The link that signs its reader in.

use commands::Purpose;
use domain::{Event, user};
use eventlog::Recorded;

use crate::mail::{
    desk::Desk,
    letter::{Addressee, Button, Draft, Letter},
};

/// None once it was used, replaced or is too old.
pub(super) async fn write(desk: &Desk, event: &Recorded) -> anyhow::Result<Option<Letter>> {
    let Event::User(user::Event::MagicLinkRequested { challenge, .. }) = &event.event else {
        return Ok(None);
    };
    let Some(account) = desk.account(event.stream).await? else { return Ok(None) };
    if account.magic_link != Some(*challenge) || desk.now() >= challenge.expires_at {
        return Ok(None);
    }
    let Some(to) = Addressee::of(&account) else { return Ok(None) };
    let token = desk.commands.link_token(Purpose::MagicLink, event.stream, challenge.id);
    let link = desk.link("/v1/auth/magic-link/verify", &token);
    let draft = Draft {
        subject: "Your link to sign in",
        before: vec!["by this link you can sign in.".to_owned()],
        button: Some(Button { label: "Sign in", link }),
        after: vec![
            "The link is good once, for 15 minutes. If you did not ask for it, ignore this mail, and \
            give the link to nobody."
                .to_owned(),
        ],
    };
    draft.because_of(event, to).map(Some)
}
