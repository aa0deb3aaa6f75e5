//! Looking after the read models: how far they are, making them anew, and streams they leave out.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use projections::{
    Options, ParkedStream, ProjectionStatus, Rebuild, RebuiltTable, Refusal, drop_old, promote,
    rollback,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path, Query},
    caller::Admin,
    envelope::{CallerProblems, Data, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(rebuild))
        .routes(routes!(compare))
        .routes(routes!(promote_next))
        .routes(routes!(roll_back))
        .routes(routes!(drop_version))
        .routes(routes!(parked))
        .routes(routes!(retry))
        .routes(routes!(skip))
}

/// How far each projection has come.
#[derive(Serialize, ToSchema)]
struct Projections {
    /// The last position there is.
    log_position: i64,
    #[schema(value_type = Vec<Object>)]
    projections: Vec<ProjectionStatus>,
}

/// How a projection is to be made anew.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct How {
    /// Keep the new tables up beside the live ones until they are promoted.
    keep_both: bool,
    /// Take in again what somebody decided to leave out.
    with_skipped: bool,
}

/// How many events it was about.
#[derive(Serialize, ToSchema)]
struct Events {
    /// How many.
    events: i64,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::Unknown(_) | Refusal::NotParked { .. } => (StatusCode::NOT_FOUND, "not_found"),
            Refusal::Rebuilding(_) => (StatusCode::CONFLICT, "already_rebuilding"),
            Refusal::NoVersion(..) => (StatusCode::CONFLICT, "no_such_version"),
            Refusal::Unfit(..) => (StatusCode::CONFLICT, "version_unfit"),
            Refusal::FailsAgain(_) => (StatusCode::CONFLICT, "fails_again"),
        };
        Self::new(status, code, refusal.to_string())
    }
}

/// What was refused has a reason; anything else is the database.
fn problem(error: anyhow::Error) -> Problem {
    match error.downcast::<Refusal>() {
        Ok(refusal) => refusal.into(),
        Err(error) => error.into(),
    }
}

/// How far each projection has come
///
/// With its lag, its rate, the streams it leaves out, its other versions and its last rebuild.
#[utoipa::path(get, path = "/v1/admin/projections", operation_id = "projections", tag = "admin",
    responses((status = 200, body = Data<Projections>), CallerProblems, Problems))]
async fn list(State(app): State<App>, _admin: Admin) -> Result<Json<Data<Projections>>, Problem> {
    let log_position = app.commands.log().head().await?;
    let projections = app.queries.projections().await?;
    Ok(Json(Data::new("Projections", Projections { log_position, projections })))
}

/// Make a projection anew from the log
///
/// It goes on in the background; the list of projections shows how far it is.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/rebuild", tag = "admin",
    operation_id = "rebuild_projection", params(("name" = String, Path), How),
    responses((status = 202, body = Success), CallerProblems, Problems))]
async fn rebuild(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
    Query(how): Query<How>,
) -> Result<Response, Problem> {
    let options = Options { keeps_both: how.keep_both, takes_in_skipped: how.with_skipped };
    let log = app.commands.log();
    let rebuild = Rebuild::begin(log, &name, options).await.map_err(problem)?;
    tracing::info!(projection = name, by = %caller.user, "a rebuild was asked for");
    let shutdown = app.setup().shutdown.clone();
    app.tasks.spawn(async move {
        if let Some(Err(error)) = shutdown.run_until_cancelled(rebuild.run(drop)).await {
            tracing::error!(projection = name, error = format!("{error:#}"), "not rebuilt");
        }
    });
    Ok((StatusCode::ACCEPTED, Json(Success::new("Rebuilding"))).into_response())
}

/// Compare the next version of a projection with the live one
#[utoipa::path(post, path = "/v1/admin/projections/{name}/compare", tag = "admin",
    operation_id = "compare_projection", params(("name" = String, Path)),
    responses((status = 200, body = Data<Vec<Object>>), CallerProblems, Problems))]
