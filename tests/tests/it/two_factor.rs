//! Two-factor authentication: what it asks for, and what attackers try.

mod attacks;
mod device;
mod journey;
mod passkey;
mod scene;
mod sent;
mod step_up;
mod undo;
