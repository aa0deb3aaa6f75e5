//! No route forgets the scope of its area: all that the description of the API names are tried.

use anyhow::Context;
use serde_json::{Value, json};
use tests::json;

use super::Scene;

const SCOPES: [&str; 5] = ["account", "admin", "chat", "notifications", "settings"];

/// What a key needs: written down here once more, by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    Scope(&'static str),
    /// No key will do.
    Person,
}

fn needed(method: &str, path: &str) -> Needs {
    let is_reading = method == "get";
    match path.split('/').skip(2).collect::<Vec<_>>().as_slice() {
        ["api-keys", ..] | ["settings", "api-keys", ..] if is_reading => Needs::Scope("account"),
        ["api-keys", ..]
        | ["settings", "api-keys", ..]
        | ["admin", "users", _, "reset-two-factor" | "reset-password"] => Needs::Person,
        ["settings", ..] => Needs::Scope("settings"),
        ["users" | "auth", "me"] => Needs::Scope("account"),
        ["auth", ..] if is_reading => Needs::Scope("account"),
        ["auth", ..] | ["admin", "auth", "logout"] => Needs::Person,
        ["notifications"] | ["notifications", "bulk", "create"] if !is_reading => {
            Needs::Scope("admin")
        }
        ["notifications", ..] => Needs::Scope("notifications"),
        ["admin", "keys", ..] if !is_reading => Needs::Person,
        ["admin" | "metrics" | "monitoring", ..] | [] => Needs::Scope("admin"),
        _ => Needs::Scope("chat"),
    }
}

struct Route {
    method: String,
    path: String,
    security: Value,
}

impl Route {
    /// What the description says that a key needs.
    fn described(&self) -> anyhow::Result<Needs> {
        let all = self.security.as_array().context("it says nothing")?;
        let Some(key) = all.iter().find_map(|one| one.get("api_key")) else {
            return Ok(Needs::Person);
        };
        let named = SCOPES.into_iter().find(|scope| *key == json!([scope]));
        named.map(Needs::Scope).with_context(|| format!("which scope is {key}?"))
    }
}

/// All routes that are not open to everybody.
async fn routes(scene: &Scene) -> anyhow::Result<Vec<Route>> {
    let document = json(scene.program.get("/openapi.json").send().await?, 200).await?;
    let mut routes = vec![];
    for (path, item) in document["paths"].as_object().context("no paths")? {
        for method in ["get", "post", "put", "patch", "delete"] {
            let security = item[method]["security"].clone();
            let is_open = security == json!([{}]);
            if item[method].is_object() && !is_open {
                routes.push(Route { method: method.to_owned(), path: path.clone(), security });
            }
        }
    }
    Ok(routes)
}

/// The status and the code with which a key is answered.
async fn answered(scene: &Scene, route: &Route, key: &str) -> anyhow::Result<(u16, String)> {
    let mut path = String::new();
    for part in route.path.split_inclusive(['{', '}']) {
        match part.strip_suffix('}') {
            Some(_) => path.push_str("00000000-0000-7000-8000-00000000dead"),
            None => path.push_str(part.trim_end_matches('{')),
        }
    }
    let program = &scene.program;
    // Where a key is only looked at after the body, this one is understood.
    let body = json!({ "code": "123456" });
    let request = match route.method.as_str() {
        "get" => program.get(&path),
        "post" => program.post(&path, &body),
        "put" => program.put(&path, &body),
        "patch" => program.patch(&path, &body),
        _ => program.delete(&path),
    };
    let answer = request.header("X-API-Key", key).send().await?;
    let status = answer.status().as_u16();
    if status < 400 {
        return Ok((status, String::new()));
    }
    let body: Value = answer.json().await?;
    Ok((status, body["code"].as_str().unwrap_or_default().to_owned()))
}

#[tokio::test]
async fn every_route_refuses_a_key_without_the_scope_of_its_area() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let mut lacking = vec![];
    for scope in SCOPES {
        let others: Vec<_> = SCOPES.into_iter().filter(|other| *other != scope).collect();
        let new = json!({ "name": scope, "scopes": others });
        lacking.push((scope, scene.key(&scene.admin, &new).await?.0));
    }
    let (all, _) = scene.key(&scene.admin, &json!({ "name": "all", "scopes": SCOPES })).await?;
    let (free, _) = scene.key(&scene.admin, &json!({ "name": "free" })).await?;
    let routes = routes(&scene).await?;
    assert!(routes.len() > 80, "{} routes", routes.len());

    for route in &routes {
        let (needed, name) =
            (needed(&route.method, &route.path), format!("{} {}", route.method, route.path));
        assert_eq!(route.described().context(name.clone())?, needed, "{name} is described so");
        let (keys, code) = match needed {
            Needs::Person => (vec![&all, &free], "session_required"),
            Needs::Scope(scope) => {
                let key = lacking.iter().find(|(lacks, _)| *lacks == scope).context("no key")?;
                (vec![&key.1], "insufficient_scope")
            }
        };
        for key in keys {
            let refusal = answered(&scene, route, key).await?;
            assert_eq!(refusal, (403, code.to_owned()), "{name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_with_the_scope_of_an_area_may_go_there() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    for scope in SCOPES {
        let new = json!({ "name": scope, "scopes": [scope] });
        let (key, _) = scene.key(&scene.admin, &new).await?;
        for route in routes(&scene).await? {
            let is_stream = route.path.ends_with("/stream") || route.path.ends_with("/export");
            let is_meant = needed(&route.method, &route.path) == Needs::Scope(scope);
            if !is_meant || is_stream || route.method == "delete" {
                continue;
            }
            let (status, code) = answered(&scene, &route, &key).await?;
            let name = format!("{} {}: {status} {code}", route.method, route.path);
            assert!(
                status != 401 && code != "insufficient_scope" && code != "session_required",
                "{name}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_scope_that_does_not_exist_is_refused_with_those_that_do() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    for unknown in ["everything", "*", "Chat", "chat ", ""] {
        let new = json!({ "name": "ci", "scopes": ["chat", unknown] });
        let made = scene.ada.asks(scene.program.post("/v1/settings/api-keys", &new));
        let refused = json(made.send().await?, 422).await?;
        assert_eq!(refused["errors"][0]["pointer"], "/scopes/1", "{refused}");
    }
    let many = json!({ "name": "ci", "scopes": vec!["chat"; 33] });
    let made = scene.ada.asks(scene.program.post("/v1/settings/api-keys", &many));
    json(made.send().await?, 422).await?;
    Ok(())
}

#[tokio::test]
async fn a_key_tells_of_its_person_nowhere_without_the_scope() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let (chat, _) = scene.key(&scene.ada, &json!({ "name": "ci", "scopes": ["chat"] })).await?;
    let (account, _) =
        scene.key(&scene.ada, &json!({ "name": "ci", "scopes": ["account"] })).await?;

    let ask = |token: &str| scene.program.post("/v1/auth/verify-token", &json!({ "token": token }));

    json(ask(&chat).send().await?, 403).await?;
    json(ask(&account).send().await?, 200).await?;
    // The idempotency of requests changes nothing about who may make them.
    let change = json!({ "title": "t", "message": "m", "type": "info", "user_id": scene.ada.id });
    for _ in 0..2 {
        let post = scene.program.post("/v1/notifications", &change).header("X-API-Key", &chat);
        json(post.header("Idempotency-Key", "again").send().await?, 403).await?;
    }
    Ok(())
}
