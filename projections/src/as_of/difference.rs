//! What differs between two JSON values, field by field.

use serde::Serialize;
use serde_json::{Map, Value};

/// A field that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Where, as a JSON pointer (RFC 6901).
    pub field: String,
    /// What it was; nothing where there was no such field.
    pub from: Option<Value>,
    /// What it became; nothing where there is no such field any more.
    pub to: Option<Value>,
}

/// A row that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowChange {
    /// Its table.
    pub table: &'static str,
    /// Its key.
    pub key: Value,
    /// What became of it.
    pub change: Change,
    /// Its fields that differ.
    pub fields: Vec<Difference>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It differs.
    Changed,
}

/// The fields in which two values differ, in the order in which they stand.
pub(super) fn between(from: &Value, to: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(from), Some(to), &mut found);
    found
}

/// The same for rows, of which one may be missing.
pub(super) fn of_row(
    table: &'static str,
    key: Value,
    from: Option<&Value>,
    to: Option<&Value>,
) -> Option<RowChange> {
    let nothing = Value::Object(Map::new());
    let fields = between(from.unwrap_or(&nothing), to.unwrap_or(&nothing));
    let change = match (from, to) {
        (None, _) => Change::Added,
        (Some(_), None) => Change::Removed,
        (Some(_), Some(_)) => Change::Changed,
    };
    (!fields.is_empty()).then_some(RowChange { table, key, change, fields })
}

fn compare(field: String, from: Option<&Value>, to: Option<&Value>, found: &mut Vec<Difference>) {
    match (from, to) {
        (Some(from), Some(to)) if from == to => {}
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            let new = to.keys().filter(|name| !from.contains_key(*name));
            for name in from.keys().chain(new) {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                compare(format!("{field}/{escaped}"), from.get(name), to.get(name), found);
            }
        }
        (Some(Value::Array(from)), Some(Value::Array(to))) => {
            for place in 0..from.len().max(to.len()) {
                compare(format!("{field}/{place}"), from.get(place), to.get(place), found);
            }
        }
        (from, to) => found.push(Difference { field, from: from.cloned(), to: to.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(from: &Value, to: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
        let found = between(from, to).into_iter();
        found.map(|it| (it.field, it.from, it.to)).collect()
    }

    #[test]
    fn equal_values_do_not_differ() {
        let value = json!({ "a": [1, { "b": null }] });

        assert_eq!(between(&value, &value), []);
    }

    #[test]
    fn fields_are_told_by_their_pointers() {
        let from = json!({ "a": 1, "b/c": { "d": 2 }, "gone": true });
        let to = json!({ "a": 1, "b/c": { "d": 3 }, "new": null });

        let expected = [
            ("/b~1c/d".to_owned(), Some(json!(2)), Some(json!(3))),
            ("/gone".to_owned(), Some(json!(true)), None),
            ("/new".to_owned(), None, Some(json!(null))),
        ];
        assert_eq!(shown(&from, &to), expected);
    }

    #[test]
    fn lists_differ_place_by_place() {
        let expected = [
            ("/1".to_owned(), Some(json!(2)), Some(json!(5))),
            ("/2".to_owned(), None, Some(json!(6))),
        ];

        assert_eq!(shown(&json!([1, 2]), &json!([1, 5, 6])), expected);
    }

    #[test]
    fn values_of_different_kinds_differ_as_a_whole() {
        let expected = [(String::new(), Some(json!([1])), Some(json!({})))];

        assert_eq!(shown(&json!([1]), &json!({})), expected);
    }

    #[test]
    fn a_row_that_is_new_or_gone_says_so() {
        let row = json!({ "id": 7 });

        let added = of_row("t", json!(7), None, Some(&row)).map(|it| it.change);
        let removed = of_row("t", json!(7), Some(&row), None).map(|it| it.change);
        let same = of_row("t", json!(7), Some(&row), Some(&row));

        assert_eq!((added, removed, same), (Some(Change::Added), Some(Change::Removed), None));
    }
}
