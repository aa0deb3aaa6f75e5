//! Mails that follow from events, each sent once.

mod desk;
mod letter;
mod letters;
mod notice;
mod post;

use std::sync::Arc;

use commands::Commands;
use eventlog::{Broker, Recorded};
use tokio_util::sync::CancellationToken;

use desk::Desk;
pub use post::Post;
use post::told;

use crate::{
    consume::{self, Verdict, Worker},
    delivery::Kind,
};

const MAIL: Kind = Kind { name: "a mail", metric: "annals_mails_total", attempts: 12, longest: 10 };

/// Sends mails.
pub struct MailWorker {
    desk: Desk,
    post: Arc<Post>,
}

impl MailWorker {
    /// A worker that hands its mails to `post`.
    #[must_use]
    pub fn new(commands: Commands, post: Arc<Post>) -> Self {
        Self { desk: Desk { commands }, post }
    }

    /// Sends what events ask for until it is told to stop.
    pub async fn run(self, broker: Broker, shutdown: CancellationToken) {
        let log = self.desk.commands.log().clone();
        consume::run(log, broker, Arc::new(self), shutdown).await;
    }
}

impl Worker for MailWorker {
    const NAME: &str = "mail";
    const SUBJECTS: &[&str] = letters::SUBJECTS;

    async fn act(&self, event: Recorded) -> anyhow::Result<Verdict> {
        let Some(letter) = letters::write(&self.desk, &event).await? else {
            return Ok(MAIL.withhold());
        };
        let key = format!("mail:{}", desk::name(&event, ':'));
        let handing = async { self.post.deliver(&letter).await.map_err(|error| told(&error)) };
        let pool = self.desk.commands.log().pool();
        MAIL.deliver(pool, (&key, event.recorded_at), handing).await
    }
}
