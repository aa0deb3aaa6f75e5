//! Personal data inside events: sealed with the key of the person it tells of, forgotten with that key.

use std::{cell::RefCell, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use uuid::Uuid;

/// A value that tells something of a person.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Personal<T> {
    /// The person's key exists.
    Known(T),
    /// The person was erased, and nobody can read it any more.
    Erased,
}

impl<T> Personal<T> {
    /// The value, unless it was erased.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }

    /// The value itself, unless it was erased.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// Never shows the value: debug output ends in logs.
impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "Known(..)",
            Self::Erased => "Erased",
        })
    }
}

/// The lock on one person's data.
pub trait Seal {
    /// Closes `clear`; `context` must be the same again when it is opened.
    fn seal(&self, clear: &[u8], context: &[u8]) -> String;
    /// Opens what [`Seal::seal`] closed; `None` once the key is gone.
    fn open(&self, sealed: &str, context: &[u8]) -> Result<Option<Vec<u8>>, String>;
}

thread_local! {
    static SCOPE: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

struct Scope {
    seal: Arc<dyn Seal>,
    stream: Uuid,
    field: u16,
}

/// Runs `work` so that every [`Personal`] field it reads or writes goes through `seal`, bound to
/// `stream` and to the field's place among the personal fields of its event.
pub fn with_seal<R>(seal: Arc<dyn Seal>, stream: Uuid, work: impl FnOnce() -> R) -> R {
    struct Reset(Option<Scope>);
    impl Drop for Reset {
        fn drop(&mut self) {
            SCOPE.set(self.0.take());
        }
    }

    let _outer = Reset(SCOPE.replace(Some(Scope { seal, stream, field: 0 })));
    work()
}

fn next_field() -> Option<(Arc<dyn Seal>, [u8; 18])> {
    SCOPE.with_borrow_mut(|scope| {
        let scope = scope.as_mut()?;
        let mut context = [0; 18];
        context[..16].copy_from_slice(scope.stream.as_bytes());
        context[16..].copy_from_slice(&scope.field.to_be_bytes());
        scope.field += 1;
        Some((Arc::clone(&scope.seal), context))
    })
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;

        let Some((seal, context)) = next_field() else {
            return Err(S::Error::custom("personal data is only written under a seal"));
        };
        let Self::Known(value) = self else { return serializer.serialize_none() };
        let clear = serde_json::to_vec(value).map_err(S::Error::custom)?;
        serializer.serialize_str(&seal.seal(&clear, &context))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        let Some((seal, context)) = next_field() else {
            return Err(D::Error::custom("personal data is only read under a seal"));
        };
        let Some(sealed) = Option::<String>::deserialize(deserializer)? else {
            return Ok(Self::Erased);
        };
        match seal.open(&sealed, &context).map_err(D::Error::custom)? {
            Some(clear) => Ok(Self::Known(serde_json::from_slice(&clear).map_err(D::Error::custom)?)),
            None => Ok(Self::Erased),
        }
    }
}
