//! Keys of access tokens are changed while the program runs, in all processes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;
use tests::{Program, Setup, json};

use crate::{
    person::{PASSWORD, Person},
    projections::running::eventually,
};

/// All processes of a service are known by one address: it is the issuer of tokens.
fn setup() -> Setup {
    Setup::default().with("ANNALS_PUBLIC_URL", "http://annals.example")
}

/// Runs `annals keys ..` and returns the lines it prints.
fn keys(program: &Program, arguments: &[&str]) -> anyhow::Result<Vec<String>> {
    let done = program.run(&[&["keys"], arguments].concat())?;
    anyhow::ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?.lines().map(str::to_owned).collect())
}

/// The names of the keys that are published.
async fn published(program: &Program) -> anyhow::Result<Vec<String>> {
    let set = json(program.get("/.well-known/jwks.json").send().await?, 200).await?;
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    Ok(keys.iter().map(|key| key["kid"].as_str().unwrap_or_default().to_owned()).collect())
}

/// The key that a token names.
fn kid(token: &str) -> anyhow::Result<String> {
    let header = token.split('.').next().unwrap_or_default();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    Ok(header["kid"].as_str().unwrap_or_default().to_owned())
}

async fn opens(program: &Program, access: &str) -> anyhow::Result<bool> {
    let me = program.get("/v1/auth/me").bearer_auth(access).send().await?;
    anyhow::ensure!(matches!(me.status(), StatusCode::OK | StatusCode::UNAUTHORIZED));
    Ok(me.status().is_success())
}

/// Signs in until another key than `old` signs.
async fn signed_anew(program: &Program, old: &str) -> anyhow::Result<Person> {
    loop {
        let person = Person::sign_in(program, "ada@example.org", PASSWORD).await?;
        if kid(&person.access)? != old {
            return Ok(person);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn an_old_key_verifies_as_long_as_its_tokens_live_and_then_leaves() -> anyhow::Result<()> {
    let program = setup().start().await?;
    let twin = program.twin()?.start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let old = kid(&ada.access)?;
    assert_eq!(published(&program).await?, [&*old]);

    keys(&program, &["rotate", "--wait", "1s"])?;

    let anew = signed_anew(&twin, &old).await?;
    let both = [kid(&anew.access)?, old.clone()];
    for one in [&program, &twin] {
        eventually("both keys are published", || async { Ok(published(one).await? == both) })
            .await?;
        assert!(opens(one, &ada.access).await? && opens(one, &anew.access).await?);
    }
    let pool = PgPool::connect(&program.database_url()).await?;
    let rest: f64 = sqlx::query_scalar(
        "select extract(epoch from verifies_until - clock_timestamp())::float8
        from vault.signing_key where verifies_until is not null",
    )
    .fetch_one(&pool)
    .await?;
    assert!((900.0..=961.0).contains(&rest), "as long as its tokens live: {rest}");
    sqlx::query("update vault.signing_key set verifies_until = now() where verifies_until > now()")
        .execute(&pool)
        .await?;
    for one in [&program, &twin] {
        eventually("it leaves", || async { Ok(published(one).await? == both[..1]) }).await?;
        assert!(!opens(one, &ada.access).await? && opens(one, &anew.access).await?);
    }
    let refresh = json!({ "refresh_token": ada.refresh });
    let next = json(program.post("/v1/auth/refresh", &refresh).send().await?, 200).await?;
    assert!(opens(&twin, next["access_token"].as_str().unwrap_or_default()).await?);
    Ok(())
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_caches_know_how_long() -> anyhow::Result<()> {
    let mut program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let old = kid(&ada.access)?;

    let said = keys(&program, &["rotate"])?;

    assert!(said.len() == 2 && said[0].contains("signs from"), "{said:?}");
    eventually("both", || async { Ok(published(&program).await?.len() == 2) }).await?;
    let set = program.get("/.well-known/jwks.json").send().await?;
    assert_eq!(set.headers()["cache-control"], "public, max-age=300");
    let again = Person::sign_in(&program, "ada@example.org", PASSWORD).await?;
    assert_eq!(kid(&again.access)?, old);
    let master = program.run(&["keys", "rotate-master"])?;
    assert!(master.status.success(), "{}", String::from_utf8_lossy(&master.stderr));
    program.restart().await?;
    assert_eq!(published(&program).await?.len(), 2);
    assert!(opens(&program, &ada.access).await?);
    assert_eq!(keys(&program, &["list"])?, said);
    Ok(())
}

#[tokio::test]
async fn a_key_that_somebody_knows_verifies_nothing_any_more() -> anyhow::Result<()> {
    let mut program = setup().start().await?;
    let twin = program.twin()?.start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    keys(&program, &["rotate", "--wait", "1h"])?;

    let said = keys(&program, &["rotate", "--now"])?;

    assert!(said.len() == 1 && said[0].ends_with("signs"), "{said:?}");
    for one in [&program, &twin] {
        eventually("dead", || async { Ok(!opens(one, &ada.access).await?) }).await?;
        assert_eq!(published(one).await?.len(), 1);
    }
    let refresh = json!({ "refresh_token": ada.refresh });
    let next = json(twin.post("/v1/auth/refresh", &refresh).send().await?, 200).await?;
    let next = next["access_token"].as_str().unwrap_or_default();
    assert!(said[0].starts_with(&kid(next)?), "{said:?}, not {}", kid(next)?);
    assert!(opens(&program, next).await?);
    drop(twin);
    program.restart().await?;
    assert!(opens(&program, next).await? && !opens(&program, &ada.access).await?);
    Ok(())
}

#[tokio::test]
async fn a_token_of_a_key_that_this_process_has_not_seen_is_good_at_once() -> anyhow::Result<()> {
    let program = setup().start().await?;
    let twin = program.twin()?.with("NATS_URL", "nats://127.0.0.1:1").start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;

    for _ in 0..3 {
        keys(&program, &["rotate", "--now"])?;
        let signed = signed_anew(&program, &kid(&ada.access)?).await?;

        assert!(opens(&twin, &signed.access).await?, "news do not reach the twin");
    }
    Ok(())
}

#[tokio::test]
async fn whoever_has_a_key_from_before_keeps_it() -> anyhow::Result<()> {
    let mut program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    program.kill();
    let pool = PgPool::connect(&program.database_url()).await?;
    sqlx::query("delete from vault.signing_key").execute(&pool).await?;

    program.restart().await?;

    assert!(opens(&program, &ada.access).await?);
    assert_eq!(published(&program).await?, [kid(&ada.access)?]);
    Ok(())
}
