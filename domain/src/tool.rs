//! The built-in tools: what a model may have Annals do for it.

/// A tool that Annals runs.
#[derive(Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// What it does, in words for a model.
    pub description: &'static str,
    /// JSON Schema of its arguments.
    pub parameters: &'static str,
    /// What may be done with it after a crash.
    pub effect: Effect,
}

/// What may be done with a tool call of which nobody knows whether it was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing: run it again.
    Pure,
    /// A second time changes nothing more: run it again.
    Idempotent,
    /// Never again: the model is told that the outcome is unknown.
    AtMostOnce,
}

impl Effect {
    /// The word for it in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Idempotent => "idempotent",
            Self::AtMostOnce => "at_most_once",
        }
    }
}

/// Every built-in tool.
pub const ALL: [BuiltIn; 4] = [
    BuiltIn {
        name: "zerodb_create_table",
        description: "Create a NoSQL table in ZeroDB. The schema names the fields and their types; \
            rows may hold other fields too.",
        parameters: r#"{"type":"object","properties":{"table_name":{"type":"string","minLength":1,"maxLength":63},"schema":{"type":"object"},"description":{"type":"string"}},"required":["table_name","schema"]}"#,
        effect: Effect::Idempotent,
    },
    BuiltIn {
        name: "zerodb_insert_rows",
        description: "Insert data rows into a table, 1000 at most at a time.",
        parameters: r#"{"type":"object","properties":{"table_name":{"type":"string"},"rows":{"type":"array","items":{"type":"object"},"minItems":1,"maxItems":1000}},"required":["table_name","rows"]}"#,
        effect: Effect::Idempotent,
    },
    BuiltIn {
        name: "zerodb_query_table",
        description: "Query table data. Filters are field: value pairs that must all be equal; \
            at most 1000 rows are returned, 100 unless limit says otherwise.",
        parameters: r#"{"type":"object","properties":{"table_name":{"type":"string"},"filters":{"type":"object"},"limit":{"type":"integer","minimum":1,"maximum":1000}},"required":["table_name"]}"#,
        effect: Effect::Pure,
    },
    BuiltIn {
        name: "zerodb_list_tables",
        description: "List all available tables",
        parameters: r#"{"type":"object","properties":{}}"#,
        effect: Effect::Pure,
    },
];

/// The built-in tool of a name.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    ALL.iter().find(|tool| tool.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_json_and_every_name_stands_once() {
        for tool in &ALL {
            let schema: Result<serde_json::Value, _> = serde_json::from_str(tool.parameters);
            assert!(schema.is_ok_and(|schema| schema["type"] == "object"), "{}", tool.name);
            assert_eq!(ALL.iter().filter(|other| other.name == tool.name).count(), 1);
        }
    }
}
