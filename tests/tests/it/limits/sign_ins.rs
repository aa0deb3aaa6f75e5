//! Why somebody was refused: in full for administrators, as far as it is good to know for the person.

use reqwest::Response;
use serde_json::{Value, json};
use tests::{Program, Setup, json};

use crate::person::{PASSWORD, Person};

const ADMIN: &str = "admin@example.org";
const ADA: &str = "ada@example.org";
const WRONG: &str = "not the right password";

struct Scene {
    program: Program,
    admin: Person,
    ada: Person,
}

impl Scene {
    /// Ada registered; then two wrong passwords and one attempt too many.
    async fn set() -> anyhow::Result<Self> {
        let program = Setup::default()
            .with("ANNALS_ADMIN_EMAIL", ADMIN)
            .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
            .with("ANNALS_TRUSTED_PROXIES", "127.0.0.0/8")
            .with("ANNALS_RATE_LIMITS", "sign-in-account=2/900")
            .start()
            .await?;
        let ada = Person::register(&program, ADA).await?;
        let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
        for (agent, status) in [("curl/8.5.0", 401), ("Mozilla/5.0", 401), ("curl/8.5.0", 429)] {
            let answer = attempt(&program, ADA, agent).await?;
            assert_eq!(answer.status(), status);
        }
        Ok(Self { program, admin, ada })
    }

    /// What somebody is answered, once everything that happened can be read.
    async fn ask(&self, who: &Person, path: &str) -> anyhow::Result<Value> {
        let standing = self.admin.asks(self.program.get("/v1/admin/projections"));
        let standing = json(standing.send().await?, 200).await?;
        let head = standing["data"]["log_position"].to_string();
        let request = who.asks(self.program.get(path)).header("x-log-position", head);
        json(request.send().await?, 200).await
    }
}

async fn attempt(program: &Program, email: &str, agent: &str) -> anyhow::Result<Response> {
    let body = json!({ "email": email, "password": WRONG });
    let request = program.post("/v1/auth/login", &body).header("x-forwarded-for", "203.0.113.7");
    Ok(request.header("user-agent", agent).send().await?)
}

/// Outcome, reason and what decided, of all items.
fn told(answer: &Value) -> Vec<[String; 3]> {
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|it| ["outcome", "reason", "decided_by"].map(|field| text(it, field)))
        .collect()
}

#[tokio::test]
async fn an_administrator_is_told_why_and_what_decided() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let path = format!("/v1/admin/sign-ins?user_id={}", scene.ada.id);

    let answer = scene.ask(&scene.admin, &path).await?;

    assert_eq!(
        told(&answer),
        [
            ["refused", "too_many_attempts", "limit_for_strangers"],
            ["refused", "wrong_password", "password"],
            ["refused", "wrong_password", "password"],
            ["signed_in", "register", "credentials"],
        ]
    );
    assert_eq!(answer["items"][0]["address"], "203.0.113.7");
    assert_eq!(answer["items"][1]["device"], "Mozilla/5.0");
    Ok(())
}

#[tokio::test]
async fn attempts_are_found_by_reason_address_device_and_what_decided() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    for (filter, found) in [
        ("reason=wrong_password", 2),
        ("reason=too_many_attempts", 1),
        ("outcome=refused", 3),
        ("outcome=signed_in&address=203.0.113.7", 0),
        ("address=::ffff:203.0.113.7", 3),
        ("address=203.0.113.8", 0),
        ("device=CURL&outcome=refused", 2),
        ("decided_by=limit_for_strangers", 1),
        ("outcome=refused&limit=2", 2),
        ("reason='%20or%201=1%20--", 0),
    ] {
        let answer = scene.ask(&scene.admin, &format!("/v1/admin/sign-ins?{filter}")).await?;
        assert_eq!(told(&answer).len(), found, "{filter}: {answer}");
    }
    let first = scene.ask(&scene.admin, "/v1/admin/sign-ins?outcome=refused&limit=2").await?;
    let next = format!("/v1/admin/sign-ins?outcome=refused&before={}", first["next"]);
    assert_eq!(told(&scene.ask(&scene.admin, &next).await?).len(), 1);
    let odd = scene.admin.asks(scene.program.get("/v1/admin/sign-ins?address=nowhere"));
    json(odd.send().await?, 422).await?;
    Ok(())
}

