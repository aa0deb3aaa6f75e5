//! The description of all routes: `OpenAPI` 3.1, made from the code.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
        server::Server,
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    area, idempotency,
    path::ALIASES,
    problem::{ErrorBody, FieldError, ProblemBody},
    router,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Annals",
        description = "Accounts, settings, agentic chat completions and monitoring, event sourced. \
            Errors are `application/problem+json`. Writes answer `X-Log-Position`; a read that \
            sends it back sees what was written. Every path may also start with `/api`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemBody, FieldError, ErrorBody)),
    modifiers(&Schemes),
    security(("bearer" = []), ("api_key" = [])),
)]
struct Base;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        components.add_security_scheme("bearer", bearer);
        components.add_security_scheme("api_key", key);
        openapi.servers = Some(vec![Server::new("/")]);
    }
}

/// What the routes are added to.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The description of all routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut openapi = router::routes().into_openapi();
    // The router's word for "the rest of the path" is not one of OpenAPI's.
    let paths = std::mem::take(&mut openapi.paths.paths);
    openapi.paths.paths =
        paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    idempotency::describe(&mut openapi);
    area::describe(&mut openapi);
    for (alias, name) in ALIASES {
        add_alias(&mut openapi, alias, name);
    }
    for rest in ["{id}", "{id}/regenerate", "{id}/rotate", "{id}/usage"] {
        let [alias, name] = ["", "settings/"].map(|it| format!("/v1/{it}api-keys/{rest}"));
        add_alias(&mut openapi, &alias, &name);
    }
    openapi
}

/// Names a route a second time, with operation ids of its own.
fn add_alias(openapi: &mut utoipa::openapi::OpenApi, alias: &str, name: &str) {
    let Some(mut item) = openapi.paths.paths.get(name).cloned() else { return };
    let suffix = alias.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
    for operation in operations.into_iter().flatten() {
        let id = operation.operation_id.take().unwrap_or_default();
        operation.operation_id = Some(format!("{id}{suffix}"));
        operation.description = Some(format!("The same as `{name}`."));
    }
    openapi.paths.paths.insert(alias.to_owned(), item);
}

/// The description in both forms, and a page to browse it.
pub(crate) fn pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let openapi = openapi();
    let json = openapi.to_json().unwrap_or_default();
    let yaml = openapi.to_yaml().unwrap_or_default();
    Router::new()
        .route("/openapi.json", get(|| async { text("application/json", json) }))
        .route("/docs/api/openapi.yaml", get(|| async { text("application/yaml", yaml) }))
        .merge(SwaggerUi::new("/docs").config(Config::from("/openapi.json")))
}

fn text(kind: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api/openapi.yaml");

    #[test]
    fn the_description_in_the_repository_is_that_of_the_code() {
        let current = openapi().to_yaml().unwrap();
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(FILE, &current).unwrap();
        }

        let committed = std::fs::read_to_string(FILE).unwrap_or_default();

        assert!(
            committed == current,
            "docs/api/openapi.yaml is stale: UPDATE_OPENAPI=1 cargo test -p api writes it anew"
        );
    }

    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let openapi = openapi();
        let mut seen = std::collections::HashSet::new();

        for (path, item) in &openapi.paths.paths {
            for operation in [&item.get, &item.post, &item.put, &item.delete].into_iter().flatten()
            {
                let id = operation.operation_id.clone().unwrap_or_default();
                assert!(seen.insert(id.clone()), "{path}: {id} stands twice");
                assert!(operation.summary.is_some(), "{path} has no summary");
            }
        }
    }

    #[test]
    fn every_alias_is_described() {
        let openapi = openapi();

        for (alias, _) in ALIASES {
            assert!(openapi.paths.paths.contains_key(alias), "{alias}");
        }
    }
}
