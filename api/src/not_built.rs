//! Paths that clients may ask for and that are not built yet: they say so, instead of 404.

use axum::http::{Method, StatusCode, Uri};

use crate::problem::Problem;

/// Paths by pattern; `*` stands for one segment, `**` for all that follow.
const PATHS: [&str; 32] = [
    "/v1/auth/*/callback",
    "/v1/auth/*/authorize",
    "/v1/auth/2fa/**",
    "/v1/settings/provider-keys",
    "/v1/settings/rate-limits",
    "/v1/settings/usage-limits",
    "/v1/notifications/preferences",
    "/v1/notifications/subscribe",
    "/v1/notifications/*/explain",
    "/v1/emails/**",
    "/v1/webhooks",
    "/v1/webhooks/**",
    "/v1/github/**",
    "/v1/integrations",
    "/v1/integrations/**",
    "/v1/managed/chat/completions",
    "/v1/managed/usage/history",
    "/v1/managed/models",
    "/v1/managed/estimate",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/chat/runs/*/**",
    "/v1/credits/balance",
    "/v1/tools/analytics/*",
    "/v1/tool-logs",
    "/v1/zerodb/mcp/execute",
    "/v1/metrics/record/**",
    "/v1/monitoring/**",
    "/v1/admin/monitoring/**",
    "/v1/admin/monitoring-alerts/**",
    "/v1/admin/users/**",
    "/v1/admin/**",
];

/// Methods that are missing from paths that are built.
const METHODS: [(&str, &str); 1] = [("PUT", "/v1/admin/users/*")];

/// Answers what no route matches.
pub(crate) async fn unknown_path(uri: Uri) -> Problem {
    if PATHS.iter().any(|pattern| matches(pattern, uri.path())) {
        return not_built();
    }
    Problem::missing("route")
}

/// Answers a method that a route does not have.
pub(crate) async fn unknown_method(method: Method, uri: Uri) -> Problem {
    let is_planned =
        METHODS.iter().any(|(planned, pattern)| method == *planned && matches(pattern, uri.path()));
    if is_planned {
        return not_built();
    }
    let detail = "this route does not know this method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

fn not_built() -> Problem {
    let detail = "this route is part of the API but not built yet";
    let problem = Problem::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", detail);
    Problem { is_final: true, ..problem }
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut path = path.split('/');
    for expected in pattern.split('/') {
        match (expected, path.next()) {
            ("**", Some(_)) => return true,
            ("*", Some(segment)) if !segment.is_empty() => {}
            (expected, Some(segment)) if expected == segment => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_paths_are_told_from_unknown_ones() {
        for (path, is_planned) in [
            ("/v1/auth/google/callback", true),
            ("/v1/notifications/subscribe", true),
            ("/v1/notifications/7/explain", true),
            ("/v1/chat/runs/7/events", true),
            ("/v1/admin/streams", true),
            ("/v1/auth/google", false),
            ("/v1/nothing", false),
            ("/", false),
        ] {
            let found = PATHS.iter().any(|pattern| matches(pattern, path));
            assert_eq!(found, is_planned, "{path}");
        }
    }
}
