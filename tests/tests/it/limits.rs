//! How often something may be done: counted for all processes, and under no disguise.

mod dawdling;
mod registration;
mod sign_in;
mod sign_ins;
