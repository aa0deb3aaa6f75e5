//! Whether the log is what writers were told and what followers saw.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use domain::{ClaimScope, Event, api_key};
use eventlog::{Appended, Broker, EventLog, Position, Recorded};
use tests::{
    Outcome,
    torture::{Answer, Entry, Journal, What, shared_streams},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    followers::{Follower, Sighting},
    stage::Stage,
};

/// How long the relay may take for the rest.
const REST: Duration = Duration::from_mins(1);

/// The whole log, and how it compares.
pub struct Audit {
    log: Vec<Sighting>,
    acknowledged: usize,
    refused: usize,
    unanswered: usize,
}

impl Audit {
    /// Reads the log and compares it with the journals of all writers.
    pub async fn of(stage: &Stage, head: Position) -> anyhow::Result<Self> {
        let events = read(&stage.log).await?;
        let log: Vec<_> = events.iter().map(Sighting::of_recorded).collect();
        ensure!(log.iter().map(|event| event.position).eq(1..=head), "a gap before {head}");
        let mut audit = Self { log, acknowledged: 0, refused: 0, unanswered: 0 };
        audit.journals(stage)?;
        check_claims(&stage.log, &events).await?;
        check_streams(stage).await?;
        ensure!(stage.log.verify(drop).await?.fault.is_none(), "the log does not verify");
        Ok(audit)
    }

    /// Everything that was acknowledged is there, once and where it was said; what was refused is
    /// not; what a killed writer does not know of is there wholly or not at all; and nothing else.
    fn journals(&mut self, stage: &Stage) -> anyhow::Result<()> {
        let mut written: HashMap<Uuid, Vec<Sighting>> = HashMap::new();
        for event in &self.log {
            written.entry(event.command).or_default().push(*event);
        }
        for journal in fs::read_dir(&stage.journals)? {
            for entry in Journal::read(&journal?.path())? {
                let found = written.remove(&entry.ask.command).unwrap_or_default();
                check_entry(&entry, &found)?;
                match entry.answer {
                    Some(Answer::Written(_)) => self.acknowledged += 1,
                    Some(Answer::Refused) => self.refused += 1,
                    None => self.unanswered += 1,
                }
            }
        }
        ensure!(written.is_empty(), "nobody asked for {:?}", written.keys().next());
        ensure!(self.acknowledged > 100, "{} commands prove little", self.acknowledged);
        Ok(())
    }

    /// Every follower saw what there is, and nothing twice. Answers how often they died.
    pub async fn followers(
        &self,
        mut followers: JoinSet<anyhow::Result<Follower>>,
        head: Position,
    ) -> anyhow::Result<u64> {
        let mut deaths = 0;
        while let Some(follower) = followers.join_next().await {
            let Follower { way, seen, deaths: died, .. } = follower??;
            let difference = seen.iter().zip(&self.log).find(|(seen, written)| seen != written);
            ensure!(difference.is_none(), "{way:?} saw another event: {difference:?}");
            ensure!(seen.len() == self.log.len(), "{way:?} saw {} of {head}", seen.len());
            deaths += died;
        }
        ensure!(deaths > 3, "followers died {deaths} times, which proves little");
        Ok(deaths)
    }

    /// The broker's last sequence is the last position.
    pub async fn broker(&self, broker: &Broker, epoch: i64) -> anyhow::Result<()> {
        let (head, began) = (i64::try_from(self.log.len())?, Instant::now());
        while broker.last_position(head, epoch).await? != head {
            ensure!(began.elapsed() < REST, "the broker does not come to {head}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    pub fn events(&self) -> u64 {
        self.log.len() as u64
    }

    /// What was compared.
    pub fn describe(&self, outcome: &mut Outcome) {
        let Self { acknowledged, refused, unanswered, .. } = self;
        outcome
            .add(format!("{acknowledged} acknowledged, {refused} refused, {unanswered} unknown"));
        outcome.add("no gap, nothing twice, whole commands, claims, versions, MACs, sequence");
    }
}

async fn read(log: &EventLog) -> anyhow::Result<Vec<Recorded>> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let batch = log.read(events.last().map_or(0, |last| last.position)).await?;
        if batch.is_empty() {
            return Ok(events);
        }
        events.extend(log.decode(batch).await?);
    }
}

fn check_entry(entry: &Entry, found: &[Sighting]) -> anyhow::Result<()> {
    let Entry { ask, answer } = entry;
    let count = i64::try_from(found.len())?;
    match answer {
        Some(Answer::Written(Appended { first, last, version, is_repeated: _ })) => {
            ensure!(count == ask.count, "{count} events of {ask}");
            ensure!(last - first + 1 == count, "{ask} stands from {first} to {last}");
            let versions = version - count + 1..=*version;
            let places = (*first..=*last).zip(versions);
            let is_there = found.iter().map(|event| (event.position, event.version)).eq(places);
            ensure!(is_there, "{ask} was told {answer:?}, and stands at {found:?}");
        }
        Some(Answer::Refused) => ensure!(count == 0, "{ask} was refused and written"),
        None => ensure!(count == 0 || count == ask.count, "{count} events of {ask}"),
    }
    ensure!(found.iter().all(|event| event.stream == ask.stream), "{ask} is in another stream");
    Ok(())
}

/// Nobody ever took what another held, and whoever holds it in the end is known for it.
async fn check_claims(log: &EventLog, events: &[Recorded]) -> anyhow::Result<()> {
    let mut holders: HashMap<String, Uuid> = HashMap::new();
    for event in events {
        match &event.event {
            Event::ApiKey(api_key::Event::Created { prefix, .. }) => {
                let before = holders.insert(prefix.clone(), event.stream);
                ensure!(before.is_none(), "{prefix} was taken twice, at {}", event.position);
            }
            Event::ApiKey(api_key::Event::Revoked { prefix, .. }) => {
                let holder = holders.remove(prefix);
                ensure!(holder == Some(event.stream), "{prefix} was given back by another stream");
            }
            _ => {}
        }
    }
    for key in (0..u8::MAX).map(What::key) {
        let holder = log.holder(ClaimScope::ApiKey, key.as_bytes()).await?;
        ensure!(holder == holders.get(&key).copied(), "{holder:?} holds {key}");
    }
    Ok(())
}

/// A stream read by itself is complete.
async fn check_streams(stage: &Stage) -> anyhow::Result<()> {
    for stream in shared_streams(stage.seed) {
        let events = stage.log.stream(stream).await?;
        let count = i64::try_from(events.len())?;
        ensure!(events.iter().map(|event| event.version).eq(1..=count), "versions of {stream}");
        let rows: i64 = sqlx::query_scalar("select version from log.stream where stream_id = $1")
            .bind(stream)
            .fetch_one(stage.log.pool())
            .await
            .context("a stream that everybody writes to")?;
        ensure!(rows == count, "{stream} holds {count} events, and says {rows}");
    }
    Ok(())
}