#[tokio::test]
async fn a_person_is_told_less_and_only_of_their_own_account() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    attempt(&scene.program, ADMIN, "curl/8.5.0").await?;

    let answer = scene.ask(&scene.ada, "/v1/auth/sign-ins").await?;

    assert_eq!(told(&answer).len(), 4);
    assert_eq!(answer["items"][0]["network"], "203.0.113.0/24");
    assert_eq!(answer["items"][0]["reason"], "too_many_attempts");
    let text = answer.to_string();
    for secret in ["203.0.113.7", "decided_by", "request_id", "user_id"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let refused = scene.ada.asks(scene.program.get("/v1/admin/sign-ins")).send().await?;
    json(refused, 403).await?;
    let nobody = scene.program.get("/v1/auth/sign-ins").send().await?;
    json(nobody, 401).await?;
    Ok(())
}

#[tokio::test]
async fn an_address_without_an_account_leaves_nothing_behind() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let before = scene.ask(&scene.admin, "/v1/admin/projections").await?;

    for _ in 0..4 {
        attempt(&scene.program, "nobody@example.org", "a strange agent").await?;
    }

    let after = scene.ask(&scene.admin, "/v1/admin/projections").await?;
    assert_eq!(before["data"]["log_position"], after["data"]["log_position"]);
    Ok(())
}

#[tokio::test]
async fn outcomes_are_counted_by_reason() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    let request = scene.admin.asks(scene.program.get("/metrics"));
    let metrics = request.send().await?.text().await?;

    let count = |outcome: &str| {
        let start = format!("annals_sign_ins_total{{outcome=\"{outcome}\",device=\"new\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    };
    assert_eq!(count("invalid_credentials").as_deref(), Some("2"), "{metrics}");
    assert_eq!(count("sign-in-account").as_deref(), Some("1"));
    assert_eq!(count("accepted").as_deref(), Some("1"));
    Ok(())
}

/// The program with a process of its own for the read models, which can be stopped.
#[tokio::test]
async fn decisions_stay_right_while_the_read_models_stand_still() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let pool = sqlx::PgPool::connect(&scene.program.database_url()).await?;
    // As long as this is held, no projection can move.
    let mut standstill = pool.begin().await?;
    sqlx::query("select from read.projection for update").execute(&mut *standstill).await?;

    let eve = Person::register(&scene.program, "eve@example.org").await?;
    json(eve.asks(scene.program.post("/v1/auth/logout", &json!({}))).send().await?, 200).await?;
    assert_eq!(
        eve.asks(scene.program.get("/v1/settings/communication")).send().await?.status(),
        401
    );
    let refresh = json!({ "refresh_token": eve.refresh });
    let late = scene.program.post("/v1/auth/refresh", &refresh).send().await?;
    assert_eq!(late.status(), 401);
    let again = Person::sign_in(&scene.program, "eve@example.org", PASSWORD).await?;
    assert_eq!(attempt(&scene.program, "eve@example.org", "x").await?.status(), 401);
    assert_eq!(attempt(&scene.program, "eve@example.org", "x").await?.status(), 401);
    assert_eq!(attempt(&scene.program, "eve@example.org", "x").await?.status(), 429);
    let failures: i64 = sqlx::query_scalar(
        "select count(*) from log.event e join log.event_type t using (type_id)
        where t.name in ('login.failed', 'login.refused')",
    )
    .fetch_one(&pool)
    .await?;
    assert_eq!(failures, 6, "refused requests are in the log all the same");

    standstill.rollback().await?;
    let own = scene.ask(&again, "/v1/auth/sign-ins?outcome=refused").await?;
    assert_eq!(told(&own).len(), 3);
    Ok(())
}
