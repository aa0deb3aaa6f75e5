//! Any event: a stored sample with other values in it. A new event's sample makes it part of this.

use std::{fs, path::Path, sync::Arc};

use domain::{Category, Event, Seal, with_seal};
use serde_json::{Map, Value, json};
use tests::Dice;
use uuid::Uuid;

/// A seal that hides nothing: stored samples are sealed by it.
struct ClearSeal;

const SEALED: &str = "sealed:";

impl Seal for ClearSeal {
    fn seal(&self, clear: &[u8], _context: &[u8]) -> Result<String, String> {
        let clear = std::str::from_utf8(clear).map_err(|error| error.to_string())?;
        Ok(format!("{SEALED}{clear}"))
    }

    fn open(&self, sealed: &str, _context: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let clear = sealed.strip_prefix(SEALED).ok_or("this was not sealed")?;
        Ok(Some(clear.as_bytes().to_vec()))
    }
}

/// Runs `work` under a seal that hides nothing.
pub fn sealed<R>(work: impl FnOnce() -> R) -> R {
    with_seal(Arc::new(ClearSeal), Uuid::nil(), work)
}

/// A stored event.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: String,
    pub version: i16,
    pub payload: Value,
}

impl Sample {
    /// The stored samples of a category.
    pub fn all(category: Category) -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/events");
        let mut samples = Vec::new();
        for file in fs::read_dir(folder).expect("the stored samples") {
            let path = file.expect("a stored sample").path();
            let payload: Value = serde_json::from_slice(&fs::read(&path).expect("a sample"))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let (name, version) = form(&path).unwrap_or_else(|| panic!("{}", path.display()));
            if Category::of_event(&name) == Some(category) {
                samples.push(Self { name, version, payload });
            }
        }
        samples.sort_by_key(|sample| (sample.name.clone(), sample.version));
        samples
    }

    /// The event that it stores.
    pub fn decode(&self) -> Option<Event> {
        let payload = serde_json::to_vec(&self.payload).ok()?;
        sealed(|| Event::decode(&self.name, self.version, &payload)).ok()
    }

    /// Another event of the same kind: each value in it may be another one, as far as it can still
    /// be read.
    pub fn varied(&self, dice: &mut Dice) -> Self {
        let mut varied = self.clone();
        for path in leaves(&self.payload) {
            if dice.below(2) == 0 {
                continue;
            }
            let mut candidate = varied.clone();
            let Some(leaf) = candidate.payload.pointer_mut(&path) else { continue };
            *leaf = other(leaf, dice);
            if candidate.decode().is_some() {
                varied = candidate;
            }
        }
        varied
    }
}

/// The name and the version of a sample that is called `name.v1.json`.
fn form(path: &Path) -> Option<(String, i16)> {
    let (name, version) = path.file_stem()?.to_str()?.rsplit_once(".v")?;
    Some((name.to_owned(), version.parse().ok()?))
}

/// Pointers to every value in a sample but the name of the event.
fn leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<(String, &Value)> = vec![(String::new(), value)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    open.push((format!("{path}/{}", escaped(name)), value));
                }
            }
            Value::Array(items) => {
                found.push(path.clone());
                open.extend(
                    items.iter().enumerate().map(|(n, item)| (format!("{path}/{n}"), item)),
                );
            }
            _ => found.push(path),
        }
    }
    found.sort();
    found
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Ids that events share, so that they tell of the same things.
const IDS: u64 = 4;
/// Texts that hurt.
const TEXTS: [&str; 6] =
    ["", "a", "\u{0}", "\u{1f980} Ünïcödé", "ten minus eleven", "'; drop table"];

/// Words that stand for something in some event.
const WORDS: [&str; 12] = [
    "USER",
    "ADMIN",
    "SUPERUSER",
    "user",
    "tool",
    "stop",
    "length",
    "revoked",
    "logged_out",
    "de",
    "anthropic",
    "daily",
];

/// A value of the same kind, or nothing at all.
fn other(value: &Value, dice: &mut Dice) -> Value {
    if dice.below(12) == 0 {
        return Value::Null;
    }
    match value {
        Value::Null => json!(dice.below(2)),
        Value::Bool(_) => json!(dice.below(2) == 0),
        // What is said in halves is stored as it is; other fractions lose their last digit.
        Value::Number(fraction) if fraction.is_f64() => json!(dice.pick(&[0.0, 0.5, 1.5])),
        Value::Number(_) => number(dice),
        Value::String(text) => string(text, dice),
        Value::Array(items) => Value::Array(rearranged(items, dice)),
        Value::Object(_) => Value::Object(Map::new()),
    }
}

fn number(dice: &mut Dice) -> Value {
    let numbers = [0, 1, 2, 3, 10, 255, 65_535, u64::from(u32::MAX), u64::MAX];
    match dice.below(3) {
        0 => json!(dice.roll()),
        _ => json!(dice.pick(&numbers)),
    }
}

fn string(text: &str, dice: &mut Dice) -> Value {
    if let Some(inner) = text.strip_prefix(SEALED) {
        let inner = serde_json::from_str(inner).unwrap_or(Value::Null);
        return json!(format!("{SEALED}{}", deeply(&inner, dice)));
    }
    if text.parse::<Uuid>().is_ok() {
        return json!(Uuid::from_u128(u128::from(dice.below(IDS))));
    }
    if chrono::DateTime::parse_from_rfc3339(text).is_ok() {
        let moments =
            ["1970-01-01T00:00:00Z", "2026-01-02T03:04:05.678901Z", "+262000-01-01T00:00:00Z"];
        return json!(dice.pick(&moments));
    }
    match dice.below(2) {
        0 => json!(dice.pick(&WORDS)),
        _ => json!(dice.pick(&TEXTS)),
    }
}

fn rearranged(items: &[Value], dice: &mut Dice) -> Vec<Value> {
    let mut kept: Vec<Value> = items.iter().filter(|_| dice.below(3) > 0).cloned().collect();
    if dice.below(2) == 0 {
        kept.extend(items.first().cloned());
    }
    kept
}

/// Varies what is inside a personal field, too.
fn deeply(value: &Value, dice: &mut Dice) -> Value {
    let mut varied = value.clone();
    for path in leaves(value) {
        if dice.below(3) == 0
            && let Some(leaf) = varied.pointer_mut(&path)
        {
            *leaf = match &*leaf {
                Value::String(_) => json!(dice.pick(&TEXTS)),
                leaf => other(leaf, dice),
            };
        }
    }
    varied
}
