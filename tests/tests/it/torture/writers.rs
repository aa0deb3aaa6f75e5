//! Those who write: tasks of this process, or processes that may be killed.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tests::{
    Dice, Guarded,
    torture::{Writer, shared_streams},
};
use tokio::{task::JoinSet, time::sleep};

use super::stage::{Stage, Who};

/// The least and the most that a process lives that is to be killed.
const LIFE: [Duration; 2] = [Duration::from_millis(400), Duration::from_millis(1500)];
/// How much longer than it writes a process may take.
const FAREWELL: Duration = Duration::from_secs(30);

/// Has them write until the end, and says how many were killed.
pub async fn write(stage: &Stage, who: Who, end: Instant) -> anyhow::Result<u64> {
    match who {
        Who::Tasks { writers } => {
            write_as_tasks(stage, writers, end).await?;
            Ok(0)
        }
        Who::Processes { count, writers, are_killed } => {
            let mut crew = JoinSet::new();
            for number in 0..count {
                let process = Process::of(stage, number, writers)?;
                crew.spawn(process.write(end, are_killed));
            }
            let mut kills = 0;
            while let Some(killed) = crew.join_next().await {
                kills += killed??;
            }
            Ok(kills)
        }
    }
}

async fn write_as_tasks(stage: &Stage, writers: u64, end: Instant) -> anyhow::Result<()> {
    let (log, other) = ((*stage.log).clone(), stage.log.database.open().await?);
    let mut crew = JoinSet::new();
    for number in 0..writers {
        let mut logs = [log.clone(), other.clone()];
        if number % 2 == 1 {
            logs.reverse();
        }
        let journal = stage.journals.join(format!("0-{number}"));
        let dice = Dice::of(stage.seed, number);
        let writer = Writer::open(logs, shared_streams(stage.seed), dice, &journal)?;
        crew.spawn(writer.write_until(end));
    }
    while let Some(tally) = crew.join_next().await {
        let tally = tally??;
        ensure!(tally.written > 0 && tally.repeated > 0, "a writer did little: {tally:?}");
    }
    Ok(())
}

/// A process that writes.
struct Process {
    arguments: [String; 5],
    writers: u64,
    dice: Dice,
}

impl Process {
    fn of(stage: &Stage, number: u64, writers: u64) -> anyhow::Result<Self> {
        let (url, master) = stage.log.database.address();
        let folder = stage.journals.to_str().context("a path in UTF-8")?.to_owned();
        let arguments = [url, master, folder, stage.seed.to_string(), number.to_string()];
        Ok(Self { arguments, writers, dice: Dice::of(stage.seed, 3000 + number) })
    }

    /// Writes until the end in one life or in many, and says how many ended by kill -9.
    async fn write(mut self, end: Instant, is_killed: bool) -> anyhow::Result<u64> {
        let mut kills = 0;
        while is_killed && Instant::now() + LIFE[1] < end {
            let child = self.start(kills, FAREWELL)?;
            sleep(self.dice.between(LIFE[0], LIFE[1])).await;
            drop(child);
            kills += 1;
        }
        let left = end.saturating_duration_since(Instant::now());
        let mut child = self.start(kills, left)?;
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.0.try_wait()? {
                break status;
            }
            ensure!(began.elapsed() < left + FAREWELL, "a writer does not end");
            sleep(Duration::from_millis(10)).await;
        };
        ensure!(status.success(), "a writer ended with {status}");
        Ok(kills)
    }

    fn start(&self, generation: u64, length: Duration) -> anyhow::Result<Guarded> {
        let child = Command::new(env!("CARGO_BIN_EXE_torture-writer"))
            .args(&self.arguments)
            .args([generation, self.writers].map(|number| number.to_string()))
            .arg(length.as_millis().to_string())
            .spawn()
            .context("starting a writer")?;
        Ok(Guarded(child))
    }
}
