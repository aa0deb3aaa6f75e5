//! What happens because of events: the relay to the broker, tree heads, mails, and runs of models.

mod aftermath;
pub mod agent;
mod consume;
mod delivery;
mod effect;
mod erasure;
mod expiry;
mod folder;
pub mod mail;
mod relay;
mod sealer;
pub mod sms;

pub use aftermath::end_what_died;
pub use effect::purge as purge_effects;
pub use erasure::Eraser;
pub use expiry::expire;
pub use relay::Relay;
pub use sealer::Sealer;
