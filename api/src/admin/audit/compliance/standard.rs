//! The table of standards in the documentation, read as it stands there.

use std::sync::LazyLock;

use serde::Serialize;
use utoipa::ToSchema;

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/standards.md"));

/// All of them.
pub(super) static STANDARDS: LazyLock<Vec<Standard>> =
    LazyLock::new(|| DOCUMENT.lines().filter_map(row).skip(2).collect());

/// What is followed of a standard.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Standard {
    /// Its name.
    #[serde(rename = "standard")]
    name: &'static str,
    /// What holds.
    statement: &'static str,
    /// The file of the repository that shows it.
    shown_by: &'static str,
}

fn row(line: &'static str) -> Option<Standard> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    Some(Standard { name: cells.next()?, statement: cells.next()?, shown_by: cells.next()? })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_statement_is_shown_by_a_file_there_is() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");

        assert!(STANDARDS.len() > 5);
        for it in STANDARDS.iter() {
            assert!(root.join(it.shown_by).is_file(), "{it:?}");
        }
    }
}
