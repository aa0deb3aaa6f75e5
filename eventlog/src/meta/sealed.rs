//! A short text about a person beside an event: clear until it is written, closed until somebody asks.

use std::fmt;

use anyhow::{Context, anyhow};
use domain::{Personal, Seal};

use crate::keys::SubjectKey;

/// A text about a person. Whoever passes on what they read passes it on closed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Clear(String),
    Closed(String),
}

impl From<String> for Sealed {
    fn from(clear: String) -> Self {
        Self(Form::Clear(clear))
    }
}

/// Never shows the text: debug output ends in logs.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Form::Clear(_) => "Clear(..)",
            Form::Closed(_) => "Closed(..)",
        })
    }
}

impl Sealed {
    pub(crate) fn from_closed(closed: String) -> Self {
        Self(Form::Closed(closed))
    }

    pub(crate) fn is_clear(&self) -> bool {
        matches!(self.0, Form::Clear(_))
    }

    /// The form that may be written, once it has it.
    pub(crate) fn closed(&self) -> Option<&str> {
        match &self.0 {
            Form::Clear(_) => None,
            Form::Closed(closed) => Some(closed),
        }
    }

    /// Closes the text; nothing is left of one about a person whose key is gone.
    pub(crate) fn close(&self, key: &SubjectKey, context: &[u8]) -> Option<Self> {
        match &self.0 {
            Form::Clear(clear) => {
                key.seal(clear.as_bytes(), context).ok().map(|closed| Self(Form::Closed(closed)))
            }
            Form::Closed(_) => Some(self.clone()),
        }
    }

    /// Opens the text.
    pub(crate) fn open(
        &self,
        key: &SubjectKey,
        context: &[u8],
    ) -> anyhow::Result<Personal<String>> {
        let closed = match &self.0 {
            Form::Clear(clear) => return Ok(Personal::Known(clear.clone())),
            Form::Closed(closed) => closed,
        };
        let clear = key.open(closed, context).map_err(|error| anyhow!("{error}"))?;
        let Some(clear) = clear else { return Ok(Personal::Erased) };
        Ok(Personal::Known(String::from_utf8(clear).context("a sealed text is UTF-8")?))
    }
}
