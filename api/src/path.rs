//! One spelling for every path, so that the router knows each route once.

use axum::{
    extract::Request,
    http::{Uri, uri::PathAndQuery},
};

/// Paths that live at the root and not below `/v1`.
const AT_ROOT: [&str; 8] =
    [".well-known", "docs", "health", "metrics", "openapi.json", "ready", "v1", "verify-email"];

/// Other names of routes, and the names they are served under.
pub(crate) const ALIASES: [(&str, &str); 11] = [
    ("/v1/users/me", "/v1/auth/me"),
    ("/v1/auth/login-json", "/v1/auth/login"),
    ("/v1/admin/auth/login/json", "/v1/admin/auth/login"),
    ("/v1/admin/auth/logout", "/v1/auth/logout"),
    ("/verify-email", "/v1/auth/verify-email"),
    ("/v1/health", "/health"),
    ("/v1/metrics/prometheus", "/metrics"),
    ("/v1/monitoring/health", "/v1/admin/monitoring/health"),
    ("/v1/api-keys", "/v1/settings/api-keys"),
    ("/v1/auth/mfa/setup", "/v1/auth/2fa/setup"),
    ("/v1/auth/mfa/verify", "/v1/auth/2fa/verify"),
];
/// Other names of whole families of routes.
const FAMILIES: [(&str, &str); 2] =
    [("/v1/api-keys/", "/v1/settings/api-keys/"), ("/v1/managed-chat/", "/v1/managed/")];

/// Rewrites the path of a request to its one spelling.
pub(crate) fn normalise(mut request: Request) -> Request {
    let uri = request.uri();
    let path = canonical(uri.path());
    if path == uri.path() {
        return request;
    }
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    if let Ok(target) = target.parse::<PathAndQuery>() {
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(target);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

fn canonical(path: &str) -> String {
    // The browsable page needs its slashes as they are.
    if path == "/docs" || path.starts_with("/docs/") {
        return path.to_owned();
    }
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let had_prefix = segments.first() == Some(&"api");
    if had_prefix {
        segments.remove(0);
    }
    if segments.starts_with(&["public", "v1"]) {
        segments.remove(0);
    } else if segments.starts_with(&["v1", "public"]) {
        segments.remove(1);
    }
    let first = segments.first().copied().unwrap_or_default();
    // Clients that are given an address without `/v1` ask for `/api/x`.
    let is_short = had_prefix && (!AT_ROOT.contains(&first) || is_below_metrics(&segments));
    if first == "admin" || is_short {
        segments.insert(0, "v1");
    }
    aliased(format!("/{}", segments.join("/")))
}

/// `/metrics` is at the root, `/v1/metrics/summary` is not.
fn is_below_metrics(segments: &[&str]) -> bool {
    segments.len() > 1 && matches!(segments.first(), Some(&"metrics" | &"health"))
}

fn aliased(path: String) -> String {
    if let Some((_, name)) = ALIASES.iter().find(|(alias, _)| *alias == path) {
        return (*name).to_owned();
    }
    for (alias, name) in FAMILIES {
        if let Some(rest) = path.strip_prefix(alias) {
            return format!("{name}{rest}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn every_spelling_of_a_path_is_one_path() {
        for (spelling, path) in [
            ("/v1/chat/completions", "/v1/chat/completions"),
            ("/api/v1/chat/completions", "/v1/chat/completions"),
            ("/api/v1/public/chat/completions", "/v1/chat/completions"),
            ("/v1/public/chat/completions", "/v1/chat/completions"),
            ("/public/v1/chat/completions", "/v1/chat/completions"),
            ("/api/public/v1/chat/completions", "/v1/chat/completions"),
            ("/api/chat/completions", "/v1/chat/completions"),
            ("/api/v1//chat/completions/", "/v1/chat/completions"),
            ("/v1/managed-chat/chat/completions", "/v1/managed/chat/completions"),
            ("/admin/monitoring/dashboard", "/v1/admin/monitoring/dashboard"),
            ("/api/admin/monitoring/dashboard", "/v1/admin/monitoring/dashboard"),
            ("/v1/admin/auth/login/json", "/v1/admin/auth/login"),
            ("/v1/auth/login-json", "/v1/auth/login"),
            ("/v1/users/me", "/v1/auth/me"),
            ("/v1/api-keys", "/v1/settings/api-keys"),
            ("/v1/api-keys/7/usage", "/v1/settings/api-keys/7/usage"),
            ("/v1/public/emails/templates", "/v1/emails/templates"),
            ("/api/health", "/health"),
            ("/v1/health", "/health"),
            ("/v1/health/detailed", "/v1/health/detailed"),
            ("/api/health/detailed", "/v1/health/detailed"),
            ("/v1/metrics/prometheus", "/metrics"),
            ("/api/metrics/summary", "/v1/metrics/summary"),
            ("/docs", "/docs"),
            ("/docs/", "/docs/"),
            ("/docs/api/openapi.yaml", "/docs/api/openapi.yaml"),
            ("/openapi.json", "/openapi.json"),
            ("/api/openapi.json", "/openapi.json"),
            ("/.well-known/jwks.json", "/.well-known/jwks.json"),
            ("/verify-email", "/v1/auth/verify-email"),
            ("/", "/"),
            ("/nowhere", "/nowhere"),
        ] {
            assert_eq!(canonical(spelling), path, "{spelling}");
        }
    }

    #[test]
    fn the_query_stays() {
        let request = Request::builder().uri("/api/v1/models?limit=2").body(Body::empty()).unwrap();

        assert_eq!(normalise(request).uri(), "/v1/models?limit=2");
    }

    #[test]
    fn every_alias_leads_to_a_name_of_its_own() {
        for (alias, name) in ALIASES {
            assert_eq!(canonical(alias), name);
            assert_eq!(canonical(name), name);
        }
    }
}
