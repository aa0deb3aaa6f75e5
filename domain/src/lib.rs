//! What is true and what is allowed: pure rules, without clock, randomness or I/O.

mod aggregate;
pub mod api_key;
pub mod audit;
pub mod chat;
mod email;
mod event;
pub mod factors;
mod form;
pub mod inbox;
pub mod login;
pub mod notification;
mod password;
mod personal;
mod rejection;
mod retention;
pub mod session;
pub mod settings;
#[cfg(test)]
mod testing;
mod text;
pub mod tool;
pub mod user;

pub use aggregate::{Aggregate, Category, Claim, ClaimScope};
pub use email::{Email, InvalidEmail};
pub use event::{Event, NAMES, UnknownEvent, decode, is_readable, written_version};
pub use form::Form;
pub use password::{Password, WeakPassword};
pub use personal::{Personal, Seal, sealed_as_one, with_seal};
pub use rejection::{Kind, Rejection};
pub use retention::Retention;
pub use text::{InvalidText, Text};

/// Reads a value type out of JSON, so that a body of wrong content is refused while it is parsed.
macro_rules! serde_as_string {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::try_from(text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_string;
