//! The door of the admin area: the same accounts, but only those with the role come in.

use axum::{extract::State, response::Response};
use commands::SignIn;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    account::person,
    fields::{Login, Me, SignInAnswer},
};
use crate::{
    App,
    body::{Json, JsonOrForm},
    caller::Admin,
    context::From,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login)).routes(routes!(me))
}

/// Sign in as an administrator
#[utoipa::path(post, path = "/v1/admin/auth/login", operation_id = "admin_login", tag = "admin",
    security(()),
    request_body(content(
        (Login = "application/json"), (Login = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = SignInAnswer), CallerProblems, Problems))]
async fn login(
    State(app): State<App>,
    From(origin): From,
    JsonOrForm(body): JsonOrForm<Login>,
) -> Result<Response, Problem> {
    let done = app.commands.sign_in(body.try_into()?, &origin).await?;
    match &done.value {
        SignIn::Complete(signed_in) => {
            let caller = app.commands.authenticate(&signed_in.access_token, origin).await?;
            if let Err(refusal) = caller.admin() {
                app.commands.sign_out(&caller).await?;
                return Err(refusal.into());
            }
        }
        SignIn::Challenged(challenged) if challenged.role.is_admin() => {}
        SignIn::Challenged(_) => return Err(Problem::not_admin()),
    }
    Ok(app.done(done, |sign_in| Json(SignInAnswer::from(sign_in))).await)
}

/// Which administrator you are
#[utoipa::path(get, path = "/v1/admin/auth/me", operation_id = "admin_me", tag = "admin",
    responses((status = 200, body = Me), CallerProblems, Problems))]
async fn me(State(app): State<App>, Admin(caller): Admin) -> Result<Json<Me>, Problem> {
    person(&app, caller.user).await
}
