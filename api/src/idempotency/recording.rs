//! Streams that are being given, so that who asks for one again hears it from its beginning.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    http::response::Parts,
    response::Response,
};
use commands::RequestScope;
use futures_util::stream;
use tokio::sync::watch;

/// Bytes of an answer that is kept, at most.
pub(super) const MAX_KEPT: usize = 4 << 20;

/// The streams that this process is giving.
#[derive(Clone, Default)]
pub(crate) struct Recordings(Arc<Mutex<HashMap<RequestScope, Known>>>);

/// A stream that can be joined.
struct Known {
    head: Parts,
    tape: watch::Receiver<Tape>,
}

/// What was given so far.
#[derive(Default)]
struct Tape {
    pieces: Vec<Bytes>,
    length: usize,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Running,
    Over,
    /// It broke off, or became too long.
    Lost,
}

/// A stream that is being recorded; it can be joined as long as this lives.
pub(super) struct Recording {
    recordings: Recordings,
    scope: RequestScope,
    tape: watch::Sender<Tape>,
}

impl Recordings {
    /// Begins to record the answer to a request.
    pub(super) fn begin(&self, scope: RequestScope, head: Parts) -> Recording {
        let (tape, known) = watch::channel(Tape::default());
        self.lock().insert(scope, Known { head, tape: known });
        Recording { recordings: self.clone(), scope, tape }
    }

    /// The answer to a request from its beginning, if it is being given here.
    pub(super) fn join(&self, scope: RequestScope) -> Option<Response> {
        let known = self.lock();
        let Known { head, tape } = known.get(&scope)?;
        let head = head.clone();
        Some(Response::from_parts(head, follow(tape.clone())))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestScope, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    /// Takes the next piece; gives up on a stream that becomes too long.
    pub(super) fn add(&self, piece: &Bytes) {
        self.tape.send_modify(|tape| {
            tape.length += piece.len();
            if tape.length > MAX_KEPT {
                (tape.state, tape.pieces) = (State::Lost, vec![]);
            } else {
                tape.pieces.push(piece.clone());
            }
        });
    }

    /// Ends the stream, and returns it if it is there as a whole.
    pub(super) fn end(&self, is_whole: bool) -> Option<Vec<u8>> {
        self.tape.send_modify(|tape| {
            if tape.state == State::Running {
                tape.state = if is_whole { State::Over } else { State::Lost };
            }
        });
        let tape = self.tape.borrow();
        (tape.state == State::Over).then(|| tape.pieces.concat())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.recordings.lock().remove(&self.scope);
    }
}

fn follow(tape: watch::Receiver<Tape>) -> Body {
    Body::from_stream(stream::unfold((tape, 0), |(mut tape, heard)| async move {
        let ready = tape.wait_for(|tape| tape.state != State::Running || tape.pieces.len() > heard);
        let Ok((piece, state)) =
            ready.await.map(|tape| (tape.pieces.get(heard).cloned(), tape.state))
        else {
            return Some((Err(lost()), (tape, heard)));
        };
        match (piece, state) {
            (Some(piece), _) => Some((Ok(piece), (tape, heard + 1))),
            (None, State::Over) => None,
            (None, State::Running | State::Lost) => Some((Err(lost()), (tape, heard))),
        }
    }))
}

fn lost() -> io::Error {
    io::Error::other("the stream broke off")
}

#[cfg(test)]
mod tests {
    use axum::{body::to_bytes, response::IntoResponse};

    use super::*;

    fn head() -> Parts {
        "".into_response().into_parts().0
    }

    async fn heard(response: Option<Response>) -> Option<Bytes> {
        to_bytes(response?.into_body(), usize::MAX).await.ok()
    }

    #[tokio::test]
    async fn who_joins_late_hears_all_of_it() {
        let recordings = Recordings::default();
        let scope = RequestScope::default();
        let recording = recordings.begin(scope, head());
        recording.add(&Bytes::from_static(b"one "));
        let joined = tokio::spawn(heard(recordings.join(scope)));
        recording.add(&Bytes::from_static(b"two"));

        let kept = recording.end(true);

        assert_eq!(kept.as_deref(), Some(&b"one two"[..]));
        assert_eq!(joined.await.unwrap().as_deref(), Some(&b"one two"[..]));
    }

    #[tokio::test]
    async fn a_stream_that_broke_off_ends_in_an_error_for_all_and_is_not_kept() {
        let recordings = Recordings::default();
        let scope = RequestScope::default();
        let recording = recordings.begin(scope, head());
        recording.add(&Bytes::from_static(b"one "));
        let joined = recordings.join(scope);

        assert!(recording.end(false).is_none());
        assert!(heard(joined).await.is_none());
    }

    #[tokio::test]
    async fn a_stream_that_becomes_too_long_is_not_kept() {
        let recordings = Recordings::default();
        let recording = recordings.begin(RequestScope::default(), head());
        recording.add(&Bytes::from(vec![b'x'; MAX_KEPT]));
        recording.add(&Bytes::from_static(b"x"));

        assert!(recording.end(true).is_none());
    }

    #[test]
    fn a_stream_that_is_over_cannot_be_joined() {
        let recordings = Recordings::default();
        let scope = RequestScope::default();
        drop(recordings.begin(scope, head()));

        assert!(recordings.join(scope).is_none());
    }
}
