//! Upcasters: older stored forms, turned version by version into the one that is written today.
//!
//! An upcaster is a pure function from the body of an event in one version to that in the next. What
//! is sealed stays sealed and in its order: each sealed field is bound to its place among them.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};

/// An object whose fields keep their order and, unless somebody looks into them, every byte.
type Object = IndexMap<String, Box<RawValue>>;

/// From one version of an event's form to the next.
struct Upcaster {
    name: &'static str,
    /// The version that it reads.
    from: i16,
    change: fn(Object) -> serde_json::Result<Object>,
}

/// All there are: who gives an event another form adds the way from the form before.
const UPCASTERS: &[Upcaster] = &[Upcaster { name: "chat.run_failed", from: 1, change: keep_ours }];

/// The version in which an event is written: where the last upcaster for it leads, or the first.
#[must_use]
pub fn written_version(name: &str) -> i16 {
    let known = UPCASTERS.iter().filter(|upcaster| upcaster.name == name);
    1 + known.map(|upcaster| upcaster.from).max().unwrap_or(0)
}

/// The payload in the form in which such events are written today.
pub(super) fn current_form<'a>(
    name: &str,
    version: i16,
    payload: &'a [u8],
) -> serde_json::Result<Cow<'a, [u8]>> {
    let mut steps = UPCASTERS
        .iter()
        .filter(|upcaster| upcaster.name == name && upcaster.from >= version)
        .peekable();
    if steps.peek().is_none() {
        return Ok(Cow::Borrowed(payload));
    }
    let mut event: IndexMap<String, Object> = serde_json::from_slice(payload)?;
    for (_, body) in &mut event {
        for upcaster in steps.by_ref() {
            *body = (upcaster.change)(std::mem::take(body))?;
        }
    }
    serde_json::to_vec(&event).map(Cow::Owned)
}

/// `chat.run_failed` 1 -> 2. Behind our sentence stood in clear what the provider had said, and that may
/// repeat what a person wrote; since then it is sealed, in a field of its own.
fn keep_ours(mut body: Object) -> serde_json::Result<Object> {
    if let Some(failure) = body.get_mut("failure") {
        let mut fields: Object = serde_json::from_str(failure.get())?;
        if let Some(detail) = fields.get_mut("detail") {
            let told: String = serde_json::from_str(detail.get())?;
            let ours = told.split_once(": ").map_or(&*told, |(ours, _)| ours);
            *detail = to_raw_value(ours)?;
        }
        *failure = to_raw_value(&fields)?;
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::NAMES;

    fn upcast(name: &str, payload: &str) -> String {
        let form = current_form(name, 1, payload.as_bytes()).unwrap();
        String::from_utf8(form.into_owned()).unwrap()
    }

    #[test]
    fn upcasters_lead_from_the_first_form_to_the_written_one_step_by_step() {
        for name in NAMES {
            let of_name = UPCASTERS.iter().filter(|upcaster| upcaster.name == *name);
            let from: Vec<i16> = of_name.map(|upcaster| upcaster.from).collect();

            let expected: Vec<i16> = (1..written_version(name)).collect();
            assert_eq!(from, expected, "{name}");
        }
        assert!(UPCASTERS.iter().all(|upcaster| NAMES.contains(&upcaster.name)));
    }

    #[test]
    fn a_form_that_is_written_today_is_left_alone() {
        let payload = br#"{"chat.deleted":{}}"#;

        let form = current_form("chat.deleted", 1, payload).unwrap();

        assert!(matches!(form, Cow::Borrowed(same) if same == payload));
    }

    #[test]
    fn of_a_failed_run_our_own_words_are_kept_and_all_else_as_it_stands() {
        let old = r#"{"chat.run_failed":{"run":"r","failure":{"kind":"refused","detail":"openai refused the request: your words were 'a: secret'","explanation":"c2VhbGVk/+=","retry_after":3e1},"usage":{"output":1,"input":2}}}"#;

        let new = upcast("chat.run_failed", old);

        let expected = r#"{"chat.run_failed":{"run":"r","failure":{"kind":"refused","detail":"openai refused the request","explanation":"c2VhbGVk/+=","retry_after":3e1},"usage":{"output":1,"input":2}}}"#;
        assert_eq!(new, expected);
    }

    #[test]
    fn a_failed_run_of_which_the_provider_said_nothing_stays_as_it_was() {
        let old = r#"{"chat.run_failed":{"run":"r","failure":{"kind":"internal","detail":"the run could not be recorded"},"usage":{}}}"#;

        assert_eq!(upcast("chat.run_failed", old), old);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let broken = ["", "[]", r#"{"chat.run_failed":7}"#, r#"{"chat.run_failed":{"failure":1}}"#];
        for payload in broken {
            assert!(current_form("chat.run_failed", 1, payload.as_bytes()).is_err(), "{payload}");
        }
    }
}
