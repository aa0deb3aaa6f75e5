//! Requests that come again under the same `Idempotency-Key`: done once, answered alike.

mod document;
mod key;
mod recording;
mod work;

use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use commands::{Caller, IdempotentRequest, Reservation, StoredAnswer};

pub(crate) use document::describe;
pub(crate) use recording::Recordings;

use crate::{App, body, caller, position::LOG_POSITION, problem::Problem};

/// The header with which a client names its request.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that tells an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Seconds after which it is worth asking again.
const RETRY_AFTER: u32 = 1;

/// Does a POST with a key once, however often it comes.
pub(crate) async fn idempotent(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_known = request.extensions().get::<MatchedPath>().is_some();
    let has_key = request.headers().contains_key(KEY);
    if request.method() != Method::POST || !is_known || !has_key {
        return next.run(request).await;
    }
    answer(app, request, next).await.into_response()
}

async fn answer(app: App, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let key = key::read(&parts.headers)?.to_owned();
    let caller = identify(&parts, &app).await?;
    let body = body::whole(body).await?;
    match reserve(&app, &parts, caller.as_ref(), (&key, &body)).await? {
        Reservation::Granted(granted) => {
            // Found out once, for the handler as well.
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            let request = Request::from_parts(parts, Body::from(body));
            Ok(work::begin(app, granted, request, next).await)
        }
        Reservation::Answered(stored) => Ok(replay(&app, stored).await),
        Reservation::Running(scope) => match app.recordings.join(scope) {
            Some(response) => Ok(replayed(response, "joined")),
            None => Err(running()),
        },
        Reservation::Reused => Err(reused()),
    }
}

/// Who asks, as far as anybody says so. Whether nobody may ask is up to the handler.
async fn identify(parts: &Parts, app: &App) -> Result<Option<Caller>, Problem> {
    match caller::identify(parts, app).await {
        Ok(caller) => Ok(Some(caller)),
        Err(problem) if problem.status.is_client_error() => Ok(None),
        Err(problem) => Err(problem),
    }
}

async fn reserve(
    app: &App,
    parts: &Parts,
    caller: Option<&Caller>,
    (key, body): (&str, &Bytes),
) -> Result<Reservation, Problem> {
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let request = IdempotentRequest {
        caller,
        route: path,
        key,
        content: &[parts.method.as_str().as_bytes(), path.as_bytes(), query.as_bytes(), kind, body],
    };
    Ok(app.commands.reserve(&request).await?)
}

/// The stored answer, once the read models show what it speaks of.
async fn replay(app: &App, stored: StoredAnswer) -> Response {
    let StoredAnswer { status, headers, body } = stored;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            response.headers_mut().append(name, value);
        }
    }
    let position = response.headers().get(LOG_POSITION).and_then(|value| value.to_str().ok());
    app.await_position(position.and_then(|text| text.parse().ok()).unwrap_or(0)).await;
    replayed(response, "stored")
}

fn replayed(mut response: Response, how: &'static str) -> Response {
    metrics::counter!("annals_idempotency_replays_total", "how" => how).increment(1);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn running() -> Problem {
    metrics::counter!("annals_idempotency_conflicts_total", "reason" => "running").increment(1);
    let detail = "a request with this Idempotency-Key is being answered; ask again in a moment";
    let problem = Problem::new(StatusCode::CONFLICT, "idempotency_key_in_use", detail);
    Problem { retry_after: Some(RETRY_AFTER), ..problem }
}

fn reused() -> Problem {
    metrics::counter!("annals_idempotency_conflicts_total", "reason" => "reused").increment(1);
    let detail = "this Idempotency-Key was used for another request";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail).at("")
}
