//! Where mails go: an SMTP server, or files while there is none.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp,
};
use uuid::Uuid;

use super::letter::Letter;
use crate::folder::Folder;

/// The longest a whole SMTP conversation may take; a claim lasts longer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A way for mails out of the house.
pub struct Post {
    from: Mailbox,
    domain: String,
    route: Route,
}

enum Route {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Files(Folder),
}

impl Post {
    /// Hands mails to the server of an `smtp://` or `smtps://` address.
    pub fn smtp(url: &str, from: &str) -> anyhow::Result<Self> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .context("SMTP_URL is not an smtp:// or smtps:// address")?
            .timeout(Some(TIMEOUT))
            .build();
        Self::new(from, Route::Smtp(Box::new(transport)))
    }

    /// Writes mails to files in a folder.
    pub fn files(folder: PathBuf, from: &str) -> anyhow::Result<Self> {
        Self::new(from, Route::Files(Folder::make(folder)?))
    }

    fn new(from: &str, route: Route) -> anyhow::Result<Self> {
        let from: Mailbox =
            from.parse().with_context(|| format!("{from} cannot be a mail's sender"))?;
        Ok(Self { domain: from.email.domain().to_owned(), from, route })
    }

    /// Returns when the mail is in the hands of the next in line.
    pub async fn deliver(&self, letter: &Letter) -> anyhow::Result<()> {
        let message = self.message(letter)?;
        match &self.route {
            Route::Smtp(transport) => {
                tokio::time::timeout(TIMEOUT, transport.send(message))
                    .await
                    .context("the SMTP server takes too long")?
                    .context("handing a mail to the SMTP server")?;
            }
            Route::Files(folder) => {
                let file =
                    folder.write(&format!("{}.eml", letter.id), &message.formatted()).await?;
                tracing::info!(file = %file.display(), "a mail was written (SMTP_URL is not set)");
            }
        }
        Ok(())
    }

    /// Throws away what was written to a person, and returns how many mails that were.
    pub async fn forget(&self, person: Uuid) -> anyhow::Result<i64> {
        match &self.route {
            Route::Smtp(_) => Ok(0),
            Route::Files(folder) => folder.forget(person).await,
        }
    }

    fn message(&self, letter: &Letter) -> anyhow::Result<Message> {
        let to = Mailbox::new(None, letter.to.to_string().parse()?);
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&letter.subject)
            .date(letter.date.into())
            .message_id(Some(format!("<{}@{}>", letter.id, self.domain)))
            .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
            .context("composing a mail")
    }
}

/// What went wrong, without a word of what the server said: it may repeat the address.
pub(super) fn told(error: &anyhow::Error) -> String {
    let smtp = error.chain().find_map(|cause| cause.downcast_ref::<smtp::Error>());
    let Some(smtp) = smtp else { return error.to_string() };
    match smtp.status() {
        Some(code) => format!("{error}: it answered {code}"),
        None if smtp.is_timeout() => format!("{error}: it did not answer in time"),
        None if smtp.is_tls() => format!("{error}: no TLS with it"),
        None => format!("{error}: it cannot be reached"),
    }
}
