//! What a long test did, as a line of the table that `make torture` and `make chaos` end with.

use std::{fmt::Display, fs::File, io::Write, time::Instant};

use crate::child::setting;

/// What a test did, told when it has passed.
pub struct Outcome {
    name: &'static str,
    seed: u64,
    began: Instant,
    checks: Vec<String>,
}

impl Outcome {
    /// Begins to count.
    #[must_use]
    pub fn of(name: &'static str, seed: u64) -> Self {
        Self { name, seed, began: Instant::now(), checks: vec![] }
    }

    /// How long it has gone on.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Adds what was counted or checked.
    pub fn add(&mut self, what: impl Display) {
        self.checks.push(what.to_string());
    }

    /// Prints the line, and adds it to the file `ANNALS_OUTCOMES` where that is set.
    pub fn tell(self, writes: u64, faults: impl Display) -> anyhow::Result<()> {
        let seconds = self.began.elapsed().as_secs_f64();
        let (name, seed, checks) = (self.name, self.seed, self.checks.join("; "));
        let line = format!("{name}|{writes}|{faults}|{seconds:.0} s|{checks}|{seed}");
        println!("{line}");
        if let Some(file) = setting("ANNALS_OUTCOMES") {
            let mut file = File::options().create(true).append(true).open(file)?;
            writeln!(file, "{line}")?;
        }
        Ok(())
    }
}

/// Whether the long forms are asked for (`make torture`, `make chaos`).
#[must_use]
pub fn is_long() -> bool {
    setting("ANNALS_LONG").is_some()
}
