//! Events are forever: what was ever stored reads back to itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use aws_lc_rs::digest::{SHA256, digest};

use super::{Event, NAMES, is_readable, written_version};
use crate::testing::sealed;

/// An event's name and the version of its form.
type Form = (String, i16);

/// The files of stored samples, as they are.
fn files() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let read = |file: std::path::PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap().to_owned();
        (name, fs::read_to_string(&file).unwrap())
    };
    files.map(read).collect()
}

/// The stored samples, by event name and version.
fn samples() -> BTreeMap<Form, String> {
    let form = |file: &str| {
        let (name, version) = file.strip_suffix(".json")?.rsplit_once(".v")?;
        Some((name.to_owned(), version.parse().ok()?))
    };
    let sample = |(file, text): (String, String)| {
        (form(&file).unwrap_or_else(|| panic!("{file}")), text.trim_end().to_owned())
    };
    files().into_iter().map(sample).collect()
}

fn decode((name, version): &Form, payload: &str) -> Event {
    sealed(|| Event::decode(name, *version, payload.as_bytes()))
        .unwrap_or_else(|error| panic!("{error}: {:?}", error.source))
}

fn encode(event: &Event) -> String {
    sealed(|| serde_json::to_string(event)).unwrap()
}

fn line((file, text): &(String, String)) -> String {
    let mut line = String::new();
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        write!(line, "{byte:02x}").unwrap();
    }
    format!("{line}  events/{file}")
}

#[test]
fn every_form_of_an_event_has_a_sample_and_every_sample_a_form() {
    let sampled: BTreeSet<Form> = samples().into_keys().collect();

    let versions = |name: &&str| {
        let name = (*name).to_owned();
        (1..=written_version(&name)).map(move |version| (name.clone(), version))
    };
    let known: BTreeSet<Form> = NAMES.iter().flat_map(versions).collect();
    assert_eq!(sampled, known);
}

#[test]
fn every_sample_is_the_event_it_is_named_after() {
    for (form, payload) in samples() {
        let event = decode(&form, &payload);

        assert_eq!(event.name(), form.0);
    }
}

#[test]
fn every_sample_of_a_form_that_is_written_is_stored_again_as_it_was() {
    let samples = samples().into_iter();
    for (form, payload) in samples.filter(|((name, version), _)| *version == written_version(name))
    {
        let event = decode(&form, &payload);

        assert_eq!(encode(&event), payload, "{form:?}");
    }
}

#[test]
fn no_sample_ever_changes() {
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/events.sha256");
    let list = fs::read_to_string(list).unwrap();
    let listed: BTreeSet<String> = list.lines().map(str::to_owned).collect();

    let found: BTreeSet<String> = files().into_iter().map(|file| line(&file)).collect();

    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "events are forever, but these samples were changed: {gone:#?}");
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "new samples belong in domain/events.sha256: {new:#?}");
    let names: BTreeSet<_> = listed.iter().filter_map(|line| line.split("  ").nth(1)).collect();
    assert_eq!(names.len(), list.lines().count(), "a sample is listed once");
}

#[test]
fn an_event_of_no_category_is_unknown() {
    let outcome = Event::decode("invoice.paid", 1, br#"{"invoice.paid":{}}"#);

    assert!(outcome.is_err_and(|error| error.source.is_none()));
}

#[test]
fn an_unknown_event_of_a_category_is_unknown() {
    let outcome = Event::decode("user.promoted", 1, br#"{"user.promoted":{}}"#);

    assert!(outcome.is_err_and(|error| error.source.is_some()));
    assert!(!is_readable("user.promoted", 1));
}

#[test]
fn a_form_that_does_not_exist_yet_is_unknown() {
    for (name, version) in [("user.activated", 0), ("user.activated", 2), ("chat.run_failed", 3)] {
        let payload = format!("{{\"{name}\":{{}}}}");

        let outcome = Event::decode(name, version, payload.as_bytes());

        assert!(outcome.is_err_and(|error| error.source.is_none()), "{name} {version}");
        assert!(!is_readable(name, version));
    }
}

#[test]
fn every_older_form_is_readable() {
    assert!(is_readable("chat.run_failed", 1) && is_readable("chat.run_failed", 2));
}
