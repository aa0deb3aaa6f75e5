//! Asking a model.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use commands::{Caller, Done};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::ChatCompletion,
    body::{Completion, CompletionBody},
    chunk::Chunks,
    follow::Follow,
    stream::Streaming,
};
use crate::{
    App,
    body::Json,
    envelope::{CallerProblems, Problems},
    position::LOG_POSITION,
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(complete))
}

/// Ask a model
///
/// Tools whose names are built in are run by the server, in a loop; calls of any other end the turn
/// with `finish_reason: "tool_calls"`. With `stream` the answer is `text/event-stream` of chunks;
/// what the server's tools do comes as chunks without choices and with a `tool_event`. Whoever goes
/// away does not stop the run: its session has the answer.
#[utoipa::path(post, path = "/v1/chat/completions", operation_id = "create_chat_completion", tag = "chat",
    request_body = CompletionBody,
    responses(
        (status = 200,
         content((ChatCompletion = "application/json"), (String = "text/event-stream"))),
        CallerProblems, Problems))]
async fn complete(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<CompletionBody>,
) -> Result<Response, Problem> {
    let completion = body.read(app.commands.policy())?;
    if completion.run.is_streamed {
        stream(app, caller, completion).await
    } else {
        answer(app, caller, completion).await
    }
}

async fn answer(app: App, caller: Caller, completion: Completion) -> Result<Response, Problem> {
    let started = app.commands.request_run(&caller, completion.run).await?.value;
    let mut follow = Follow::new(app.clone(), caller, started).await?;
    let ended = follow.end().await?;
    let session = follow.session;
    let done = Done { value: ended.run, position: ended.position };
    Ok(app.done(done, |run| Json(ChatCompletion::of(&run, session))).await)
}

async fn stream(app: App, caller: Caller, completion: Completion) -> Result<Response, Problem> {
    let Completion { run: new, includes_usage } = completion;
    let (model, provider) = (new.model.clone(), new.provider.name());
    let created = app.now().timestamp();
    let done = app.commands.request_run(&caller, new).await?;
    let (run, session) = (done.value.run, done.value.session);
    let chunks = Chunks { run, session, model, provider, created, includes_usage };
    let follow = Follow::new(app, caller, done.value).await?;
    let mut response = Streaming::new(follow, chunks).answer().await?.into_response();
    response.headers_mut().insert(LOG_POSITION, done.position.into());
    Ok(response)
}
