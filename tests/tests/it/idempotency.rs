//! Requests with an `Idempotency-Key`: done once, answered alike, also after a crash.

mod answers;
mod chats;
mod crash;
mod overlap;
mod scene;
