//! Domain values as JSON for somebody who may see them: personal data in clear, or null once erased.

use std::sync::Arc;

use domain::{Seal, with_seal};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Stands before what was personal, until it is put in its place. No text that people write begins
/// with these.
const MARK: &str = "\u{0}\u{1}";

/// Closes nothing.
struct Glass;

impl Seal for Glass {
    fn seal(&self, clear: &[u8], _context: &[u8]) -> Result<String, String> {
        std::str::from_utf8(clear)
            .map(|clear| format!("{MARK}{clear}"))
            .map_err(|error| error.to_string())
    }

    fn open(&self, _sealed: &str, _context: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Err("nothing is read here".to_owned())
    }
}

/// The JSON form of a value of the domain.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<Value> {
    let mut json = with_seal(Arc::new(Glass), Uuid::nil(), || serde_json::to_value(value))?;
    unveil(&mut json);
    Ok(json)
}

fn unveil(json: &mut Value) {
    match json {
        Value::String(text) => {
            // What is no JSON behind the mark was never marked by us.
            if let Some(clear) =
                text.strip_prefix(MARK).and_then(|it| serde_json::from_str(it).ok())
            {
                *json = clear;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unveil),
        Value::Object(fields) => fields.values_mut().for_each(unveil),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use domain::Personal;
    use serde_json::json;

    #[test]
    fn personal_data_is_shown_and_what_was_erased_is_null() {
        let known = Personal::Known(vec!["Ada"]);
        let erased: Personal<u32> = Personal::Erased;

        let shown = super::json(&(1, known, erased, "text")).unwrap();

        assert_eq!(shown, json!([1, ["Ada"], null, "text"]));
    }

    #[test]
    fn a_text_that_looks_like_personal_data_stays_a_text() {
        let shown = super::json(&"\u{0}\u{1}not json").unwrap();

        assert_eq!(shown, json!("\u{0}\u{1}not json"));
    }
}
