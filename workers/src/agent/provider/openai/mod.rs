//! `OpenAI` chat completions, also as other servers speak it.

mod answer;
mod request;

pub(super) use answer::{Assembly, CallPiece, read};
pub(super) use request::{function, messages, write};
