//! How often something may be done: counted for all processes, and under no disguise.

mod registration;