async fn compare(
    State(app): State<App>,
    _admin: Admin,
    Path(name): Path<String>,
) -> Result<Json<Data<Vec<RebuiltTable>>>, Problem> {
    let tables = projections::compare(app.commands.log(), &name).await.map_err(problem)?;
    Ok(Json(Data::new("Tables", tables)))
}

/// Make the next version of a projection live
#[utoipa::path(post, path = "/v1/admin/projections/{name}/promote", tag = "admin",
    operation_id = "promote_projection", params(("name" = String, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn promote_next(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Result<Json<Success>, Problem> {
    promote(app.commands.log(), &name).await.map_err(problem)?;
    tracing::info!(projection = name, by = %caller.user, "the next version is live");
    Ok(Json(Success::new("Promoted")))
}

/// Make the version live again that was before
///
/// It catches up from where it stood.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/rollback", tag = "admin",
    operation_id = "roll_back_projection", params(("name" = String, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn roll_back(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Result<Json<Success>, Problem> {
    rollback(app.commands.log(), &name).await.map_err(problem)?;
    tracing::info!(projection = name, by = %caller.user, "the old version is live again");
    Ok(Json(Success::new("Rolled back")))
}

/// Drop the version of a projection that was live before
#[utoipa::path(delete, path = "/v1/admin/projections/{name}/old", tag = "admin",
    operation_id = "drop_old_projection", params(("name" = String, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn drop_version(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Result<Json<Success>, Problem> {
    drop_old(app.commands.log(), &name).await.map_err(problem)?;
    tracing::info!(projection = name, by = %caller.user, "the old version was dropped");
    Ok(Json(Success::new("Dropped")))
}

/// Streams that projections leave out
///
/// For now, or for good where somebody skipped them.
#[utoipa::path(get, path = "/v1/admin/parked", operation_id = "parked_streams", tag = "admin",
    responses((status = 200, body = Data<Vec<Object>>), CallerProblems, Problems))]
async fn parked(
    State(app): State<App>,
    _admin: Admin,
) -> Result<Json<Data<Vec<ParkedStream>>>, Problem> {
    let parked = projections::parked(app.commands.log().pool()).await;
    Ok(Json(Data::new("Parked streams", parked.map_err(anyhow::Error::from)?)))
}

/// Take the events of a parked stream in
#[utoipa::path(post, path = "/v1/admin/parked/{projection}/{stream}/retry", tag = "admin",
    operation_id = "retry_parked_stream",
    params(("projection" = String, Path), ("stream" = Uuid, Path)),
    responses((status = 200, body = Data<Events>), CallerProblems, Problems))]
async fn retry(
    State(app): State<App>,
    Admin(caller): Admin,
    Path((projection, stream)): Path<(String, Uuid)>,
) -> Result<Json<Data<Events>>, Problem> {
    let retried = projections::retry(app.commands.log(), &projection, stream).await;
    let events = i64::try_from(retried.map_err(problem)?).unwrap_or(i64::MAX);
    tracing::info!(projection, %stream, by = %caller.user, "a parked stream was retried");
    Ok(Json(Data::new("Taken in", Events { events })))
}

/// Leave the events of a parked stream out for good
///
/// Those to come are taken in. Who decided it is kept.
#[utoipa::path(post, path = "/v1/admin/parked/{projection}/{stream}/skip", tag = "admin",
    operation_id = "skip_parked_stream",
    params(("projection" = String, Path), ("stream" = Uuid, Path)),
    responses((status = 200, body = Data<Events>), CallerProblems, Problems))]
async fn skip(
    State(app): State<App>,
    Admin(caller): Admin,
    Path((projection, stream)): Path<(String, Uuid)>,
) -> Result<Json<Data<Events>>, Problem> {
    let by = caller.user.to_string();
    let skipped = projections::skip(app.commands.log(), &projection, stream, &by).await;
    Ok(Json(Data::new("Left out", Events { events: skipped.map_err(problem)? })))
}
