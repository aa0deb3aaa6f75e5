//! How long technical data is kept: `addresses=90,effects=keep`, in days.

use std::fmt;

use anyhow::{Context, bail};
use domain::Retention;

/// Days after which rows about effects go, unless somebody says otherwise.
const EFFECTS: u32 = 90;

/// How long technical data is kept; what is not named is kept for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    kinds: Vec<(Retention, u32)>,
    /// Days after which rows about effects of the past go; never, if there is none.
    pub(crate) effects: Option<u32>,
}

impl Keep {
    pub(super) fn new(text: Option<&str>) -> anyhow::Result<Self> {
        let mut keep = Self { kinds: vec![], effects: Some(EFFECTS) };
        let parts = text.unwrap_or_default().split(',').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            keep.set(part).with_context(|| format!("ANNALS_RETENTION: {part:?}"))?;
        }
        Ok(keep)
    }

    fn set(&mut self, part: &str) -> anyhow::Result<()> {
        let (name, days) = part.split_once('=').context("is not name=days")?;
        let days = match days.trim() {
            "keep" => None,
            days => Some(
                days.parse()
                    .ok()
                    .filter(|days| *days > 0)
                    .context("needs a number of days from 1, or `keep`")?,
            ),
        };
        match (name.trim(), Retention::named(name.trim())) {
            ("effects", _) => self.effects = days,
            (_, Some(kind)) => {
                self.kinds.retain(|(known, _)| *known != kind);
                self.kinds.extend(days.map(|days| (kind, days)));
            }
            (_, None) => bail!("is none of addresses, failed_logins, sessions, effects"),
        }
        Ok(())
    }

    /// Days for which a kind is kept after its month; for good, if there is none.
    pub(crate) fn days(&self, kind: Retention) -> Option<u32> {
        self.kinds.iter().find(|(known, _)| *known == kind).map(|(_, days)| *days)
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = |days: Option<u32>| days.map_or("keep".to_owned(), |days| days.to_string());
        for kind in Retention::ALL {
            write!(f, "{}={},", kind.name(), days(self.days(kind)))?;
        }
        write!(f, "effects={}", days(self.effects))
    }
}

#[cfg(test)]
mod tests {
    use super::Keep;

    #[test]
    fn nothing_of_the_log_is_forgotten_unless_somebody_says_so() {
        let keep = Keep::new(None).unwrap();

        assert_eq!(keep.to_string(), "addresses=keep,failed_logins=keep,sessions=keep,effects=90");
    }

    #[test]
    fn periods_are_days_or_keep() {
        let keep = Keep::new(Some("addresses=90, sessions=365,addresses=30,effects=keep")).unwrap();

        assert_eq!(keep.to_string(), "addresses=30,failed_logins=keep,sessions=365,effects=keep");
        for wrong in ["addresses", "addresses=0", "addresses=-1", "tools=5", "sessions=long"] {
            assert!(Keep::new(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
