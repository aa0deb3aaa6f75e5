//! What a key can be used for: which area of the API a route belongs to, and whether keys may go there.
//!
//! Asked whenever a caller is found out, so that no route can forget it; what is not named here is
//! closed to keys.

use axum::http::Method;
use commands::{Caller, Credential};
use domain::api_key::Scope;
use utoipa::openapi::{
    OpenApi, SecurityRequirement,
    path::{Operation, PathItem},
};

use crate::problem::Problem;

/// Areas by the beginning of a path and by method: the first that fits decides. `*` stands for one
/// segment, `$` for the end.
const AREAS: [(&str, Methods, Area); 24] = [
    // Keys and credentials, of whomever: keys touch none.
    ("/v1/settings/api-keys", Methods::Reading, Area::Of(Scope::Account)),
    ("/v1/settings/api-keys", Methods::All, Area::People),
    ("/v1/settings/provider-keys", Methods::All, Area::People),
    ("/v1/admin/keys", Methods::Reading, Area::Of(Scope::Admin)),
    ("/v1/admin/keys", Methods::All, Area::People),
    ("/v1/admin/users/*/reset-two-factor", Methods::All, Area::People),
    ("/v1/admin/users/*/reset-password", Methods::All, Area::People),
    ("/v1/auth/me", Methods::All, Area::Of(Scope::Account)),
    ("/v1/auth", Methods::Reading, Area::Of(Scope::Account)),
    ("/v1/auth", Methods::All, Area::People),
    ("/v1/settings", Methods::All, Area::Of(Scope::Settings)),
    ("/v1/notifications", Methods::Reading, Area::Of(Scope::Notifications)),
    // Telling others something.
    ("/v1/notifications/$", Methods::All, Area::Of(Scope::Admin)),
    ("/v1/notifications/bulk/create", Methods::All, Area::Of(Scope::Admin)),
    ("/v1/notifications", Methods::All, Area::Of(Scope::Notifications)),
    ("/v1/admin", Methods::All, Area::Of(Scope::Admin)),
    ("/v1/metrics", Methods::All, Area::Of(Scope::Admin)),
    ("/metrics", Methods::All, Area::Of(Scope::Admin)),
    ("/v1/chat", Methods::All, Area::Of(Scope::Chat)),
    ("/v1/managed", Methods::All, Area::Of(Scope::Chat)),
    ("/v1/messages", Methods::All, Area::Of(Scope::Chat)),
    ("/v1/models", Methods::All, Area::Of(Scope::Chat)),
    ("/v1/tools", Methods::All, Area::Of(Scope::Chat)),
    ("/v1/credits", Methods::All, Area::Of(Scope::Chat)),
];

/// Who may go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Area {
    /// People who have signed in, and no keys.
    People,
    /// People, and keys with the scope.
    Of(Scope),
}

#[derive(Clone, Copy)]
enum Methods {
    All,
    /// Those that change nothing.
    Reading,
}

/// Refuses a key where it may not go.
pub(crate) fn admit(caller: &Caller, method: &Method, path: &str) -> Result<(), Problem> {
    match (&caller.credential, area(method, path)) {
        (Credential::Session(_), _) => Ok(()),
        (Credential::ApiKey { .. }, Area::People) => Ok(caller.session().map(drop)?),
        (Credential::ApiKey { .. }, Area::Of(scope)) => Ok(caller.scope(scope.name())?),
    }
}

fn area(method: &Method, path: &str) -> Area {
    let is_reading = [Method::GET, Method::HEAD].contains(method);
    let found = AREAS.iter().find(|(start, methods, _)| {
        (is_reading || matches!(methods, Methods::All)) && is_below(path, start)
    });
    found.map_or(Area::People, |(.., area)| *area)
}

fn is_below(path: &str, start: &str) -> bool {
    let mut segments = path.split('/');
    start.split('/').all(|wanted| match segments.next() {
        Some(segment) => wanted == "*" || wanted == segment,
        None => wanted == "$",
    })
}

/// Says of each operation what it takes: signing in, or a key with a scope.
pub(crate) fn describe(openapi: &mut OpenApi) {
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            // Those that say something themselves are open to everybody.
            if operation.security.is_none() {
                operation.security = Some(requirements(area(&method, path)));
            }
        }
    }
}

fn requirements(area: Area) -> Vec<SecurityRequirement> {
    let person = SecurityRequirement::new("bearer", [""; 0]);
    match area {
        Area::People => vec![person],
        Area::Of(scope) => vec![person, SecurityRequirement::new("api_key", [scope.name()])],
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [
        (Method::GET, get),
        (Method::POST, post),
        (Method::PUT, put),
        (Method::PATCH, patch),
        (Method::DELETE, delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_first_area_that_fits() {
        for (method, path, expected) in [
            (Method::GET, "/v1/auth/me", Area::Of(Scope::Account)),
            (Method::PATCH, "/v1/auth/me", Area::Of(Scope::Account)),
            (Method::GET, "/v1/auth/sessions", Area::Of(Scope::Account)),
            (Method::DELETE, "/v1/auth/sessions", Area::People),
            (Method::POST, "/v1/auth/2fa/disable", Area::People),
            (Method::GET, "/v1/settings/api-keys/7/usage", Area::Of(Scope::Account)),
            (Method::POST, "/v1/settings/api-keys/7/rotate", Area::People),
            (Method::PUT, "/v1/settings/communication", Area::Of(Scope::Settings)),
            (Method::GET, "/v1/admin/keys", Area::Of(Scope::Admin)),
            (Method::POST, "/v1/admin/keys", Area::People),
            (Method::POST, "/v1/admin/users/7/reset-password", Area::People),
            (Method::GET, "/v1/admin/users/7", Area::Of(Scope::Admin)),
            (Method::POST, "/v1/chat/completions", Area::Of(Scope::Chat)),
            (Method::GET, "/v1/notifications", Area::Of(Scope::Notifications)),
            (Method::POST, "/v1/notifications", Area::Of(Scope::Admin)),
            (Method::POST, "/v1/notifications/mark-all-read", Area::Of(Scope::Notifications)),
            (Method::GET, "/v1/chatter", Area::People),
            (Method::GET, "/v1/nothing", Area::People),
            (Method::GET, "/", Area::People),
        ] {
            assert_eq!(area(&method, path), expected, "{method} {path}");
        }
    }
}
