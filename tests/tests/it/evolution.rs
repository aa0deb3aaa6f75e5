//! Events in older forms are read as today's, and a log from a newer program is refused.

mod old_program;
mod refusal;
mod upcast;

use tests::Program;

use crate::archiving::run;

/// A line of `annals log types`: events, first and last position, whether they can be read.
type Listed = [String; 4];

/// What `annals log types` says of an event in a version.
fn listed(program: &Program, name: &str, version: &str) -> anyhow::Result<Option<Listed>> {
    let text = run(program, &["log", "types"])?;
    let mut lines = text.lines().map(|line| line.split_whitespace().map(str::to_owned));
    Ok(lines.find_map(|mut words| {
        let is_it = words.next()? == name && words.next()? == version;
        is_it.then(|| words.collect::<Vec<_>>().try_into().ok())?
    }))
}
