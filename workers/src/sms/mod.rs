//! Codes that go to telephones, each sent once.

mod carrier;

use std::{sync::Arc, time::Duration};

use commands::Commands;
use domain::{
    Event,
    factors::{self, Factors, Method},
};
use eventlog::{Broker, Recorded};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use carrier::{Carrier, Twilio};

use crate::{
    consume::{self, Verdict, Worker},
    effect::{self, Claim},
};
use carrier::Message;

/// How long a worker may take to hand a message over; longer than a carrier may take.
const CLAIM: Duration = Duration::from_secs(15);
/// Attempts before a message is given up: soon after, its code is good no more.
const ATTEMPTS: i32 = 6;

/// Sends codes to telephones.
pub struct SmsWorker {
    commands: Commands,
    carrier: Arc<Carrier>,
}

impl SmsWorker {
    /// A worker that hands its messages to `carrier`.
    #[must_use]
    pub fn new(commands: Commands, carrier: Arc<Carrier>) -> Self {
        Self { commands, carrier }
    }

    /// Sends what events ask for until it is told to stop.
    pub async fn run(self, broker: Broker, shutdown: CancellationToken) {
        let log = self.commands.log().clone();
        consume::run(log, broker, Arc::new(self), shutdown).await;
    }

    /// The message that carries a code; none once it is used, replaced or too old.
    async fn message(
        &self,
        event: &Recorded,
        user: Uuid,
        code: Uuid,
    ) -> anyhow::Result<Option<Message>> {
        let factors = self.commands.log().load::<Factors>(event.stream).await?.state;
        let now = self.commands.clock().now();
        let Some(sent) = factors.sent.iter().find(|sent| sent.id == code) else { return Ok(None) };
        let Some(to) = factors.phone_for(sent).filter(|_| now < sent.expires_at) else {
            return Ok(None);
        };
        let code = self.commands.sent_code(user, code);
        let text = format!("{code} is your Annals code, good for 5 minutes. Tell it to nobody.");
        let id = format!("{user}.{}.{}", event.stream, event.version);
        Ok(Some(Message { to: to.clone(), text, id }))
    }

    async fn send(&self, key: &str, attempt: i32, message: &Message) -> anyhow::Result<Verdict> {
        let pool = self.commands.log().pool();
        let count = |outcome| metrics::counter!("annals_sms_total", "outcome" => outcome);
        match self.carrier.deliver(message).await {
            Ok(()) => {
                effect::settle(pool, (key, attempt), "accepted").await?;
                count("sent").increment(1);
                Ok(Verdict::Done)
            }
            Err(error) if attempt >= ATTEMPTS => {
                let error = error.to_string();
                tracing::error!(error, key, "a message to a telephone is parked");
                count("parked").increment(1);
                effect::park(pool, (key, attempt), &error).await?;
                Ok(Verdict::Done)
            }
            Err(error) => {
                let error = error.to_string();
                tracing::warn!(error, key, attempt, "a message to a telephone has to wait");
                let pause = Duration::from_secs(1 << attempt.clamp(1, 6));
                effect::release(pool, (key, attempt), pause, &error).await?;
                Ok(Verdict::Again(pause))
            }
        }
    }
}

impl Worker for SmsWorker {
    const NAME: &str = "sms";
    const SUBJECTS: &[&str] = &["events.factors.*.code_sent"];

    async fn act(&self, event: Recorded) -> anyhow::Result<Verdict> {
        let (code, user) = match (&event.event, event.meta.subject) {
            (
                Event::Factors(factors::Event::CodeSent { code, method: Method::Sms, .. }),
                Some(user),
            ) => (*code, user),
            _ => return Ok(Verdict::Done),
        };
        let Some(message) = self.message(&event, user, code).await? else {
            metrics::counter!("annals_sms_total", "outcome" => "withheld").increment(1);
            return Ok(Verdict::Done);
        };
        let key = format!("sms:{user}:{}:{}", event.stream, event.version);
        let pool = self.commands.log().pool();
        match effect::claim(pool, (&key, event.recorded_at), CLAIM).await? {
            Claim::Over => Ok(Verdict::Done),
            Claim::Busy => Ok(Verdict::Again(Duration::from_secs(3))),
            Claim::Go(attempt) => self.send(&key, attempt, &message).await,
        }
    }
}
