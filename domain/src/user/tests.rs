//! Given events, when a command comes, then.
