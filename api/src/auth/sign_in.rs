//! Attempts to sign in to one's own account, as far as it is good to know.

use std::net::IpAddr;

use axum::extract::State;
use chrono::{DateTime, Utc};
use commands::Caller;
use projections::{SignInFilter, SignInView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    body::{Json, Query},
    envelope::{CallerProblems, Problems},
    problem::Problem,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which attempts to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `signed_in`, `refused` or `challenged`.
    outcome: Option<String>,
    /// Before this position: `next` of the page before.
    before: Option<i64>,
    /// 100 at most.
    limit: Option<usize>,
}

/// Attempts, the last first.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnSignIns)]
struct SignIns {
    items: Vec<SignIn>,
    /// What to send as `before` for more; none where there are no more.
    next: Option<i64>,
}

/// An attempt to sign in. Which limit was reached, and the whole address, are for administrators: who
/// reads this may be somebody who has just broken in.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnSignIn)]
struct SignIn {
    at: DateTime<Utc>,
    outcome: &'static str,
    reason: String,
    /// The network, with the end of the address left out.
    network: Option<String>,
    /// The program, in its own words.
    device: Option<String>,
}

impl From<SignInView> for SignIn {
    fn from(view: SignInView) -> Self {
        Self {
            at: view.recorded.recorded_at,
            outcome: view.outcome,
            reason: view.reason,
            network: view.address.as_deref().and_then(network),
            device: view.device,
        }
    }
}

/// The first 24 bits of an IPv4 address, 48 of an IPv6 address.
fn network(address: &str) -> Option<String> {
    Some(match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    })
}

/// Who tried to sign in as you
///
/// Attempts on your account, the last first, and why they were refused or asked for more.
#[utoipa::path(get, path = "/v1/auth/sign-ins", operation_id = "sign_ins", tag = "auth", params(Filter),
    responses((status = 200, body = SignIns), CallerProblems, Problems))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(filter): Query<Filter>,
) -> Result<Json<SignIns>, Problem> {
    caller.scope("account")?;
    let limit = filter.limit.unwrap_or(20).clamp(1, 100);
    let Filter { outcome, before, .. } = filter;
    let own = SignInFilter { user: Some(caller.user), outcome, before, ..SignInFilter::default() };
    let found = app.queries.sign_ins(&own, limit).await?;
    let items = found.items.into_iter().map(SignIn::from).collect();
    Ok(Json(SignIns { items, next: found.next }))
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn the_end_of_an_address_is_left_out() {
        assert_eq!(network("203.0.113.7").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(network("2001:db8:1:2::7").as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(network("nowhere"), None);
    }
}
