//! What a writer asked and what it was told, in a file that survives it.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Write,
    path::Path,
};

use anyhow::{Context, bail, ensure};
use eventlog::Appended;
use uuid::Uuid;

use super::{Ask, What};

/// A writer's journal.
pub struct Journal {
    file: File,
}

/// A command, and what its writer was told.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The command.
    pub ask: Ask,
    /// The answer; none where the writer was killed before it came.
    pub answer: Option<Answer>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was written.
    Written(Appended),
    /// It was refused.
    Refused,
}

impl Journal {
    /// Opens a journal, with the entries that it holds already.
    pub fn open(path: &Path) -> anyhow::Result<(Self, Vec<Entry>)> {
        let entries = if path.exists() { Self::read(path)? } else { vec![] };
        let mut file = File::options().create(true).append(true).open(path)?;
        // What was torn by a kill ends here.
        file.write_all(b"\n")?;
        Ok((Self { file }, entries))
    }

    /// Notes what is about to be asked.
    pub fn ask(&mut self, ask: &Ask) -> anyhow::Result<()> {
        self.note(&format!("ask {ask}"))
    }

    /// Notes the answer.
    pub fn answer(&mut self, ask: &Ask, answer: Answer) -> anyhow::Result<()> {
        let command = ask.command;
        match answer {
            Answer::Written(Appended { first, last, version, is_repeated: _ }) => {
                self.note(&format!("ack {command} {first} {last} {version}"))
            }
            Answer::Refused => self.note(&format!("no {command}")),
        }
    }

    /// One write, so that a kill leaves the line or not.
    fn note(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(self.file.write_all(format!("{line}\n").as_bytes())?)
    }

    /// The entries of a journal, in order; a command that was asked again stands where it was first.
    pub fn read(path: &Path) -> anyhow::Result<Vec<Entry>> {
        let text = fs::read_to_string(path)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: HashMap<Uuid, usize> = HashMap::new();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines().filter(|line| !line.is_empty()) {
            let (kind, rest) = line.split_once(' ').context("a line of a journal")?;
            if kind == "ask" {
                let ask: Ask = rest.parse()?;
                places.entry(ask.command).or_insert_with(|| {
                    entries.push(Entry { ask, answer: None });
                    entries.len() - 1
                });
                continue;
            }
            let (command, answer) = read_answer(kind, rest)?;
            let place = *places.get(&command).context("an answer to nothing")?;
            let known = entries[place].answer.replace(answer);
            ensure!(
                known.is_none_or(|known| known == answer),
                "two answers: {known:?}, {answer:?}"
            );
        }
        Ok(entries)
    }
}

fn read_answer(kind: &str, rest: &str) -> anyhow::Result<(Uuid, Answer)> {
    let words: Vec<&str> = rest.split(' ').collect();
    match (kind, &words[..]) {
        ("no", [command]) => Ok((command.parse()?, Answer::Refused)),
        ("ack", [command, first, last, version]) => {
            let (first, last, version) = (first.parse()?, last.parse()?, version.parse()?);
            let appended = Appended { first, last, version, is_repeated: false };
            Ok((command.parse()?, Answer::Written(appended)))
        }
        _ => bail!("not a line of a journal: {kind} {rest}"),
    }
}

/// The command that a killed writer does not know the fate of.
pub(super) fn unanswered(entries: &[Entry]) -> Option<Ask> {
    entries.iter().find(|entry| entry.answer.is_none()).map(|entry| entry.ask.clone())
}

/// The key that a writer holds, and the stream it holds it by.
pub(super) fn held(entries: &[Entry]) -> Option<(u8, Uuid)> {
    let mut held = None;
    for Entry { ask, answer } in entries {
        match (ask.what, answer) {
            (What::Take(key), Some(Answer::Written(_))) => held = Some((key, ask.stream)),
            (What::Release(_), Some(Answer::Written(_))) => held = None,
            _ => {}
        }
    }
    held
}
