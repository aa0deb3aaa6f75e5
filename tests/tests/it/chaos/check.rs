//! What must be so after every fault.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use anyhow::{Context, ensure};
use async_nats::jetstream;
use domain::{
    Event,
    chat::{self, Message},
    session, settings, user,
};
use eventlog::{Broker, EventLog, Live, MasterKey, Position, RawEvent, Recorded, STREAM};
use futures_util::StreamExt;
use projections::{Options, Projection, Queries};
use sqlx::postgres::PgPoolOptions;
use tests::{Mailbox, Outcome, Program, is_long};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    load::{Kind, Ledger},
    scene::{Mails, until},
};

/// How long the read side and the copy may take for the rest, restarts of servers included.
const REST: Duration = Duration::from_secs(90);
/// How long a mail may take whose sender was killed: its claim has to end first.
const POST: Duration = Duration::from_mins(2);

/// The log of a program and what it makes of it.
pub struct Check<'a> {
    program: &'a Program,
    log: EventLog,
    broker: Broker,
    raw: Vec<RawEvent>,
    events: Vec<Recorded>,
}

impl<'a> Check<'a> {
    /// Reads the whole log of a program that nobody works with any more.
    pub async fn of(program: &'a Program) -> anyhow::Result<Self> {
        let log = open(program).await?;
        let broker = Broker::connect(&program.nats_url()?).await?;
        settle(&log).await?;
        let mut raw: Vec<RawEvent> = Vec::new();
        loop {
            let batch = log.read(raw.last().map_or(0, |last| last.position)).await?;
            if batch.is_empty() {
                break;
            }
            raw.extend(batch);
        }
        let events = log.decode(raw.clone()).await?;
        Ok(Self { program, log, broker, raw, events })
    }

    pub async fn everything(&self, ledger: &Ledger, outcome: &mut Outcome) -> anyhow::Result<()> {
        self.writes(ledger, outcome)?;
        self.runs()?;
        self.verify()?;
        self.copy().await.context("the copy in JetStream")?;
        self.projections().await?;
        outcome.add("verified, sequence == position, projections identical to rebuilds");
        Ok(())
    }

    /// Every write that was acknowledged is there once; every other one is there once or not.
    fn writes(&self, ledger: &Ledger, outcome: &mut Outcome) -> anyhow::Result<()> {
        let traces = self.traces()?;
        let mut acknowledged: BTreeMap<Kind, usize> = BTreeMap::new();
        for write in &ledger.writes {
            let count = traces.get(&(write.kind, write.key.clone())).copied().unwrap_or(0);
            let is_right = if write.is_acknowledged { count == 1 } else { count <= 1 };
            ensure!(is_right, "{write:?} is there {count} times");
            *acknowledged.entry(write.kind).or_default() += usize::from(write.is_acknowledged);
        }
        let unknown = ledger.writes.iter().filter(|write| !write.is_acknowledged).count();
        let counts: Vec<_> =
            acknowledged.iter().map(|(kind, count)| format!("{count} {kind:?}")).collect();
        outcome.add(format!("acknowledged {}, unknown {unknown}", counts.join(" ")));
        Ok(())
    }

    /// How often each write is in the log, by what only that write leaves there.
    fn traces(&self) -> anyhow::Result<HashMap<(Kind, String), usize>> {
        let mut emails: HashMap<Uuid, String> = HashMap::new();
        let mut traces = HashMap::new();
        for event in &self.events {
            let trace = match &event.event {
                Event::User(user::Event::Registered { email, .. }) => {
                    let email = email.known().with_context(|| {
                        format!("position {} cannot be read any more", event.position)
                    })?;
                    emails.insert(event.stream, email.to_string());
                    Some((Kind::Registration, email.to_string()))
                }
                Event::Settings(settings::Event::CommunicationChanged { user, change }) => {
                    let value = change.quiet_hours_start.map(|start| start.to_string());
                    let email = emails.get(user).context("settings of nobody")?;
                    value.map(|value| (Kind::Settings, format!("{email} {value}")))
                }
                Event::Session(session::Event::Started { user_agent, .. }) => {
                    let agent = user_agent.as_ref().and_then(|agent| agent.known());
                    agent.map(|agent| (Kind::Login, agent.clone()))
                }
                Event::Chat(chat::Event::RunRequested { request }) => {
                    let messages = request.messages.known().and_then(|messages| messages.first());
                    messages.map(|first: &Message| (Kind::Chat, first.plain_text()))
                }
                _ => None,
            };
            if let Some(trace) = trace {
                *traces.entry(trace).or_default() += 1;
            }
        }
        Ok(traces)
    }

    /// No model's answer and no end of a run is recorded twice.
    fn runs(&self) -> anyhow::Result<()> {
        let mut recorded = HashSet::new();
        for event in &self.events {
            let step = match &event.event {
                Event::Chat(chat::Event::ModelAnswered { run, iteration, .. }) => {
                    Some((*run, "answer", *iteration))
                }
                Event::Chat(
                    chat::Event::RunCompleted { run, .. }
                    | chat::Event::RunFailed { run, .. }
                    | chat::Event::RunCancelled { run },
                ) => Some((*run, "end", 0)),
                _ => None,
            };
            let is_new = step.is_none_or(|step| recorded.insert(step));
            ensure!(is_new, "{step:?} is recorded twice, at {}", event.position);
        }
        Ok(())
    }

