//! Passkeys, shown by a browser and a device that come from other people than what verifies them.

mod attacks;
mod device;
mod forgeries;
mod journey;
mod stage;
