//! Keys with which a person's programs act for them.

mod fields;
mod secret;

use axum::{extract::State, http::StatusCode, response::Response};
use commands::{Caller, CreatedKey};
use projections::KeyFilter;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::fields::{ChangedKey, Key, NewKey};
pub(crate) use self::fields::{KeyAnswer, Usage, scopes};
use crate::{
    App,
    body::{Json, Path, Query},
    envelope::{CallerProblems, Data, Envelope, Problems, Success},
    problem::Problem,
};

/// The days of which it is told how much a key was used.
pub(crate) const DAYS: u32 = 30;

/// The routes of this file and those below it.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, revoke))
        .routes(routes!(usage))
        .merge(secret::routes())
}

/// Which keys to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// How many to leave out.
    skip: Option<u32>,
    /// How many to list, 100 at most.
    limit: Option<u32>,
    /// Whose; administrators may name others.
    user_id: Option<Uuid>,
    /// Only those that are good, or only those that are not.
    is_active: Option<bool>,
    /// Part of a name.
    search: Option<String>,
}

/// Your API keys
#[utoipa::path(get, path = "/v1/settings/api-keys", operation_id = "api_keys", tag = "api keys", params(Filter),
    responses((status = 200, body = Data<Vec<Key>>), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(asked): Query<Filter>,
) -> Result<Json<Data<Vec<Key>>>, Problem> {
    let owner = asked.user_id.unwrap_or(caller.user);
    if owner != caller.user {
        caller.admin()?;
    }
    let part = (asked.skip.unwrap_or(0), asked.limit.unwrap_or(100).min(100));
    let filter = KeyFilter {
        owner: Some(owner),
        is_active: asked.is_active,
        search: asked.search.filter(|search| !search.contains('\0')),
    };
    let keys = app.queries.api_keys(&filter, part).await?.items;
    Ok(Json(Data::new("API keys", keys.into_iter().map(Key::from).collect())))
}

/// Make an API key
///
/// The key is shown once. Only a signed-in person can make one, not a key.
#[utoipa::path(post, path = "/v1/settings/api-keys", operation_id = "create_api_key", tag = "api keys", request_body = NewKey,
    responses((status = 201, body = KeyAnswer), CallerProblems, Problems))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewKey>,
) -> Result<Response, Problem> {
    let created = app.commands.create_api_key(&caller, body.try_into()?).await;
    let done = created.map_err(|error| Problem::from(error).at("/expires_at"))?;
    let answer = |CreatedKey { id, key }| KeyAnswer::new(id, key);
    Ok(app.done(done, |created| (StatusCode::CREATED, Json(answer(created)))).await)
}

/// One of your API keys
#[utoipa::path(get, path = "/v1/settings/api-keys/{id}", operation_id = "api_key", tag = "api keys",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Envelope<Key>), CallerProblems, Problems))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Envelope<Key>>, Problem> {
    Ok(Json(Envelope::new("API key", own(&app, &caller, id).await?)))
}

/// Change an API key
///
/// Fields that are left out stay as they are. Its secret stays the same.
#[utoipa::path(put, path = "/v1/settings/api-keys/{id}", operation_id = "change_api_key", tag = "api keys",
    params(("id" = Uuid, Path)), request_body = ChangedKey,
    responses((status = 200, body = Envelope<Key>), CallerProblems, Problems))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<ChangedKey>,
) -> Result<Response, Problem> {
    let changed = app.commands.change_api_key(&caller, id, body.try_into()?).await;
    let done = changed.map_err(|error| Problem::from(error).at("/expires_at"))?;
    app.await_position(done.position).await;
    let key = own(&app, &caller, id).await?;
    Ok(app.done(done, |()| Json(Envelope::new("API key changed", key))).await)
}

/// Revoke an API key
///
/// It opens nothing from the next request on.
#[utoipa::path(delete, path = "/v1/settings/api-keys/{id}", operation_id = "revoke_api_key", tag = "api keys",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.revoke_api_key(&caller, id).await?;
    Ok(app.done(done, |()| Json(Success::new("API key revoked"))).await)
}

/// How much an API key was used
#[utoipa::path(get, path = "/v1/settings/api-keys/{id}/usage", operation_id = "api_key_usage", tag = "api keys",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Usage), CallerProblems, Problems))]
async fn usage(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Usage>, Problem> {
    own(&app, &caller, id).await?;
    Ok(Json(app.queries.api_key_use(id, app.now().date_naive(), DAYS).await?.into()))
}

async fn own(app: &App, caller: &Caller, id: Uuid) -> Result<Key, Problem> {
    let key = app.queries.api_key(id, Some(caller.user)).await?;
    key.map(Key::from).ok_or_else(|| Problem::missing("API key"))
}
