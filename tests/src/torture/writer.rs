//! One writer: new streams, contended ones, keys that others hold, commands sent twice.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use domain::login::Login;
use eventlog::{AppendError, Appended, EventLog};
use uuid::Uuid;

use super::{
    Answer, Ask, Journal, What,
    journal::{held, unanswered},
};
use crate::Dice;

/// Keys that everybody wants.
const KEYS: u64 = 6;
/// Streams that everybody writes to.
const STREAMS: usize = 16;
/// Commands that may be sent again.
const RECENT: usize = 64;
/// The longest pause of a writer.
const PAUSE: Duration = Duration::from_millis(4);

/// The streams that all writers of a seed share.
#[must_use]
pub fn shared_streams(seed: u64) -> Vec<Uuid> {
    let mut dice = Dice::of(seed, u64::MAX);
    (0..STREAMS).map(|_| dice.id()).collect()
}

/// How often things happened to a writer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Commands that were written.
    pub written: u64,
    /// Commands that were refused, as they had to be.
    pub refused: u64,
    /// Commands that were sent again and done once.
    pub repeated: u64,
}

/// One writer.
pub struct Writer {
    logs: [EventLog; 2],
    streams: Vec<Uuid>,
    dice: Dice,
    journal: Journal,
    unanswered: Option<Ask>,
    held: Option<(u8, Uuid)>,
    recent: Vec<(Ask, Appended)>,
    tally: Tally,
}

impl Writer {
    /// A writer that goes on with its journal; it sends repeated commands through both logs.
    pub fn open(
        logs: [EventLog; 2],
        streams: Vec<Uuid>,
        dice: Dice,
        journal: &Path,
    ) -> anyhow::Result<Self> {
        let (journal, entries) = Journal::open(journal)?;
        Ok(Self {
            logs,
            streams,
            dice,
            journal,
            unanswered: unanswered(&entries),
            held: held(&entries),
            recent: vec![],
            tally: Tally::default(),
        })
    }

    /// Writes until the end. A command that was not answered before a kill is sent again first.
    pub async fn write_until(mut self, end: Instant) -> anyhow::Result<Tally> {
        if let Some(ask) = self.unanswered.take() {
            self.ask(ask).await?;
            self.tally.repeated += 1;
        }
        while Instant::now() < end {
            self.turn().await?;
        }
        Ok(self.tally)
    }

    async fn turn(&mut self) -> anyhow::Result<()> {
        match self.dice.below(100) {
            0..30 => {
                let stream = self.dice.id();
                self.write(stream, Some(0), 1).await
            }
            30..55 => {
                let count = self.dice.below(3).cast_signed() + 1;
                let stream = *self.dice.pick(&self.streams);
                self.write(stream, None, count).await
            }
            55..70 => self.write_what_was_loaded().await,
            70..78 => {
                let stream = *self.dice.pick(&self.streams);
                self.write(stream, Some(0), 1).await
            }
            78..88 => self.take_or_release().await,
            88..92 => self.repeat().await,
            92..95 => self.send_twice_at_once().await,
            95..97 => {
                let stream = self.dice.id();
                self.write(stream, Some(0), 100).await
            }
            _ => self.pause().await,
        }
    }

    async fn pause(&mut self) -> anyhow::Result<()> {
        let pause = self.dice.between(Duration::ZERO, PAUSE);
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Reads a contended stream, thinks a while, and writes: somebody else may have been faster.
    async fn write_what_was_loaded(&mut self) -> anyhow::Result<()> {
        let stream = *self.dice.pick(&self.streams);
        let version = self.logs[0].load::<Login>(stream).await?.version;
        if self.dice.below(3) == 0 {
            self.pause().await?;
        }
        self.write(stream, Some(version), 2).await
    }

    async fn take_or_release(&mut self) -> anyhow::Result<()> {
        if let Some((key, stream)) = self.held {
            let ask = self.ask_for(stream, Some(1), What::Release(key), 1);
            ensure!(self.ask(ask).await?.is_some(), "what is held can be given back");
            return Ok(());
        }
        let key = u8::try_from(self.dice.below(KEYS))?;
        let stream = self.dice.id();
        let ask = self.ask_for(stream, Some(0), What::Take(key), 1);
        self.ask(ask).await.map(drop)
    }

    /// Sends an old command once more, and its id with another content.
    async fn repeat(&mut self) -> anyhow::Result<()> {
        if self.recent.is_empty() {
            return Ok(());
        }
        let (ask, done) = self.dice.pick(&self.recent).clone();
        let again = ask.send(&self.logs[1]).await?;
        ensure!(again == done.again(), "{ask} was {done:?}, and then {again:?}");
        let other = Ask { what: What::Failures, count: ask.count + 1, ..ask };
        match other.send(&self.logs[0]).await {
            Err(AppendError::CommandReused) => {}
            outcome => bail!("{other} has the id of another command, and was {outcome:?}"),
        }
        self.tally.repeated += 1;
        Ok(())
    }

    async fn send_twice_at_once(&mut self) -> anyhow::Result<()> {
        let stream = self.dice.id();
        let ask = self.ask_for(stream, Some(0), What::Failures, 2);
        self.journal.ask(&ask)?;
        let (one, other) = tokio::join!(ask.send(&self.logs[0]), ask.send(&self.logs[1]));
        let (one, other) = (one?, other?);
        ensure!(one.again() == other.again(), "{ask} was {one:?} and {other:?}");
        self.journal.answer(&ask, Answer::Written(one))?;
        self.tally.written += 1;
        self.tally.repeated += 1;
        Ok(())
    }

    async fn write(
        &mut self,
        stream: Uuid,
        expected: Option<i64>,
        count: i64,
    ) -> anyhow::Result<()> {
        let ask = self.ask_for(stream, expected, What::Failures, count);
        self.ask(ask).await.map(drop)
    }

    fn ask_for(&mut self, stream: Uuid, expected: Option<i64>, what: What, count: i64) -> Ask {
        Ask { command: self.dice.id(), stream, expected, what, count }
    }

    /// Asks, and notes the answer.
    async fn ask(&mut self, ask: Ask) -> anyhow::Result<Option<Appended>> {
        self.journal.ask(&ask)?;
        match ask.send(&self.logs[0]).await {
            Ok(done) => {
                self.journal.answer(&ask, Answer::Written(done))?;
                self.tally.written += 1;
                match ask.what {
                    What::Failures => {}
                    What::Take(key) => self.held = Some((key, ask.stream)),
                    What::Release(_) => self.held = None,
                }
                if self.recent.len() == RECENT {
                    self.recent.remove(0);
                }
                self.recent.push((ask, done));
                Ok(Some(done))
            }
            Err(AppendError::StreamMoved | AppendError::Claimed(_)) => {
                self.journal.answer(&ask, Answer::Refused)?;
                self.tally.refused += 1;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
