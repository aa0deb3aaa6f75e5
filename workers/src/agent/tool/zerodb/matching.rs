//! Whether a row is what was asked for: JSON containment, as Postgres' `@>` has it.

use serde_json::{Number, Value};

/// Whether `data` holds all that `wanted` names.
pub(super) fn contains(data: &Value, wanted: &Value) -> bool {
    match (data, wanted) {
        (Value::Object(data), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| data.get(name).is_some_and(|data| contains(data, wanted))),
        (Value::Array(data), Value::Array(wanted)) => {
            wanted.iter().all(|wanted| data.iter().any(|data| contains(data, wanted)))
        }
        (data, wanted) => plain(data).is_some_and(|data| Some(data) == plain(wanted)),
    }
}

/// One spelling of a value that has no parts; numbers are equal whatever they look like.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => Some(format!("n{}", number_text(number))),
        Value::String(text) => Some(format!("s{text}")),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        // Whole, and small enough for a float to be exact.
        // The sum has no negative zero.
        Some(float) if float.fract() == 0.0 && float.abs() < 9e15 => format!("{:.0}", float + 0.0),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::contains;

    #[test]
    fn a_row_contains_what_postgres_says_it_contains() {
        for (data, wanted, is_in) in [
            (json!({ "a": 1, "b": "x" }), json!({}), true),
            (json!({ "a": 1, "b": "x" }), json!({ "a": 1.0 }), true),
            (json!({ "a": 1, "b": "x" }), json!({ "a": "1" }), false),
            (json!({ "a": 1, "b": "x" }), json!({ "c": null }), false),
            (json!({ "a": null }), json!({ "a": null }), true),
            (json!({ "a": { "b": 1, "c": 2 } }), json!({ "a": { "b": 1 } }), true),
            (json!({ "a": { "b": 1 } }), json!({ "a": { "b": 2 } }), false),
            (json!({ "a": [1, 2, 3] }), json!({ "a": [3, 1] }), true),
            (json!({ "a": [1, 2] }), json!({ "a": [4] }), false),
            (json!({ "a": [1, 2] }), json!({ "a": 1 }), false),
            (json!({ "a": -0.0 }), json!({ "a": 0 }), true),
            (json!({ "a": true }), json!({ "a": "true" }), false),
        ] {
            assert_eq!(contains(&data, &wanted), is_in, "{data} {wanted}");
        }
    }
}
