//! Checking a file without the log: a bundle, or the proof of one event.

mod bundle;
mod event;
mod history;

use std::io::BufRead;

use anyhow::{Context, bail};

use self::{bundle::Bundle, event::check_proof, history::check_history};
use super::{Expectations, Line, OfflineReport, history::History};

/// Reads a file that `annals log export` or `annals log prove` wrote, or a person's history, and says
/// what it proves. An error means that it is no such file; a file that proves nothing has a fault.
pub fn check_offline(
    mut file: impl BufRead,
    expected: &Expectations,
) -> anyhow::Result<OfflineReport> {
    let mut first = String::new();
    file.read_line(&mut first).context("reading the file")?;
    if let Ok(line) = serde_json::from_str(&first) {
        let Line::Header(header) = line else { bail!("a bundle begins with its header") };
        return Ok(Bundle::begin(header, expected)?.check(file));
    }
    file.read_to_string(&mut first).context("reading the file")?;
    if let Ok(history) = serde_json::from_str::<History>(&first) {
        return check_history(&history, expected);
    }
    let proof = serde_json::from_str(&first).context("no bundle, proof or history")?;
    check_proof(&proof, expected)
}
