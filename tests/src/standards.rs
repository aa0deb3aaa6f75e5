//! What is said of standards in the documents is shown by tests that exist.

use std::{collections::HashSet, fs, path::Path};

const CRATES: [&str; 8] =
    ["annals", "api", "commands", "domain", "eventlog", "projections", "tests", "workers"];

/// The names of all functions in the files of a folder.
fn functions(folder: &Path, names: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let found = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            names.extend(found.map(str::to_owned));
        }
    }
}

/// The names of tests in the last column of every row, with the clause they are to show.
fn named(document: &str) -> Vec<(String, String)> {
    let rows = document.lines().filter(|line| line.starts_with("| "));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let clause = (*cells.first().unwrap()).to_owned();
        let last = (*cells.last().unwrap()).to_owned();
        let quoted: Vec<String> = last.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        quoted.into_iter().map(move |name| (clause.clone(), name))
    })
    .collect()
}

#[test]
fn every_test_that_security_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut names = HashSet::new();
    for folder in CRATES.iter().flat_map(|name| [root.join(name).join("src")]) {
        functions(&folder, &mut names);
    }
    functions(&root.join("tests/tests"), &mut names);
    let document = fs::read_to_string(root.join("docs/security.md")).unwrap();

    let shown = named(&document);

    assert!(shown.len() > 60, "{} tests are named", shown.len());
    let missing: Vec<_> = shown.iter().filter(|(_, name)| !names.contains(name)).collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
}

#[test]
fn every_clause_says_whether_it_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let document = fs::read_to_string(root.join("docs/security.md")).unwrap();

    for row in document.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let is_head = cells.first() == Some(&"clause");
        let states = ["holds", "holds in part", "does not apply", "not yet"];
        assert!(is_head || (cells.len() == 4 && states.contains(&cells[2])), "{row}");
        assert!(cells[2] != "holds" || !cells[3].is_empty(), "nothing shows {row}");
    }
}
