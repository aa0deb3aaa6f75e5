//! Mails that follow from events, each sent once.

mod desk;
mod letter;
mod letters;
mod notice;
mod post;

use std::{sync::Arc, time::Duration};

use commands::Commands;
use eventlog::{Broker, Recorded};
use tokio_util::sync::CancellationToken;

use desk::Desk;
use letter::Letter;
pub use post::Post;
use post::told;

use crate::{
    consume::{self, Verdict, Worker},
    effect::{self, Claim},
};

/// How long a worker may take to hand a mail over; longer than [`Post::deliver`] may last.
const CLAIM: Duration = Duration::from_secs(15);
/// Attempts before a mail is parked.
const ATTEMPTS: i32 = 12;

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

    async fn send(&self, key: &str, attempt: i32, letter: &Letter) -> anyhow::Result<Verdict> {
        let pool = self.desk.commands.log().pool();
        match self.post.deliver(letter).await {
            Ok(()) => {
                effect::settle(pool, (key, attempt), "accepted").await?;
                metrics::counter!("annals_mails_total", "outcome" => "sent").increment(1);
                Ok(Verdict::Done)
            }
            Err(error) if attempt >= ATTEMPTS => {
                let error = told(&error);
                tracing::error!(error, key, "a mail is parked");
                metrics::counter!("annals_mails_total", "outcome" => "parked").increment(1);
                effect::park(pool, (key, attempt), &error).await?;
                Ok(Verdict::Done)
            }
            Err(error) => {
                let error = told(&error);
                tracing::warn!(error, key, attempt, "a mail has to wait");
                let pause = backoff(attempt);
                effect::release(pool, (key, attempt), pause, &error).await?;
                Ok(Verdict::Again(pause))
            }
        }
    }
}

impl Worker for MailWorker {
    const NAME: &str = "mail";
    const SUBJECTS: &[&str] = letters::SUBJECTS;

    async fn act(&self, event: Recorded) -> anyhow::Result<Verdict> {
        let Some(letter) = letters::write(&self.desk, &event).await? else {
            metrics::counter!("annals_mails_total", "outcome" => "withheld").increment(1);
            return Ok(Verdict::Done);
        };
        let key = format!("mail:{}", desk::name(&event, ':'));
        let pool = self.desk.commands.log().pool();
        match effect::claim(pool, (&key, event.recorded_at), CLAIM).await? {
            Claim::Over => Ok(Verdict::Done),
            Claim::Busy => Ok(Verdict::Again(Duration::from_secs(3))),
            Claim::Go(attempt) => self.send(&key, attempt, &letter).await,
        }
    }
}

/// 2 s, 4 s, 8 s .. 17 minutes.
fn backoff(attempt: i32) -> Duration {
    Duration::from_secs(1 << attempt.clamp(1, 10))
}
