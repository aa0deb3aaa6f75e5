//! Finding out who asks, from the headers that clients send.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use commands::Caller;

use crate::{App, area, context, problem::Problem};

/// A caller who is an administrator, and may say why in `X-Reason`.
pub(crate) struct Admin(pub Caller);

/// Whoever asks, signed in or not. Only a program is refused, before anything else is looked at, where
/// programs may not go.
pub(crate) struct Visitor(pub Result<Caller, Problem>);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = identify(parts, app).await?;
        area::admit(&caller, &parts.method, parts.uri.path())?;
        Ok(caller)
    }
}

/// Who asks, whether or not they may ask for this.
pub(crate) async fn identify(parts: &Parts, app: &App) -> Result<Caller, Problem> {
    if let Some(caller) = parts.extensions.get::<Caller>() {
        return Ok(caller.clone());
    }
    let mut refusal = Problem::anonymous();
    // A valid Bearer wins; an API key is only looked at when there is none.
    for credential in credentials(&parts.headers) {
        match app.commands.authenticate(credential, context::origin(parts, app)).await {
            Ok(caller) => return Ok(caller),
            Err(error) => refusal = error.into(),
        }
    }
    Err(refusal)
}

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let mut caller = Caller::from_request_parts(parts, app).await?;
        caller.admin()?;
        caller.origin.reason = context::reason(&parts.headers)?;
        Ok(Self(caller))
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        match Caller::from_request_parts(parts, app).await {
            Err(refusal) if refusal.status != StatusCode::UNAUTHORIZED => Err(refusal),
            known => Ok(Self(known)),
        }
    }
}

/// What a request shows, the better proof first.
fn credentials(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let key = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    bearer(headers).into_iter().chain(key.map(str::trim)).filter(|text| !text.is_empty())
}

/// The credential of an `Authorization: Bearer` header; of two such headers neither counts.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let (scheme, credential) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credential.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn shown(headers: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        credentials(&map).map(str::to_owned).collect()
    }

    #[test]
    fn a_bearer_comes_before_a_key() {
        let both = [("x-api-key", "ak_1_2"), ("authorization", "bearer  token")];

        assert_eq!(shown(&both), ["token", "ak_1_2"]);
    }

    #[test]
    fn other_schemes_and_empty_headers_show_nothing() {
        for value in ["Basic dXNlcg==", "Bearer", "Bearer ", ""] {
            assert!(shown(&[("authorization", value), ("x-api-key", " ")]).is_empty(), "{value}");
        }
    }
}