    fn verify(&self) -> anyhow::Result<()> {
        let verified = self.program.run(&["log", "verify"])?;
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        ensure!(verified.status.success(), "the log does not verify: {said}");
        let times = self.events.iter().map(|event| event.recorded_at);
        ensure!(times.is_sorted(), "times go back");
        Ok(())
    }

    /// The broker's last sequence is the last position, and each message that it still has is the
    /// event at its position.
    async fn copy(&self) -> anyhow::Result<()> {
        let (head, epoch) = (i64::try_from(self.raw.len())?, self.log.epoch().await?);
        until("the whole log in JetStream", REST, || async {
            Ok(self.broker.last_position(head, epoch).await? == head)
        })
        .await?;
        let jetstream = jetstream::new(self.broker.client().clone());
        let state = jetstream.get_stream(STREAM).await?.cached_info().state.clone();
        let first = Position::try_from(state.first_sequence)?;
        let retained = &self.raw[usize::try_from(first - 1)?..];
        ensure!(state.messages == retained.len() as u64, "{state:?}");
        let name = format!("audit-{}", Uuid::now_v7());
        let messages = self.broker.consume(&name, first - 1, &[]).await?;
        let copies: Vec<_> = timeout(REST, messages.take(retained.len()).collect()).await?;
        for (copy, event) in copies.into_iter().zip(retained) {
            let copy = RawEvent::from_message(&copy?)?;
            ensure!(copy == *event, "another event at {}", event.position);
        }
        Ok(())
    }

    /// Every read model shows what a rebuild makes of the log.
    async fn projections(&self) -> anyhow::Result<()> {
        for projection in Projection::ALL {
            let name = projection.name();
            let report = projections::rebuild(&self.log, name, Options::default(), drop).await?;
            ensure!(report.is_identical, "{name} is not what the log says: {report:?}");
        }
        if is_long() {
            let rebuilt = self.program.run(&["projections", "rebuild", "users"])?;
            let said = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
            ensure!(said.contains("identical"), "{said}");
        }
        Ok(())
    }

    /// Each mail is sent, and not more often than its sender could be in doubt.
    pub async fn mails(
        &self,
        ledger: &Ledger,
        mailbox: &Mailbox,
        promise: Mails,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let registered: Vec<_> = ledger
            .writes
            .iter()
            .filter(|write| write.kind == Kind::Registration && write.is_acknowledged)
            .map(|write| write.key.clone())
            .collect();
        // A claim that died with its holder takes a while to end: only the long form waits for it.
        if promise == Mails::Once || is_long() {
            until("every mail", POST, || async {
                let sent = addresses(mailbox)?;
                Ok(registered.iter().all(|address| sent.contains_key(address)))
            })
            .await?;
        }
        let sent = addresses(mailbox)?;
        let doubled = sent.values().filter(|ids| ids.len() > 1).count();
        for (address, ids) in &sent {
            let is_same = ids.iter().all(|id| id == &ids[0]);
            ensure!(is_same, "{address} got different mails: {ids:?}");
            ensure!(ids.len() == 1 || promise == Mails::AtLeastOnce, "{address}: {ids:?}");
        }
        outcome.add(format!("{} mails, {doubled} twice", sent.len()));
        Ok(())
    }
}

/// The log of a program, opened beside it.
pub async fn open(program: &Program) -> anyhow::Result<EventLog> {
    let pool = PgPoolOptions::new().max_connections(4).connect(&program.database_url()).await?;
    let master = MasterKey::from_base64(&program.master_key()?)?;
    EventLog::open(pool, &master, Live::default()).await
}

/// What asks whether a mailbox is its owner's: one to each who registered.
const VERIFICATION: &str = "Confirm your e-mail address";

/// Message-IDs of those mails by address.
fn addresses(mailbox: &Mailbox) -> anyhow::Result<HashMap<String, Vec<String>>> {
    let mut sent: HashMap<String, Vec<String>> = HashMap::new();
    for mail in mailbox.mails()? {
        // Notices of new devices come on top.
        if mail.header("Subject") != Some(VERIFICATION) {
            continue;
        }
        let (to, id) = (mail.header("To"), mail.header("Message-ID"));
        let (to, id) = (to.context("a mail to nobody")?, id.context("a mail without an id")?);
        sent.entry(to.to_owned()).or_default().push(id.to_owned());
    }
    Ok(sent)
}

/// Waits until the read models have reached the head, and the head stays where it is.
async fn settle(log: &EventLog) -> anyhow::Result<()> {
    let queries = Queries::new(log.clone());
    until("read models at the head", REST, || async {
        let head = log.head().await?;
        let statuses = queries.projections().await?;
        let is_there = statuses.iter().all(|status| status.lag_events == 0);
        Ok(is_there && statuses.len() == Projection::ALL.len() && head == log.head().await?)
    })
    .await
}
