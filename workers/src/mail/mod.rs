//! Mails that follow from events, each sent once.

mod letter;
mod post;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use commands::Commands;
use domain::{
    Event, Personal,
    user::{self, Challenge, User, Verification},
};
use eventlog::{Broker, Recorded};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use post::Post;
use post::told;

use crate::{
    consume::{self, Verdict, Worker},
    effect::{self, Claim},
    mail::letter::Letter,
};

/// How long a worker may take to hand a mail over; longer than [`Post::deliver`] may last.
const CLAIM: Duration = Duration::from_secs(15);
/// Attempts before a mail is parked.
const ATTEMPTS: i32 = 12;

/// Sends mails.
pub struct MailWorker {
    commands: Commands,
    post: Arc<Post>,
}

impl MailWorker {
    /// A worker that hands its mails to `post`.
    #[must_use]
    pub fn new(commands: Commands, post: Arc<Post>) -> Self {
        Self { commands, post }
    }

    /// Sends what events ask for until it is told to stop.
    pub async fn run(self, broker: Broker, shutdown: CancellationToken) {
        let log = self.commands.log().clone();
        consume::run(log, broker, Arc::new(self), shutdown).await;
    }

    async fn send(&self, key: &str, attempt: i32, letter: &Letter) -> anyhow::Result<Verdict> {
        let pool = self.commands.log().pool();
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

    /// The letter that a challenge needs; none once it is answered, replaced or too old, or its person
    /// has left.
    async fn verification(
        &self,
        user: Uuid,
        challenge: Challenge,
        event: &Recorded,
    ) -> anyhow::Result<Option<Letter>> {
        let loaded = self.commands.log().load::<User>(user).await?;
        let Some(account) = loaded.state.account() else { return Ok(None) };
        let is_asked = account.verification == Verification::Pending(challenge);
        let Some(email) = account.email.known().filter(|_| is_asked) else { return Ok(None) };
        if self.commands.clock().now() >= challenge.expires_at {
            return Ok(None);
        }
        let token = self.commands.verification_token(user, challenge.id);
        let name = account.name.as_ref().and_then(Personal::known).map(ToString::to_string);
        let link = format!(
            "{}/v1/auth/verify-email?token={token}",
            self.commands.policy().public_url.trim_end_matches('/'),
        );
        let stamp = Stamp::of(event);
        Ok(Some(letter::verification(email.clone(), name.as_deref(), &link, &stamp)))
    }
}

/// What makes a letter the same letter when it is written again.
pub(crate) struct Stamp {
    /// The local part of its Message-ID.
    pub id: String,
    /// Its date.
    pub date: DateTime<Utc>,
}

impl Stamp {
    fn of(event: &Recorded) -> Self {
        Self { id: format!("{}.{}", event.stream, event.version), date: event.recorded_at }
    }
}

impl Worker for MailWorker {
    const NAME: &str = "mail";
    const SUBJECTS: &[&str] = &["events.user.*.verification_requested"];

    async fn act(&self, event: Recorded) -> anyhow::Result<Verdict> {
        let Event::User(user::Event::VerificationRequested { challenge }) = &event.event else {
            return Ok(Verdict::Done);
        };
        let key = format!("mail:{}:{}", event.stream, event.version);
        let pool = self.commands.log().pool();
        let attempt = match effect::claim(pool, (&key, event.recorded_at), CLAIM).await? {
            Claim::Over => return Ok(Verdict::Done),
            Claim::Busy => return Ok(Verdict::Again(Duration::from_secs(3))),
            Claim::Go(attempt) => attempt,
        };
        let Some(letter) = self.verification(event.stream, *challenge, &event).await? else {
            effect::settle(pool, (&key, attempt), "withheld").await?;
            metrics::counter!("annals_mails_total", "outcome" => "withheld").increment(1);
            return Ok(Verdict::Done);
        };
        self.send(&key, attempt, &letter).await
    }
}

/// 2 s, 4 s, 8 s .. 17 minutes.
fn backoff(attempt: i32) -> Duration {
    Duration::from_secs(1 << attempt.clamp(1, 10))
}
