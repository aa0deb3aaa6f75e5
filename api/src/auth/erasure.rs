//! Leaving for good.

use std::time::Duration;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use commands::{Caller, Done, Proof};
use domain::Text;
use projections::ErasureView;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::Json,
    envelope::{CallerProblems, Problems},
    position::LOG_POSITION,
    problem::Problem,
};

/// How long to wait for an erasure to be certified.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look when no news comes.
const LOOK: Duration = Duration::from_millis(100);

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(leave))
}

/// The wish to be erased.
#[derive(Deserialize, ToSchema)]
struct Leave {
    /// The password, once more.
    #[schema(format = Password)]
    password: String,
    /// A code, where two-factor authentication is on and the sign-in with it was not just now.
    code: Option<String>,
    /// Why; it is forgotten with you.
    #[schema(value_type = Option<String>)]
    reason: Option<Text>,
}

/// What became of the wish that somebody be erased.
#[derive(Serialize, ToSchema)]
pub(crate) struct Erased {
    success: bool,
    message: &'static str,
    /// `erased`, or `in_progress` while it goes on by itself.
    status: &'static str,
    /// Who.
    user_id: Uuid,
    /// The signed certificate of what was destroyed.
    #[schema(value_type = Option<Object>)]
    certificate: Option<Value>,
}

/// Be erased
///
/// Ends everything you have here and destroys the key of your data, in the log and in every backup of
/// it. The answer holds a signed certificate, which is all that is left to show; keep it. It cannot be
/// undone. The address may register again, as somebody else.
#[utoipa::path(delete, path = "/v1/auth/account", operation_id = "erase_account", tag = "auth",
    request_body = Leave,
    responses((status = 200, body = Erased), (status = 202, body = Erased), CallerProblems, Problems))]
async fn leave(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Leave>,
) -> Result<Response, Problem> {
    let proof = Proof { password: Some(body.password), code: body.code };
    let done = app.commands.erase_account(&caller, &proof, body.reason).await?;
    app.erased(done).await
}

impl App {
    /// Answers once an erasure is certified, or says that it goes on.
    pub(crate) async fn erased(&self, done: Done<Uuid>) -> Result<Response, Problem> {
        let view = self.await_erasure(done.value).await?;
        let certificate = view.and_then(|view| view.certificate);
        let (code, status, message) = match certificate {
            Some(_) => (StatusCode::OK, "erased", "Everything personal is erased"),
            None => (StatusCode::ACCEPTED, "in_progress", "The account is closed and being erased"),
        };
        let erased = Erased { success: true, message, status, user_id: done.value, certificate };
        let mut response = (code, axum::Json(erased)).into_response();
        response.headers_mut().insert(LOG_POSITION, done.position.into());
        Ok(response)
    }

    /// Waits until an erasure is certified, a few seconds at most.
    async fn await_erasure(&self, user: Uuid) -> Result<Option<ErasureView>, Problem> {
        let mut news = self.commands.log().live().subscribe(commands::ERASURES);
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let view = self.queries.erasure(user).await?;
            let is_certified = view.as_ref().is_some_and(|view| view.certificate.is_some());
            if is_certified || tokio::time::Instant::now() >= until {
                return Ok(view);
            }
            let _ = tokio::time::timeout(LOOK, news.recv()).await;
        }
    }
}
