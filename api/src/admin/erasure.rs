//! Erasing people, and the certificates of those who were erased.

use axum::{body::Bytes, extract::State, response::Response};
use chrono::{DateTime, Utc};
use domain::Text;
use projections::ErasureView;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::Erased,
    body::{self, Json, Path, Query},
    caller::Admin,
    envelope::{CallerProblems, Data, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(erase, super::user::get))
        .routes(routes!(super::user::reset_password))
        .routes(routes!(list))
        .routes(routes!(get))
}

/// Why somebody is erased.
#[derive(Default, Deserialize, ToSchema)]
struct Wish {
    /// It is forgotten with the person.
    #[schema(value_type = Option<String>)]
    reason: Option<Text>,
}

/// Which erasures to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// How many to leave out.
    skip: Option<u32>,
    /// How many to list, 100 at most.
    limit: Option<u32>,
}

/// Erasures.
#[derive(Serialize, ToSchema)]
struct Erasures {
    items: Vec<Erasure>,
    total: i64,
    skip: u32,
    limit: u32,
}

/// The erasure of a person.
#[derive(Clone, Serialize, ToSchema)]
struct Erasure {
    /// Who was erased; also the erasure's own id.
    id: Uuid,
    /// `erased`, or `in_progress` while it goes on by itself.
    status: &'static str,
    requested_by: Option<Uuid>,
    requested_at: DateTime<Utc>,
    requested_position: i64,
    erased_at: Option<DateTime<Utc>>,
    erased_position: Option<i64>,
    /// The signed certificate of what was destroyed.
    #[schema(value_type = Option<Object>)]
    certificate: Option<Value>,
}

impl From<ErasureView> for Erasure {
    fn from(view: ErasureView) -> Self {
        Self {
            id: view.user_id,
            status: if view.certificate.is_some() { "erased" } else { "in_progress" },
            requested_by: view.requested_by,
            requested_at: view.requested_at,
            requested_position: view.requested_position,
            erased_at: view.erased_at,
            erased_position: view.erased_position,
            certificate: view.certificate,
        }
    }
}

/// Erase a person
///
/// Ends everything the person has here and destroys the key of their data. It cannot be undone.
#[utoipa::path(delete, path = "/v1/admin/users/{id}", operation_id = "admin_erase_user",
    tag = "admin", params(("id" = Uuid, Path)), request_body = Option<Wish>,
    responses((status = 200, body = Erased), (status = 202, body = Erased), CallerProblems, Problems))]
async fn erase(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Result<Response, Problem> {
    let wish: Wish = if body.is_empty() { Wish::default() } else { body::parse(&body)? };
    let done = app.commands.erase_user(&caller, id, wish.reason).await?;
    app.erased(done).await
}

/// Who was erased
#[utoipa::path(get, path = "/v1/admin/erasures", operation_id = "admin_erasures", tag = "admin",
    params(Filter),
    responses((status = 200, body = Data<Erasures>), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    _admin: Admin,
    Query(filter): Query<Filter>,
) -> Result<Json<Data<Erasures>>, Problem> {
    let (skip, limit) = (filter.skip.unwrap_or(0), filter.limit.unwrap_or(20).clamp(1, 100));
    let found = app.queries.erasures(skip, limit).await?;
    let items = found.items.into_iter().map(Erasure::from).collect();
    Ok(Json(Data::new("Erasures", Erasures { items, total: found.total, skip, limit })))
}

/// The erasure of a person
#[utoipa::path(get, path = "/v1/admin/erasures/{id}", operation_id = "admin_erasure", tag = "admin",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Data<Erasure>), CallerProblems, Problems))]
async fn get(
    State(app): State<App>,
    _admin: Admin,
    Path(id): Path<Uuid>,
) -> Result<Json<Data<Erasure>>, Problem> {
    let view = app.queries.erasure(id).await?;
    let view = view.ok_or_else(|| Problem::missing("erasure"))?;
    Ok(Json(Data::new("Erasure", view.into())))
}
