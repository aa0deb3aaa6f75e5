//! Hearing of notices at once, as server-sent events; a client that comes back misses nothing.

use std::{collections::VecDeque, convert::Infallible, pin::Pin, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response, Sse, sse::Event},
};
use commands::{Caller, Ending, inbox_topic};
use eventlog::{LiveMessage, Position};
use futures_util::stream;
use projections::InboxCounts;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::sleep,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{fields::Notification, inbox::SCOPE};
use crate::{
    App,
    body::Query,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// How often a silent stream gives a sign of life, and looks for what it may not have heard.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// Changes told one by one; whoever missed more lists the inbox anew.
const MOST: u32 = 100;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// From where on to follow.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Start {
    /// A position of the log, for clients that cannot send `Last-Event-ID`.
    after: Option<Position>,
}

/// Follow what you are told
///
/// Server-sent events: `notification` (a new one), `update` (one that changed), `counts`
/// (`{total,unread}`), and `reset` where too much was missed to be told one by one. Their `id` is a
/// position of the log; `Last-Event-ID` goes on from there. Ends within a second when the session
/// or key is revoked.
#[utoipa::path(get, path = "/v1/notifications/stream", operation_id = "notification_stream",
    tag = "notifications",
    params(Start, ("Last-Event-ID" = Option<i64>, Header, description = "The last id seen")),
    responses((status = 200, content_type = "text/event-stream", body = String),
        CallerProblems, Problems))]
async fn follow(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Query(start): Query<Start>,
) -> Result<Response, Problem> {
    caller.scope(SCOPE)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let last = last.map(str::parse::<Position>).transpose();
    let last =
        last.map_err(|_| Problem::invalid("Last-Event-ID", "this is no id of this stream"))?;
    let signals = app.commands.log().live().subscribe(&inbox_topic(caller.user));
    let ended = Box::pin(app.commands.watch(&caller).await?);
    let head = app.commands.log().head().await?;
    let after = last.or(start.after).unwrap_or(head).clamp(0, head);
    let user = caller.user;
    let told = None;
    let mut following = Following { app, user, after, told, signals, ended, waiting: [].into() };
    following.look().await?;
    let events = stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok::<_, Infallible>(event), following))
    });
    let mut response = Sse::new(events).into_response();
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(unbuffered, HeaderValue::from_static("no"));
    Ok(response)
}

/// A client that follows its inbox.
struct Following {
    app: App,
    user: Uuid,
    /// Up to where it was told.
    after: Position,
    told: Option<InboxCounts>,
    signals: Receiver<LiveMessage>,
    ended: Pin<Box<dyn Future<Output = Ending> + Send>>,
    waiting: VecDeque<Event>,
}

impl Following {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            tokio::select! {
                _ = &mut self.ended => return None,
                () = self.app.setup().shutdown.cancelled() => return None,
                signal = self.signals.recv() => match signal {
                    Ok(signal) => self.await_readable(&signal).await,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                () = sleep(SIGN_OF_LIFE) => self.waiting.push_back(Event::default().comment("")),
            }
            if let Err(problem) = self.look().await {
                tracing::warn!(detail = %problem.detail, "a stream of notifications ends");
                return None;
            }
        }
    }

    /// What was said is heard of when it can be read; several things that were said, together.
    async fn await_readable(&mut self, signal: &LiveMessage) {
        let position = |signal: &LiveMessage| {
            <[u8; 8]>::try_from(signal.as_ref()).map_or(0, Position::from_be_bytes)
        };
        let mut last = position(signal);
        while let Ok(signal) = self.signals.try_recv() {
            last = last.max(position(&signal));
        }
        self.app.await_position(last).await;
    }

    /// Looks for what is new, and puts it down to be told.
    async fn look(&mut self) -> Result<(), Problem> {
        let queries = &self.app.queries;
        let changed = queries.notifications_changed(self.user, self.after, MOST + 1).await?;
        let counts = queries.inbox_counts(self.user).await?.counts;
        if changed.len() > MOST as usize {
            self.after = queries.last_notification_change(self.user).await?.max(self.after);
            self.push("reset", self.after, &counts);
        } else {
            let before = self.after;
            for view in changed {
                let kind = if view.created_position > before { "notification" } else { "update" };
                self.after = self.after.max(view.changed_position);
                self.push(kind, view.changed_position, &Notification::from(view));
            }
        }
        if self.told != Some(counts) {
            self.push("counts", self.after, &counts);
            self.told = Some(counts);
        }
        Ok(())
    }

    fn push(&mut self, kind: &str, id: Position, data: &impl Serialize) {
        let event = Event::default().event(kind).id(id.to_string());
        match event.json_data(data) {
            Ok(event) => self.waiting.push_back(event),
            Err(error) => tracing::error!(%error, "an event cannot be written as JSON"),
        }
    }
}
