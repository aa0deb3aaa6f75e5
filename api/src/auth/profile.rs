//! What people tell of themselves.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use commands::{Caller, ProfileChange};
use domain::{
    Text,
    user::{Handle, WebAddress},
};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::{account::person, fields::Me};
use crate::{
    App,
    body::Json,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// What is to be told differently; null is for no more. Nothing else can be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null is told from nothing")]
pub(super) struct Change {
    /// The name you go by.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<Text>>,
    /// What you like to be called.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    preferred_name: Option<Option<Text>>,
    /// Your whole name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    full_name: Option<Option<Text>>,
    /// What you are called among others.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    username: Option<Option<Handle>>,
    /// A picture of you.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    avatar_url: Option<Option<WebAddress>>,
    /// Your account at GitHub.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    github_username: Option<Option<Handle>>,
}

/// Tells null from nothing.
#[expect(clippy::option_option, reason = "null is told from nothing")]
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl From<Change> for ProfileChange {
    fn from(change: Change) -> Self {
        Self {
            name: change.name,
            preferred_name: change.preferred_name,
            full_name: change.full_name,
            username: change.username,
            avatar_url: change.avatar_url,
            github_username: change.github_username,
        }
    }
}

/// Tell something else of yourself
#[utoipa::path(patch, path = "/v1/auth/me", operation_id = "change_me", tag = "auth",
    request_body = Change, responses((status = 200, body = Me), CallerProblems, Problems))]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Change>,
) -> Result<Response, Problem> {
    caller.scope("account")?;
    let done = app.commands.change_profile(&caller, body.into()).await?;
    app.await_position(done.position).await;
    let me = person(&app, caller.user).await?;
    Ok(app.done(done, |()| me).await.into_response())
}
