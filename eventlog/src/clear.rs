//! Values of the domain as JSON for people who may see everything: what is personal stands in clear.

use std::sync::Arc;

use domain::{Event, Seal, with_seal};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Closes nothing, and marks what was personal so that it can be put in its place.
struct Glass {
    /// New each time: no text that people write begins with it.
    mark: String,
    erased: Value,
}

impl Seal for Glass {
    fn seal(&self, clear: &[u8], _context: &[u8]) -> Result<String, String> {
        let clear = str::from_utf8(clear).map_err(|error| error.to_string())?;
        Ok(format!("{}{clear}", self.mark))
    }

    fn open(&self, _sealed: &str, _context: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Err("nothing is read here".to_owned())
    }

    fn erased(&self) -> Option<String> {
        Some(format!("{}{}", self.mark, self.erased))
    }
}

/// The JSON form of a value of the domain; `erased` stands where something was erased.
pub fn in_clear(value: &impl Serialize, erased: Value) -> serde_json::Result<Value> {
    let mark = Uuid::new_v4().to_string();
    let glass = Arc::new(Glass { mark: mark.clone(), erased });
    let mut json = with_seal(glass, Uuid::nil(), || serde_json::to_value(value))?;
    unveil(&mut json, &mark);
    Ok(json)
}

/// What an event says, without its name; `erased` stands where something was erased.
pub fn content(event: &Event, erased: Value) -> serde_json::Result<Value> {
    Ok(match in_clear(event, erased)? {
        Value::Object(named) => named.into_iter().next().map_or(Value::Null, |(_, said)| said),
        other => other,
    })
}

fn unveil(json: &mut Value, mark: &str) {
    match json {
        Value::String(text) => {
            let clear = text.strip_prefix(mark).and_then(|clear| serde_json::from_str(clear).ok());
            if let Some(clear) = clear {
                *json = clear;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| unveil(item, mark)),
        Value::Object(fields) => fields.values_mut().for_each(|field| unveil(field, mark)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::{Personal, login};
    use serde_json::json;

    use super::*;

    fn failed(address: Option<Personal<String>>) -> Event {
        Event::Login(login::Event::Failed { address, user_agent: None, at: DateTime::UNIX_EPOCH })
    }

    fn shown(event: &Event) -> Value {
        content(event, json!({ "erased": true })).unwrap()
    }

    #[test]
    fn personal_data_is_shown_in_clear() {
        let shown = shown(&failed(Some("192.0.2.1".to_owned().into())));

        assert_eq!(shown, json!({ "address": "192.0.2.1", "at": "1970-01-01T00:00:00Z" }));
    }

    #[test]
    fn what_was_erased_is_told_from_what_was_never_there() {
        let erased = shown(&failed(Some(Personal::Erased)));
        let absent = shown(&failed(None));

        assert_eq!(erased["address"], json!({ "erased": true }));
        assert_eq!(absent["address"], Value::Null);
    }

    #[test]
    fn personal_data_is_shown_and_what_was_erased_is_null() {
        let known = Personal::Known(vec!["Ada"]);
        let erased: Personal<u32> = Personal::Erased;

        let shown = in_clear(&(1, known, erased, "text"), Value::Null).unwrap();

        assert_eq!(shown, json!([1, ["Ada"], null, "text"]));
    }

    #[test]
    fn a_text_that_looks_like_personal_data_stays_a_text() {
        let shown = in_clear(&"\u{0}\u{1}not json", Value::Null).unwrap();

        assert_eq!(shown, json!("\u{0}\u{1}not json"));
    }
}
