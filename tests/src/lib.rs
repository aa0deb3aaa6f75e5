//! What journeys need: the real program, a real SMTP server, a scripted model provider.

mod child;
mod mailbox;
mod program;
pub mod provider;

pub use child::python_with_sdks;
pub use mailbox::{Mail, Mailbox};
pub use program::{Program, Setup, json};
