//! Faults that strike the real program while people work with it; afterwards nothing is lost and
//! nothing doubled.
//!
//! Seldom in `make test`, often in `make chaos`. `ANNALS_SEED` makes the same choices again.

mod check;
mod clock;
mod disk;
mod load;
mod nats;
mod poison;
mod postgres;
mod program;
mod rebuild;
mod scene;
mod sleep;
