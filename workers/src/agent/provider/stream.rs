//! The events of a streamed answer, with a limit on silence and on size.

use std::time::Duration;

use bytes::Bytes;
use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt, stream};
use reqwest::Response;

use super::{
    ModelError, answer,
    http::{broken, within},
};

/// The longest silence between two pieces.
const IDLE: Duration = Duration::from_mins(1);

/// A piece of a few letters comes in a wrapping of some hundred bytes.
const LONGEST: usize = 4 * answer::LONGEST;

/// The events as they come in.
pub(super) fn events(response: Response) -> impl Stream<Item = Result<Event, ModelError>> + Send {
    chunks(response).eventsource().map(|event| {
        event.map_err(|error| match error {
            EventStreamError::Transport(error) => error,
            EventStreamError::Utf8(_) | EventStreamError::Parser(_) => {
                ModelError::garbled("it is not an event stream")
            }
        })
    })
}

fn chunks(response: Response) -> impl Stream<Item = Result<Bytes, ModelError>> + Send {
    stream::try_unfold((response, 0), async |(mut response, seen)| {
        let chunk = within(IDLE, async { response.chunk().await.map_err(|error| broken(&error)) });
        let Some(chunk) = chunk.await? else { return Ok(None) };
        let seen = seen + chunk.len();
        if seen > LONGEST {
            return Err(ModelError::garbled("it is too long"));
        }
        Ok(Some((chunk, (response, seen))))
    })
}
