//! What journeys need: the real program, a real SMTP server, a scripted model provider, chance.

mod child;
mod dice;
mod mailbox;
mod outcome;
mod program;
pub mod provider;
#[cfg(test)]
mod standards;
pub mod torture;

pub use child::{Guarded, bare_python, python_with_sdks, scratch};
pub use dice::Dice;
pub use mailbox::{Mail, Mailbox};
pub use outcome::{Outcome, is_long};
pub use program::{Program, Setup, json, signal};
