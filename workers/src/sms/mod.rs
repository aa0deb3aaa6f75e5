//! Codes that go to telephones, each sent once.

mod carrier;

use std::sync::Arc;

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
    delivery::Kind,
};
use carrier::Message;

/// Given up early: soon after, its code is good no more.
const SMS: Kind =
    Kind { name: "a message to a telephone", metric: "annals_sms_total", attempts: 6, longest: 6 };

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
            return Ok(SMS.withhold());
        };
        let key = format!("sms:{user}:{}:{}", event.stream, event.version);
        let handing =
            async { self.carrier.deliver(&message).await.map_err(|error| error.to_string()) };
        SMS.deliver(self.commands.log().pool(), (&key, event.recorded_at), handing).await
    }
}
