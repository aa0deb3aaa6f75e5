//! What was measured, as a table for people and as JSON for programs.

use std::{fmt, fs};

use anyhow::Context;
use serde::{Serialize, Serializer};

use super::place;

/// One number.
#[derive(Clone, Serialize)]
pub struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    reference: Option<f64>,
    ratio: Option<f64>,
    target: Option<Target>,
}

/// What a ratio is to be, or a value where there is none.
#[derive(Clone, Copy)]
pub enum Target {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
}

impl Row {
    /// A number without anything to hold it against.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let value = rounded(value);
        Self { name: name.into(), value, unit, reference: None, ratio: None, target: None }
    }

    /// Holds it against another one.
    pub fn against(self, reference: f64) -> Self {
        let ratio = Some(rounded(self.value / reference));
        Self { reference: Some(rounded(reference)), ratio, ..self }
    }

    /// Says what it is to be.
    pub fn target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    fn verdict(&self) -> &'static str {
        let judged = self.ratio.unwrap_or(self.value);
        match self.target {
            None => "",
            Some(Target::AtLeast(least)) if judged >= least => "ok",
            Some(Target::AtMost(most)) if judged <= most => "ok",
            Some(Target::AtLeast(_) | Target::AtMost(_)) => "MISSED",
        }
    }

    fn cells(&self) -> [String; 7] {
        let number = |number: Option<f64>| number.map_or_else(String::new, |it| it.to_string());
        let target = self.target.map_or_else(String::new, |target| target.to_string());
        [
            self.name.clone(),
            self.value.to_string(),
            self.unit.to_owned(),
            number(self.reference),
            number(self.ratio),
            target,
            self.verdict().to_owned(),
        ]
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {least:?}"),
            Self::AtMost(most) => write!(f, "<= {most}"),
        }
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Prints a table.
pub fn print(rows: &[Row]) {
    let head = ["name", "value", "unit", "reference", "ratio", "target", ""].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let widths: [usize; 7] =
        std::array::from_fn(|at| lines.iter().map(|cells| cells[at].len()).max().unwrap_or(0));
    for cells in lines {
        let padded = cells.iter().zip(widths).enumerate().map(|(at, (cell, width))| match at {
            1 | 3 | 4 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Writes `bench.json` under the target folder.
pub fn write(rows: &[Row]) -> anyhow::Result<()> {
    let file = place::target()?.join("bench.json");
    fs::write(&file, serde_json::to_string_pretty(rows)?)
        .with_context(|| format!("writing {}", file.display()))?;
    println!("written to {}", file.display());
    Ok(())
}

/// The middle one.
pub fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value that a part of all values does not exceed.
pub fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index into a list that was measured in a minute"
    )]
    let index = ((values.len() as f64 * part).ceil() as usize).max(1) - 1;
    values.get(index).copied().unwrap_or(f64::NAN)
}

/// Three digits that mean something.
fn rounded(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { (value * 1000.0).round() / 1000.0 }
}
