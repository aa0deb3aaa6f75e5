//! Who did what about whom, and what was true when: through the real program, and of the read models.

mod as_of;
mod history;
mod logs;
mod past;
mod scene;
