//! Doing a request that may come again: to its end, whether or not its client stays.

use std::{convert::Infallible, panic::resume_unwind, sync::Arc};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{StatusCode, header, response},
    middleware::Next,
    response::{IntoResponse, Response},
};
use commands::{Granted, StoredAnswer};
use futures_util::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

use super::recording::MAX_KEPT;
use crate::{
    App,
    context::RequestId,
    problem::{Afresh, Problem},
};

/// Pieces of a stream that wait for a slow client.
const WAITING: usize = 16;

/// What becomes of a request once it was answered.
enum Fate {
    /// The answer is kept.
    Kept,
    /// When it comes again it goes on from where it is.
    GivenBack,
    /// When it comes again it is a new one.
    Forgotten,
}

/// Does a request in a task of its own, and returns its answer.
pub(super) async fn begin(app: App, granted: Granted, request: Request, next: Next) -> Response {
    let (tell, told) = oneshot::channel();
    let id = request.extensions().get::<RequestId>().cloned();
    let id = id.unwrap_or_else(|| RequestId::of(request.headers()));
    let tasks = app.tasks.clone();
    let work = perform(app, granted, next.run(request), tell);
    let task = tasks.spawn(id.scope(work).in_current_span());
    match (told.await, task) {
        (Ok(response), _) => response,
        (Err(_), task) => match task.await {
            Err(ended) if ended.is_panic() => resume_unwind(ended.into_panic()),
            Ok(()) | Err(_) => Problem::internal().into_response(),
        },
    }
}

async fn perform(
    app: App,
    granted: Granted,
    handler: impl Future<Output = Response>,
    tell: oneshot::Sender<Response>,
) {
    let work = Arc::clone(&granted.seed).scope(async {
        let (head, body) = handler.await.into_parts();
        if is_stream(&head) {
            stream(&app, &granted, (head, body), tell).await;
        } else {
            whole(&app, &granted, (head, body), tell).await;
        }
    });
    tokio::select! {
        () = work => {}
        () = app.commands.keep(&granted) => {}
    }
}

fn is_stream(head: &response::Parts) -> bool {
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

/// The answer is kept before it is given: whoever has it can have it again.
async fn whole(
    app: &App,
    granted: &Granted,
    (head, body): (response::Parts, Body),
    tell: oneshot::Sender<Response>,
) {
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        settle(app, granted, &head, None).await;
        return;
    };
    settle(app, granted, &head, Some(&body)).await;
    let _ = tell.send(Response::from_parts(head, Body::from(body)));
}

/// The answer is recorded while it is given; who asks again in the meantime joins.
async fn stream(
    app: &App,
    granted: &Granted,
    (head, body): (response::Parts, Body),
    tell: oneshot::Sender<Response>,
) {
    let recording = app.recordings.begin(granted.scope(), head.clone());
    let (client, waiting) = mpsc::channel::<Bytes>(WAITING);
    let _ = tell.send(Response::from_parts(head.clone(), received(waiting)));
    let mut pieces = body.into_data_stream();
    let mut is_whole = true;
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else {
            is_whole = false;
            break;
        };
        recording.add(&piece);
        // A client that went away is no reason to stop.
        let _ = client.send(piece).await;
    }
    drop(client);
    let body = recording.end(is_whole);
    settle(app, granted, &head, body.as_deref()).await;
}

fn received(pieces: mpsc::Receiver<Bytes>) -> Body {
    Body::from_stream(stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((Ok::<_, Infallible>(piece), pieces))
    }))
}

async fn settle(app: &App, granted: &Granted, head: &response::Parts, body: Option<&[u8]>) {
    let outcome = match (fate(head), body) {
        (Fate::Kept, Some(body)) if body.len() <= MAX_KEPT => {
            app.commands.finish(granted, &stored(head, body)).await
        }
        (Fate::Kept | Fate::GivenBack, _) => app.commands.give_back(granted).await,
        (Fate::Forgotten, _) => app.commands.forget(granted).await,
    };
    if let Err(error) = outcome {
        tracing::warn!(error = format!("{error:#}"), "an answer could not be kept");
    }
}

/// Answers that would be the same the next time are kept.
fn fate(head: &response::Parts) -> Fate {
    let is_passing = matches!(
        head.status,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
    );
    if head.extensions.get::<Afresh>().is_some() || head.status == StatusCode::UNAUTHORIZED {
        Fate::Forgotten
    } else if is_passing
        || head.status.is_server_error()
        || head.headers.contains_key(header::RETRY_AFTER)
    {
        Fate::GivenBack
    } else {
        Fate::Kept
    }
}

fn stored(head: &response::Parts, body: &[u8]) -> StoredAnswer {
    let text = |value: &axum::http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers = head.headers.iter();
    let headers = headers.filter_map(|(name, value)| Some((name.to_string(), text(value)?)));
    StoredAnswer { status: head.status.as_u16(), headers: headers.collect(), body: body.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate_of(response: Response) -> &'static str {
        match fate(&response.into_parts().0) {
            Fate::Kept => "kept",
            Fate::GivenBack => "given back",
            Fate::Forgotten => "forgotten",
        }
    }

    fn problem(status: StatusCode) -> Problem {
        Problem::new(status, "code", "detail")
    }

    #[test]
    fn what_would_be_the_same_again_is_kept() {
        for status in [200, 201, 303, 400, 403, 404, 409, 413, 422] {
            let status = StatusCode::from_u16(status).unwrap();

            assert_eq!(fate_of(status.into_response()), "kept", "{status}");
        }
    }

    #[test]
    fn what_may_be_better_the_next_time_is_given_back() {
        for status in [408, 425, 429, 500, 503] {
            let status = StatusCode::from_u16(status).unwrap();

            assert_eq!(fate_of(problem(status).into_response()), "given back", "{status}");
        }
        let busy = Problem { retry_after: Some(1), ..problem(StatusCode::CONFLICT) };
        assert_eq!(fate_of(busy.into_response()), "given back");
    }

    #[test]
    fn what_was_never_let_in_or_ended_for_good_is_forgotten() {
        assert_eq!(fate_of(problem(StatusCode::UNAUTHORIZED).into_response()), "forgotten");
        let over = Problem { is_over: true, ..problem(StatusCode::SERVICE_UNAVAILABLE) };
        assert_eq!(fate_of(over.into_response()), "forgotten");
    }
}
