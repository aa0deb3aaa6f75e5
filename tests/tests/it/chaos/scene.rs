//! The real program with people at work, and the end at which everything is looked at.

use std::{
    fmt::Display,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tests::{
    Dice, Mailbox, Outcome, Program, Setup, is_long,
    provider::{Reply, ScriptedProvider},
    signal,
};

use super::{
    check::Check,
    load::{Ledger, Load},
};
use crate::log::nats::Nats;

/// How long a server may take to come back: its keeper waits longer from end to end.
const SERVER: Duration = Duration::from_mins(1);

/// What may become of mails.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mails {
    /// Each is sent once: nobody who sends was killed.
    Once,
    /// Each is sent at least once: who is killed while sending cannot know whether it was.
    AtLeastOnce,
}

/// A program with people at work.
pub struct Scene {
    pub program: Program,
    pub nats: Option<Nats>,
    pub load: Load,
    pub dice: Dice,
    pub outcome: Outcome,
    pub mailbox: Mailbox,
    seed: u64,
    others: Vec<Load>,
    _provider: ScriptedProvider,
}

impl Scene {
    /// The program with its own Postgres and NATS, as a newcomer starts it.
    pub async fn embedded(name: &'static str) -> anyhow::Result<Self> {
        Self::set(name, Setup::default().embedded(), None).await
    }

    /// The program with a NATS server that the test may do with what it likes.
    pub async fn beside(name: &'static str, nats: Nats) -> anyhow::Result<Self> {
        Self::set(name, Setup::default().with("NATS_URL", nats.url()), Some(nats)).await
    }

    /// Any other program.
    pub async fn set(name: &'static str, setup: Setup, nats: Option<Nats>) -> anyhow::Result<Self> {
        let seed = Dice::seed(name);
        let mailbox = Mailbox::start()?;
        let provider = ScriptedProvider::start().await;
        provider.otherwise(Reply::Echo);
        let setup = setup
            .with("SMTP_URL", mailbox.url())
            .with("OPENAI_BASE_URL", provider.openai_url())
            .with("OPENAI_API_KEY", "sk-test");
        let program = setup.start().await?;
        let mut load = Load::start(program.url(), "a", seed)?;
        load.progress(2).await?;
        Ok(Self {
            program,
            nats,
            load,
            dice: Dice::of(seed, 5000),
            outcome: Outcome::of(name, seed),
            mailbox,
            seed,
            others: vec![],
            _provider: provider,
        })
    }

    /// Sends further people to another process.
    pub fn load_also(&mut self, program: &Program) -> anyhow::Result<()> {
        self.others.push(Load::start(program.url(), "b", self.seed ^ 1)?);
        Ok(())
    }

    /// Waits until people at the other process got on.
    pub async fn others_progress(&mut self, more: usize) -> anyhow::Result<()> {
        for load in &mut self.others {
            load.progress(more).await?;
        }
        Ok(())
    }

    /// A while in which people work.
    pub async fn pass(&mut self, least: u64, most: u64) {
        let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
        tokio::time::sleep(self.dice.between(least, most)).await;
    }

    /// Sends everybody home and looks at everything: nothing is lost, nothing doubled.
    pub async fn finish(mut self, faults: impl Display, mails: Mails) -> anyhow::Result<()> {
        let mut ledger = Ledger::default();
        self.others.insert(0, self.load);
        for load in self.others {
            let Ledger { writes, complaints } = load.stop().await?;
            ledger.writes.extend(writes);
            ledger.complaints.extend(complaints);
        }
        ensure!(ledger.complaints.is_empty(), "{:#?}", ledger.complaints);
        let check = Check::of(&self.program).await?;
        check.everything(&ledger, &mut self.outcome).await.context("after the fault")?;
        check.mails(&ledger, &self.mailbox, mails, &mut self.outcome).await?;
        self.outcome.tell(ledger.writes.len() as u64, faults)
    }
}

/// How often a fault strikes: seldom in `make test`, often in `make chaos`.
pub fn often(seldom: u32, often: u32) -> u32 {
    if is_long() { often } else { seldom }
}

/// kill -9 of the server that a file names, once that is another one than `last`; answers which.
pub async fn kill_server(pid_file: &Path, last: u32) -> anyhow::Result<u32> {
    let named = || {
        let text = fs::read_to_string(pid_file).unwrap_or_default();
        text.lines().next().and_then(|line| line.trim().parse().ok()).unwrap_or(last)
    };
    until("a server that comes back", SERVER, || async { Ok(named() != last) }).await?;
    let pid = named();
    signal("KILL", pid)?;
    Ok(pid)
}

/// Waits until something is so.
pub async fn until<F>(what: &str, limit: Duration, is_so: impl Fn() -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<bool>>,
{
    let began = Instant::now();
    loop {
        let answer = is_so().await;
        if matches!(answer, Ok(true)) {
            return Ok(());
        }
        ensure!(began.elapsed() < limit, "{what} does not come to pass: {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
