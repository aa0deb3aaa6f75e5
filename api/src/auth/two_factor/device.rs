//! Devices that need not show a factor.

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use commands::Caller;
use domain::{Personal, factors};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Path},
    envelope::{CallerProblems, Problems, Success},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, forget_all))
        .routes(routes!(forget))
        .routes(routes!(leave_others))
}

/// Devices that need not show a factor.
#[derive(Serialize, ToSchema)]
struct Devices {
    devices: Vec<Device>,
}

/// How many devices were signed out.
#[derive(Serialize, ToSchema)]
struct LeftDevices {
    success: bool,
    revoked: u64,
}

/// A device that need not show a factor.
#[derive(Serialize, ToSchema)]
struct Device {
    /// Opens nothing.
    id: Uuid,
    /// The program, in its own words.
    user_agent: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<factors::Device> for Device {
    fn from(device: factors::Device) -> Self {
        Self {
            id: device.id,
            user_agent: device.name.and_then(Personal::into_known),
            created_at: device.at,
            expires_at: device.expires_at,
        }
    }
}

/// Your remembered devices
#[utoipa::path(get, path = "/v1/auth/2fa/devices", operation_id = "remembered_devices", tag = "two-factor",
    responses((status = 200, body = Devices), CallerProblems, Problems))]
async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Devices>, Problem> {
    let status = app.commands.two_factor_status(&caller).await?;
    Ok(Json(Devices { devices: status.devices.into_iter().map(Device::from).collect() }))
}

/// Forget all remembered devices
#[utoipa::path(delete, path = "/v1/auth/2fa/devices", operation_id = "forget_devices", tag = "two-factor",
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn forget_all(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let done = app.commands.forget_device(&caller, None).await?;
    Ok(app.done(done, |()| Json(Success::new("Devices forgotten"))).await)
}

/// Forget a remembered device
#[utoipa::path(delete, path = "/v1/auth/2fa/devices/{id}", operation_id = "forget_device", tag = "two-factor",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Success), CallerProblems, Problems))]
async fn forget(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let done = app.commands.forget_device(&caller, Some(id)).await?;
    Ok(app.done(done, |()| Json(Success::new("Device forgotten"))).await)
}

/// Sign all other devices out
///
/// Remembered devices are forgotten as well: every device is asked for a factor again.
#[utoipa::path(post, path = "/v1/auth/2fa/revoke-sessions", operation_id = "leave_other_devices", tag = "two-factor",
    responses((status = 200, body = LeftDevices), CallerProblems, Problems))]
async fn leave_others(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let done = app.commands.leave_other_devices(&caller).await?;
    Ok(app.done(done, |revoked| Json(LeftDevices { success: true, revoked })).await)
}
