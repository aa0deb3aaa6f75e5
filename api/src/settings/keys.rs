//! Keys with which a person's programs act for them.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use commands::{Caller, CreatedKey, NewApiKey, Proof};
use domain::Text;
use projections::ApiKeyView;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path, Query},
    envelope::{CallerProblems, Data, Envelope, Problems, Success},
    problem::{FieldError, Problem},
};

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, revoke))
}

/// What a new key should be.
#[derive(Deserialize, ToSchema)]
struct NewKey {
    /// What to call it.
    #[schema(value_type = String, example = "deploy")]
    name: Text,
    /// What it may be used for: chat, settings, account, notifications, admin. Empty means all that its owner
    /// may do, credentials excepted.
    scopes: Option<Vec<String>>,
    /// When it stops being good; in 90 days where nothing is said.
    expires_at: Option<DateTime<Utc>>,
    /// The password; not needed in the first hour after signing in.
    #[schema(format = Password)]
    password: Option<String>,
    /// A code, where two-factor authentication is on; likewise.
    code: Option<String>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
struct NewKeyAnswer {
    success: bool,
    /// The key itself, never to be seen again.
    api_key: String,
    id: Uuid,
}

/// A key, without what makes it one.
#[derive(Clone, Serialize, ToSchema)]
struct Key {
    id: Uuid,
    name: String,
    /// The part that may be shown.
    prefix: String,
    scopes: Vec<String>,
    is_active: bool,
    created_at: DateTime<Utc>,
    /// Not counted yet.
    last_used_at: Option<DateTime<Utc>>,
    /// Not counted yet.
    usage_count: u64,
    expires_at: DateTime<Utc>,
}

/// Which keys to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// How many to leave out.
    skip: Option<u32>,
    /// How many to list, 100 at most.
    limit: Option<u32>,
    /// Only those that are good, or only those that are not.
    is_active: Option<bool>,
    /// Part of a name.
    search: Option<String>,
}

impl Filter {
    fn of(&self, keys: Vec<ApiKeyView>) -> Vec<Key> {
        let search = self.search.as_deref().unwrap_or_default().to_lowercase();
        keys.into_iter()
            .filter(|key| self.is_active.is_none_or(|wanted| wanted == key.is_active))
            .filter(|key| key.name.to_lowercase().contains(&search))
            .skip(self.skip.unwrap_or(0) as usize)
            .take(self.limit.unwrap_or(100).min(100) as usize)
            .map(Key::from)
            .collect()
    }
}

impl From<ApiKeyView> for Key {
    fn from(view: ApiKeyView) -> Self {
        Self {
            id: view.id,
            name: view.name,
            prefix: view.prefix,
            scopes: view.scopes,
            is_active: view.is_active,
            created_at: view.created_at,
            last_used_at: None,
            usage_count: 0,
            expires_at: view.expires_at,
        }
    }
}

impl TryFrom<NewKey> for NewApiKey {
    type Error = Problem;

    fn try_from(new: NewKey) -> Result<Self, Problem> {
        let scopes = new.scopes.unwrap_or_default();
        let is_long = |scope: &String| scope.is_empty() || scope.len() > 64;
        let errors: Vec<_> = scopes
            .iter()
            .enumerate()
            .filter(|(place, scope)| *place >= 32 || is_long(scope))
            .map(|(place, _)| FieldError {
                pointer: format!("/scopes/{place}"),
                detail: "at most 32 scopes of 1 to 64 characters".to_owned(),
            })
            .collect();
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
        let proof = Proof { password: new.password, code: new.code };
        Ok(Self { name: new.name, scopes, expires_at: new.expires_at, proof })
    }
}

/// Your API keys
#[utoipa::path(get, path = "/v1/settings/api-keys", operation_id = "api_keys", tag = "api keys", params(Filter),
    responses((status = 200, body = Data<Vec<Key>>), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<Data<Vec<Key>>>, Problem> {
    caller.scope("account")?;
    let keys = app.queries.api_keys(caller.user).await?;
    Ok(Json(Data::new("API keys", filter.of(keys))))
}

/// Make an API key
///
/// The key is shown once. Only a signed-in person can make one, not a key.
#[utoipa::path(post, path = "/v1/settings/api-keys", operation_id = "create_api_key", tag = "api keys", request_body = NewKey,
    responses((status = 201, body = NewKeyAnswer), CallerProblems, Problems))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewKey>,
) -> Result<Response, Problem> {
    let created = app.commands.create_api_key(&caller, body.try_into()?).await;
    let done = created.map_err(|error| Problem::from(error).at("/expires_at"))?;
    let answer = |CreatedKey { id, key }| NewKeyAnswer { success: true, api_key: key, id };
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
    caller.scope("account")?;
    let key = app.queries.api_key(caller.user, id).await?;
    let key = key.ok_or_else(|| Problem::missing("API key"))?;
    Ok(Json(Envelope::new("API key", key.into())))
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
