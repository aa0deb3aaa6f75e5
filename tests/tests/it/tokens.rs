//! Access tokens: the keys they are signed with come and go while the program runs, and nothing else opens.

mod attacks;
mod rotation;
