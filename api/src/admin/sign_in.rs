//! Attempts to sign in: who was refused or asked for more, why, and what decided it.

use std::net::IpAddr;

use axum::extract::State;
use chrono::{DateTime, Utc};
use projections::{SignInFilter, SignInView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    body::{Json, Query},
    caller::Admin,
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The longest text to look for.
const LONGEST: usize = 256;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which attempts to list; nothing means all.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// On this account.
    user_id: Option<Uuid>,
    /// `signed_in`, `refused` or `challenged`.
    outcome: Option<String>,
    /// For example `wrong_password`, `too_many_attempts`, `account_deactivated`,
    /// `second_factor_required`, `wrong_code`, or the way in of those who signed in.
    reason: Option<String>,
    /// `password`, `limit_for_strangers`, `limit_for_device`, `second_factor`, `account` or
    /// `credentials`.
    decided_by: Option<String>,
    /// From this address.
    address: Option<String>,
    /// With a program that has this in its name.
    device: Option<String>,
    /// Before this position: `next` of the page before.
    before: Option<i64>,
    /// 100 at most.
    limit: Option<usize>,
}

/// Attempts, the last first.
#[derive(Serialize, ToSchema)]
struct SignIns {
    items: Vec<SignIn>,
    /// What to send as `before` for more; none where there are no more.
    next: Option<i64>,
}

/// An attempt to sign in to an account.
#[derive(Serialize, ToSchema)]
struct SignIn {
    /// Its place in the log.
    position: i64,
    at: DateTime<Utc>,
    user_id: Option<Uuid>,
    outcome: &'static str,
    reason: String,
    /// What decided.
    decided_by: &'static str,
    address: Option<String>,
    /// The program, in its own words.
    device: Option<String>,
    request_id: Option<Uuid>,
}

impl Filter {
    fn read(self) -> Result<SignInFilter, Problem> {
        let texts = [&self.outcome, &self.reason, &self.decided_by, &self.device];
        if texts.into_iter().flatten().any(|text| text.len() > LONGEST) {
            return Err(Problem::invalid("", "no word to look for is that long"));
        }
        let address = self.address.map(|text| text.trim().parse::<IpAddr>()).transpose();
        let address = address.map_err(|_| Problem::invalid("/address", "an IP address"))?;
        Ok(SignInFilter {
            user: self.user_id,
            outcome: self.outcome,
            reason: self.reason,
            decided_by: self.decided_by,
            address: address.map(|address| address.to_canonical().to_string()),
            device: self.device,
            before: self.before,
        })
    }
}

impl From<SignInView> for SignIn {
    fn from(view: SignInView) -> Self {
        let SignInView { recorded, outcome, reason, decided_by, address, device } = view;
        Self {
            position: recorded.position,
            at: recorded.recorded_at,
            user_id: recorded.meta.subject,
            outcome,
            reason,
            decided_by,
            address,
            device,
            request_id: recorded.meta.correlation,
        }
    }
}

/// Who tried to sign in
///
/// Attempts on accounts, the last first: who came in and how, who was refused or asked for more, why,
/// and what decided it. Of addresses that have no account nothing is kept.
#[utoipa::path(get, path = "/v1/admin/sign-ins", operation_id = "admin_sign_ins", tag = "admin",
    params(Filter), responses((status = 200, body = SignIns), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    _admin: Admin,
    Query(filter): Query<Filter>,
) -> Result<Json<SignIns>, Problem> {
    let limit = filter.limit.unwrap_or(50).clamp(1, 100);
    let found = app.queries.sign_ins(&filter.read()?, limit).await?;
    let items = found.items.into_iter().map(SignIn::from).collect();
    Ok(Json(SignIns { items, next: found.next }))
}
