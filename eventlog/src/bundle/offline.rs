//! Checking a file without the log: a bundle, or the proof of one event.

mod bundle;
mod event;

use std::io::BufRead;

use anyhow::{Context, bail};

use self::{bundle::Bundle, event::check_proof};
use super::{Expectations, Line, OfflineReport};

/// Reads a file that `annals log export` or `annals log prove` wrote, and says what it proves. An
/// error means that it is no such file; a file that proves nothing has a fault.
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
    let proof = serde_json::from_str(&first).context("neither a bundle nor a proof")?;
    check_proof(&proof, expected)
}
