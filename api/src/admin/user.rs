//! People, as administrators see them.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use projections::UserView;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path},
    caller::Admin,
    envelope::{CallerProblems, Data, Problems, Success},
    problem::Problem,
};

/// A person.
#[derive(Clone, Serialize, ToSchema)]
pub(super) struct AdminUser {
    id: Uuid,
    email: String,
    full_name: Option<String>,
    username: String,
    is_active: bool,
    is_superuser: bool,
    /// `USER`, `ADMIN` or `SUPERUSER`.
    role: &'static str,
    email_verified: bool,
    created_at: DateTime<Utc>,
    last_login: Option<DateTime<Utc>>,
}

impl From<UserView> for AdminUser {
    fn from(view: UserView) -> Self {
        let role = view.role.name();
        Self {
            id: view.id,
            username: view.username.unwrap_or_else(|| view.email.clone()),
            email: view.email,
            full_name: view.full_name.or(view.name),
            is_active: view.is_active,
            is_superuser: role == "SUPERUSER",
            role,
            email_verified: view.is_verified,
            created_at: view.registered_at,
            last_login: view.last_login_at,
        }
    }
}

/// A person
#[utoipa::path(get, path = "/v1/admin/users/{id}", operation_id = "admin_user", tag = "admin",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Data<AdminUser>), CallerProblems, Problems))]
pub(super) async fn get(
    State(app): State<App>,
    _admin: Admin,
    Path(id): Path<Uuid>,
) -> Result<Json<Data<AdminUser>>, Problem> {
    let view = app.queries.user(id).await?;
    let view = view.ok_or_else(|| Problem::missing("user"))?;
    Ok(Json(Data::new("User", view.into())))
}

/// Have a person mailed a link to choose another password
#[utoipa::path(post, path = "/v1/admin/users/{id}/reset-password", operation_id = "admin_reset_password",
    tag = "admin", params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
pub(super) async fn reset_password(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.send_reset_link(&caller, id).await?;
    let message = "A link is on its way to the person";
    Ok(app.done(done, |()| Json(Success::new(message))).await)
}
