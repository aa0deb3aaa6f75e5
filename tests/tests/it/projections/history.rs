//! Invented histories: every stored sample of an event, told of a few people, in any order that can be.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::Context;
use chrono::{DateTime, TimeDelta};
use domain::{Category, Event, Seal, with_seal, written_version};
use eventlog::{Meta, Position, Recorded};
use uuid::Uuid;

/// The ids in the samples: whose it is, which run, which case.
const PERSON: &str = "00000000-0000-7000-8000-000000000001";
const RUN: &str = "00000000-0000-7000-8000-000000000003";
const CASE: &str = "00000000-0000-7000-8000-000000000008";
/// What begins a run or a case.
const BEGINNINGS: [&str; 2] = ["chat.run_requested", "user.undone"];
/// What may happen to a stream only at its end, and to nobody here.
const ENDINGS: [&str; 2] = ["user.erasure_requested", "user.erasure_certified"];
/// How many people there are.
const PEOPLE: usize = 8;

/// What comes first in a stream, and never again.
fn opening(category: Category) -> Option<&'static str> {
    match category {
        Category::User => Some("user.registered"),
        Category::Session => Some("session.started"),
        Category::ApiKey => Some("api_key.created"),
        Category::Chat => Some("chat.opened"),
        Category::Notification => Some("notification.created"),
        Category::Settings
        | Category::Login
        | Category::Audit
        | Category::Inbox
        | Category::Factors => None,
    }
}

/// Numbers that look random and are the same for the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("a small number")
    }
}

/// Samples are not really sealed.
struct Open;

impl Seal for Open {
    fn seal(&self, clear: &[u8], _context: &[u8]) -> Result<String, String> {
        Ok(String::from_utf8_lossy(clear).into_owned())
    }

    fn open(&self, sealed: &str, _context: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(Some(sealed.trim_start_matches("sealed:").as_bytes().to_vec()))
    }
}

struct Stream {
    id: Uuid,
    person: Uuid,
    category: Category,
    runs: Vec<Uuid>,
    version: i64,
}

/// The stored sample of every form that is written today, by name.
fn samples() -> anyhow::Result<BTreeMap<String, String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/events");
    let mut samples = BTreeMap::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?;
        let form = name.strip_suffix(".json").and_then(|form| form.rsplit_once(".v"));
        let (name, version) = form.context("a sample is called name.v1.json")?;
        if written_version(name) == version.parse::<i16>()? {
            samples.insert(name.to_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(samples)
}

/// So many events of a few people.
pub fn history(dice: &mut Dice, length: usize) -> anyhow::Result<Vec<Recorded>> {
    let samples = samples()?;
    let people: Vec<Uuid> = (0..PEOPLE).map(|_| Uuid::now_v7()).collect();
    let mut streams: Vec<Stream> = Vec::new();
    let mut events = Vec::with_capacity(length);
    for position in 1..=Position::try_from(length)? {
        let index = dice.below(streams.len() + 3);
        if index >= streams.len() {
            let category = Category::ALL[dice.below(Category::ALL.len())];
            let person = people[dice.below(PEOPLE)];
            let id = if category == Category::User { person } else { category.stream(person) };
            streams.push(Stream { id, person, category, runs: vec![], version: 0 });
        }
        let stream = index.min(streams.len() - 1);
        // There is one account for a person, and one stream of settings.
        let id = streams[stream].id;
        let stream = streams.iter().position(|other| other.id == id).context("a stream")?;
        events.push(streams[stream].next(dice, &samples, position)?);
    }
    Ok(events)
}

trait StreamOf {
    fn stream(self, person: Uuid) -> Uuid;
}

impl StreamOf for Category {
    fn stream(self, person: Uuid) -> Uuid {
        match self {
            Self::Settings | Self::Login | Self::Audit | Self::Inbox | Self::Factors => {
                self.stream_of(person)
            }
            Self::User | Self::Session | Self::ApiKey | Self::Chat | Self::Notification => {
                Uuid::now_v7()
            }
        }
    }
}

impl Stream {
    fn next(
        &mut self,
        dice: &mut Dice,
        samples: &BTreeMap<String, String>,
        position: Position,
    ) -> anyhow::Result<Recorded> {
        let name = self.name(dice, samples);
        let run = match self.runs.get(dice.below(self.runs.len().max(1))) {
            Some(run) if !BEGINNINGS.contains(&&*name) => *run,
            _ => Uuid::now_v7(),
        };
        if BEGINNINGS.contains(&&*name) {
            self.runs.push(run);
        }
        let payload = samples.get(&name).context("a sample")?;
        let payload = payload
            .replace(PERSON, &self.person.to_string())
            .replace(RUN, &run.to_string())
            .replace(CASE, &run.to_string())
            .replace("ada@example.com", &format!("{}@example.com", self.person))
            .replace("Ada@example.org", &format!("{}@example.org", self.person))
            .replace("ak_3f9c", &format!("ak_{}", self.id.simple()))
            .replace("ak_77aa", &format!("ak_new_{}", self.id.simple()))
            .replace("\"at\":\"2026-01-02", &format!("\"at\":\"2026-02-{:02}", position % 28 + 1));
        let decode = || Event::decode(&name, written_version(&name), payload.as_bytes());
        let event = with_seal(Arc::new(Open), self.id, decode)?;
        self.version += 1;
        Ok(Recorded {
            position,
            stream: self.id,
            version: self.version,
            recorded_at: DateTime::UNIX_EPOCH + TimeDelta::hours(position),
            command: Uuid::now_v7(),
            name: name.into(),
            meta: Meta::default().about(self.person),
            event,
        })
    }

    fn name(&self, dice: &mut Dice, samples: &BTreeMap<String, String>) -> String {
        let opening = opening(self.category);
        if self.version == 0
            && let Some(opening) = opening
        {
            return opening.to_owned();
        }
        let is_possible = |name: &&String| {
            let is_once = Some(name.as_str()) == opening || ENDINGS.contains(&name.as_str());
            Category::of_event(name) == Some(self.category) && !is_once
        };
        let possible: Vec<&String> = samples.keys().filter(is_possible).collect();
        let name = possible[dice.below(possible.len())];
        // Who is erased is mostly not heard of again; an inbox that is cleared empties quickly.
        let is_early = match name.as_str() {
            "inbox.read_deleted" => dice.below(400) > 0,
            name if name.ends_with(".erased") => dice.below(6) > 0,
            _ => false,
        };
        if is_early { self.name(dice, samples) } else { name.clone() }
    }
}
