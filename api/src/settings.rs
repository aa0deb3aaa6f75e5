//! A person's own preferences.

mod fields;
pub(crate) mod keys;

use axum::{extract::State, response::Response};
use commands::Caller;
use domain::settings::Settings;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::fields::{Communication, Preferences};
use crate::{
    App,
    body::Json,
    envelope::{CallerProblems, Envelope, Problems},
    problem::Problem,
};

/// The routes of this file and those below it.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(communication, change_communication))
        .routes(routes!(notifications, change_notifications))
        .merge(keys::routes())
}

/// How Annals talks to you
#[utoipa::path(get, path = "/v1/settings/communication", tag = "settings",
    responses((status = 200, body = Envelope<Communication>), CallerProblems, Problems))]
async fn communication(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Envelope<Communication>>, Problem> {
    caller.scope("settings")?;
    let view = app.queries.communication(caller.user).await?;
    Ok(Json(Envelope::new("Communication settings", view.settings.into())))
}

/// Change how Annals talks to you
///
/// Fields that are left out stay as they are.
#[utoipa::path(put, path = "/v1/settings/communication", tag = "settings",
    request_body = Communication,
    responses((status = 200, body = Envelope<Communication>), CallerProblems, Problems))]
async fn change_communication(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Communication>,
) -> Result<Response, Problem> {
    let done = app.commands.change_communication(&caller, body.into()).await?;
    let answer = |now: Settings| Communication::from(now.communication);
    let told = "Communication settings updated";
    Ok(app.done(done, |now| Json(Envelope::new(told, answer(now)))).await)
}

/// What Annals tells you
#[utoipa::path(get, path = "/v1/settings/notifications/preferences", tag = "settings",
    responses((status = 200, body = Envelope<Preferences>), CallerProblems, Problems))]
async fn notifications(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Envelope<Preferences>>, Problem> {
    caller.scope("settings")?;
    let view = app.queries.notification_preferences(caller.user).await?;
    Ok(Json(Envelope::new("Notification preferences", Preferences::of(caller.user, view))))
}

/// Change what Annals tells you
///
/// Fields that are left out stay as they are. Security alerts cannot be switched off.
#[utoipa::path(put, path = "/v1/settings/notifications/preferences", tag = "settings",
    request_body = Preferences,
    responses((status = 200, body = Envelope<Preferences>), CallerProblems, Problems))]
async fn change_notifications(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Preferences>,
) -> Result<Response, Problem> {
    let done = app.commands.change_notifications(&caller, body.into()).await?;
    app.await_position(done.position).await;
    let view = app.queries.notification_preferences(caller.user).await?;
    let answer = |now: Settings| Preferences::changed(caller.user, now.notifications, &view);
    let told = "Notification preferences updated";
    Ok(app.done(done, |now| Json(Envelope::new(told, answer(now)))).await)
}
