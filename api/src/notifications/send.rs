//! Telling a person something.

use axum::{extract::State, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use commands::NewNotification;
use domain::{
    Text,
    notification::{ActionUrl, Body, Content, Metadata, Topic, Urgency},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::fields::{Notification, Word};
use crate::{
    App,
    body::Json,
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The channels that notices travel by.
const CHANNELS: [&str; 3] = ["in_app", "inapp", "in-app"];

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create))
}

/// What a person is to be told.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewNotice {
    /// For whom.
    user_id: Uuid,
    /// One line of 1 to 200 characters.
    #[schema(value_type = String, example = "Invoice 7 is due")]
    title: Text,
    /// 1 to 4000 characters.
    #[schema(value_type = String)]
    message: Body,
    /// info, success, warning, error, update or promotion, in any case.
    #[schema(value_type = String, example = "info")]
    r#type: Word<Urgency>,
    /// system, billing, security, feature or marketing, in any case; system where nothing is said.
    #[schema(value_type = Option<String>)]
    category: Option<Word<Topic>>,
    /// A path such as /billing/7, or an http(s) address.
    #[serde(alias = "actionUrl")]
    #[schema(value_type = Option<String>)]
    action_url: Option<ActionUrl>,
    /// What the way there is called.
    #[serde(alias = "actionLabel")]
    #[schema(value_type = Option<String>)]
    action_label: Option<Text>,
    /// An object of at most 8 KiB, for your own programs.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    /// By which channels; `in_app` is the one that this version has.
    channels: Option<Vec<String>>,
    /// From when on nobody is shown it any more.
    #[serde(alias = "expiresAt")]
    expires_at: Option<DateTime<Utc>>,
}

impl TryFrom<NewNotice> for NewNotification {
    type Error = Problem;

    fn try_from(new: NewNotice) -> Result<Self, Problem> {
        let channels = new.channels.unwrap_or_default();
        let is_known = |channel: &String| CHANNELS.contains(&channel.to_lowercase().as_str());
        if let Some(place) = channels.iter().position(|channel| !is_known(channel)) {
            let detail = "this version delivers in_app only";
            return Err(Problem::invalid(format!("/channels/{place}"), detail));
        }
        Ok(Self {
            user: new.user_id,
            urgency: new.r#type.0,
            topic: new.category.map_or(Topic::System, |word| word.0),
            content: Content {
                title: new.title,
                message: new.message,
                action_url: new.action_url,
                action_label: new.action_label,
                metadata: new.metadata,
            },
            expires_at: new.expires_at,
        })
    }
}

/// Tell a person something
///
/// For administrators and their keys.
#[utoipa::path(post, path = "/v1/notifications", operation_id = "create_notification",
    tag = "notifications", request_body = NewNotice,
    responses((status = 201, body = Notification), CallerProblems, Problems))]
async fn create(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(body): Json<NewNotice>,
) -> Result<Response, Problem> {
    let user = body.user_id;
    let new = NewNotification::try_from(body)?;
    let done = app.commands.notify(&caller, new).await.map_err(|error| {
        // The one moment that a sender can get wrong.
        Problem::from(error).at("/expires_at")
    })?;
    app.await_position(done.position).await;
    let notice = app.queries.notification(user, done.value).await?;
    let late = || Problem::unavailable("the notification was made and is not readable yet");
    let notice = Notification::from(notice.ok_or_else(late)?);
    Ok(app.done(done, |_| (StatusCode::CREATED, Json(notice))).await)
}
