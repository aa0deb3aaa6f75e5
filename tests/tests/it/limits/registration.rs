//! Opening accounts in bulk, from one network.

use futures_util::future::join_all;
use reqwest::Response;
use serde_json::json;
use tests::{Program, Setup, json};

use crate::person::PASSWORD;

/// Three an hour, and a proxy that says where clients are.
fn setup() -> Setup {
    Setup::default()
        .with("ANNALS_REGISTRATION_LIMIT", "3")
        .with("ANNALS_TRUSTED_PROXIES", "127.0.0.0/8")
}

/// Somebody new registers from an address.
async fn register(program: &Program, name: &str, address: &str) -> anyhow::Result<Response> {
    let body = json!({ "email": format!("{name}@example.org"), "password": PASSWORD });
    let request = program.post("/v1/auth/register", &body);
    Ok(request.header("x-forwarded-for", address).send().await?)
}

#[tokio::test]
async fn parallel_registrations_cannot_pass_the_limit_together() -> anyhow::Result<()> {
    let program = setup().start().await?;

    let names: Vec<String> = (0..20).map(|number| format!("p{number}")).collect();
    let answers = names.iter().map(|name| register(&program, name, "203.0.113.9"));
    let answers: Vec<_> = join_all(answers).await.into_iter().collect::<Result<_, _>>()?;

    let opened = answers.iter().filter(|answer| answer.status() == 201).count();
    let refused = answers.iter().filter(|answer| answer.status() == 429).count();
    assert_eq!((opened, refused), (3, 17));
    Ok(())
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back() -> anyhow::Result<()> {
    let program = setup().start().await?;
    for name in ["a", "b", "c"] {
        json(register(&program, name, "203.0.113.9").await?, 201).await?;
    }

    let refused = register(&program, "d", "203.0.113.9").await?;

    let header = |name: &str| refused.headers()[name].to_str().unwrap_or_default().to_owned();
    let wait: u32 = header("retry-after").parse()?;
    assert!((1..=1200).contains(&wait), "{wait}");
    assert_eq!(header("ratelimit-policy"), "\"registration\";q=3;w=3600");
    assert_eq!(header("ratelimit"), format!("\"registration\";r=0;t={wait}"));
    let problem = json(refused, 429).await?;
    assert_eq!(problem["code"], "too_many_attempts");
    Ok(())
}

#[tokio::test]
async fn one_network_is_counted_once_however_it_is_spelt() -> anyhow::Result<()> {
    let program = setup().start().await?;

    for (name, address) in [
        ("a", "2001:db8::1"),
        ("b", "[2001:DB8:0:0:ffff::2]"),
        ("c", "1.2.3.4, 2001:0db8:0000:0000:0000:0000:0000:0003"),
    ] {
        json(register(&program, name, address).await?, 201).await?;
    }

    let neighbour = register(&program, "d", "2001:db8::4").await?;
    assert_eq!(neighbour.status(), 429);
    let stranger = register(&program, "e", "2001:db8:0:1::1").await?;
    assert_eq!(stranger.status(), 201);
    for (name, address) in [("f", "192.0.2.1"), ("g", "::ffff:192.0.2.1"), ("h", "192.0.2.1:99")] {
        json(register(&program, name, address).await?, 201).await?;
    }
    let mapped = register(&program, "i", "[::ffff:c000:201]:443").await?;
    assert_eq!(mapped.status(), 429);
    Ok(())
}

#[tokio::test]
async fn whoever_is_no_proxy_cannot_choose_an_address() -> anyhow::Result<()> {
    let program = Setup::default().with("ANNALS_REGISTRATION_LIMIT", "3").start().await?;

    for (name, address) in [("a", "1.1.1.1"), ("b", "2.2.2.2"), ("c", "3.3.3.3")] {
        json(register(&program, name, address).await?, 201).await?;
    }

    let disguised = register(&program, "d", "4.4.4.4").await?;
    assert_eq!(disguised.status(), 429);
    Ok(())
}

#[tokio::test]
async fn two_processes_and_a_restart_count_together() -> anyhow::Result<()> {
    let mut program = setup().start().await?;
    let twin = program.twin()?.start().await?;
    json(register(&program, "a", "203.0.113.9").await?, 201).await?;
    json(register(&twin, "b", "203.0.113.9").await?, 201).await?;
    program.restart().await?;

    json(register(&program, "c", "203.0.113.9").await?, 201).await?;

    for one in [&program, &twin] {
        assert_eq!(register(one, "d", "203.0.113.9").await?.status(), 429);
    }
    Ok(())
}

#[tokio::test]
async fn nobody_can_be_told_from_what_is_counted() -> anyhow::Result<()> {
    let program = setup().start().await?;
    json(register(&program, "ada", "203.0.113.9").await?, 201).await?;
    let body = json!({ "email": "ada@example.org" });
    json(program.post("/v1/auth/resend-verification", &body).send().await?, 200).await?;

    let pool = sqlx::PgPool::connect(&program.database_url()).await?;
    let keys: Vec<Vec<u8>> =
        sqlx::query_scalar("select key from work.rate_limit").fetch_all(&pool).await?;

    assert_eq!(keys.len(), 2);
    for key in keys {
        let text = String::from_utf8_lossy(&key).into_owned();
        assert!(key.len() == 32 && !text.contains("ada") && !text.contains("203"), "{text}");
    }
    Ok(())
}
