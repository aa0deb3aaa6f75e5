//! Everything of a person: sealed while they are there, gone when they have left, for everybody.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{Program, Setup, json, provider::ScriptedProvider};

use super::{ADMIN, MASTER, Marked, email, leave, search, setup};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn a_person_is_nowhere_in_clear_and_nowhere_at_all_once_erased() -> anyhow::Result<()> {
    let provider = ScriptedProvider::start().await;
    let mut program = setup(&provider).start().await?;
    let other = beside(&program).await?;
    let ada = Marked::create(&program, &provider).await?;

    let before = search(&program).await?;
    assert_eq!(before.leaks(), Vec::<String>::new());
    let shown: BTreeSet<&str> = before.tables.iter().map(String::as_str).collect();
    for table in ["user_view", "session_view", "api_key_view", "chat_message_view"] {
        assert!(shown.contains(&*format!("public.{table}")), "the search finds nothing: {shown:?}");
    }
    assert!((2..=3).contains(&before.files.len()), "the mails: {:?}", before.files);
    refused(&program, &ada).await?;

    let certificate = leave(&program, &ada.person).await?;

    ada.is_shut_out(&program).await?;
    ada.is_shut_out(&other).await?;
    assert_eq!(search(&program).await?.everything(), Vec::<String>::new());
    let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
    certified(&program, &admin, &ada, &certificate).await?;
    verified_offline(&program, &certificate)?;
    rebuilt(&program)?;
    program.restart().await?;
    ada.is_shut_out(&program).await?;
    came_back(&program, &ada).await?;
    Ok(())
}

/// Another process on the same database, which hears no news.
async fn beside(program: &Program) -> anyhow::Result<Program> {
    let database = program.database().unwrap_or_default();
    Setup::default().with("DATABASE_URL", database).with("ANNALS_MASTER_KEY", MASTER).start().await
}

/// A stolen token, and a key, are not enough.
async fn refused(program: &Program, ada: &Marked) -> anyhow::Result<()> {
    let guess = json!({ "password": "wrong and long enough" });
    let guessed = ada.person.asks(program.delete("/v1/auth/account").json(&guess));
    assert_eq!(json(guessed.send().await?, 403).await?["code"], "wrong_password");
    let right = json!({ "password": PASSWORD });
    let by_key = program.delete("/v1/auth/account").header("X-API-Key", &ada.key).json(&right);
    json(by_key.send().await?, 403).await?;
    json(program.delete("/v1/auth/account").json(&right).send().await?, 401).await?;
    json(ada.person.asks(program.delete("/v1/auth/account").json(&json!({}))).send().await?, 422)
        .await?;
    Ok(())
}

async fn certified(
    program: &Program,
    admin: &Person,
    ada: &Marked,
    certificate: &Value,
) -> anyhow::Result<()> {
    let erasure = &certificate["erasure"];
    assert_eq!(erasure["subject"], ada.person.id.as_str());
    for (place, least) in [
        ("vault.subject_key", 1),
        ("vault.secret", 1),
        ("work.zerodb_row", 2),
        ("work.zerodb_table", 1),
        ("work.snapshot", 1),
        ("mail files", 1),
        ("user_view", 1),
        ("session_view", 2),
        ("chat_session_view", 3),
    ] {
        assert!(erasure["purged"][place].as_i64() >= Some(least), "{place}: {erasure}");
    }
    for (event, many) in [("session.ended", 2), ("api_key.revoked", 1), ("chat.deleted", 3)] {
        assert_eq!(erasure["ended"][event].as_array().map(Vec::len), Some(many), "{erasure}");
    }
    let path = format!("/v1/admin/erasures/{}", ada.person.id);
    let stored = json(admin.asks(program.get(&path)).send().await?, 200).await?;
    assert_eq!(stored["data"]["certificate"], *certificate);
    let list = json(admin.asks(program.get("/v1/admin/erasures")).send().await?, 200).await?;
    assert_eq!(list["data"]["total"], 1);
    let user = format!("/v1/admin/users/{}", ada.person.id);
    json(admin.asks(program.get(&user)).send().await?, 404).await?;
    Ok(())
}

fn verified_offline(program: &Program, certificate: &Value) -> anyhow::Result<()> {
    let file = program.data().join("certificate.json");
    let key = certificate["key"].as_str().unwrap_or_default();
    let verify = |certificate: &Value| {
        std::fs::write(&file, certificate.to_string())?;
        program.run(&["certificate", "verify", &file.to_string_lossy(), "--key", key])
    };

    let good = verify(certificate)?;
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let mut forged = certificate.clone();
    forged["erasure"]["purged"]["vault.secret"] = json!(99);
    assert!(!verify(&forged)?.status.success());
    std::fs::remove_file(&file)?;
    Ok(())
}

/// The log is whole, and read models made anew from it are what was left of them.
fn rebuilt(program: &Program) -> anyhow::Result<()> {
    let verified = program.run(&["log", "verify"])?;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    for name in ["users", "sessions", "api_keys", "settings", "chat_sessions", "usage", "admin"] {
        let rebuilt = program.run(&["projections", "rebuild", name])?;
        let text = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
        let errors = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
        assert!(rebuilt.status.success() && text.contains("identical"), "{name}: {text}{errors}");
    }
    Ok(())
}

/// The address is free, and who takes it is somebody else.
async fn came_back(program: &Program, ada: &Marked) -> anyhow::Result<()> {
    let again = Person::register(program, &email()).await?;
    assert_ne!(again.id, ada.person.id);
    let sessions = again.asks(program.get("/v1/chat/sessions"));
    assert_eq!(json(sessions.send().await?, 200).await?["total"], 0);
    Ok(())
}

#[tokio::test]
async fn only_administrators_erase_others_and_only_superusers_administrators() -> anyhow::Result<()>
{
    let provider = ScriptedProvider::start().await;
    let program = setup(&provider).start().await?;
    let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let eve = Person::register(&program, "eve@example.org").await?;
    let path = format!("/v1/admin/users/{}", ada.id);

    for request in [
        eve.asks(program.delete(&path)),
        eve.asks(program.get(&path)),
        eve.asks(program.get("/v1/admin/erasures")),
        eve.asks(program.get(&format!("/v1/admin/erasures/{}", ada.id))),
    ] {
        json(request.send().await?, 403).await?;
    }
    json(program.delete(&path).send().await?, 401).await?;
    let own = admin.asks(program.delete(&format!("/v1/admin/users/{}", admin.id)));
    assert_eq!(json(own.send().await?, 409).await?["code"], "own_account");
    let nobody = "/v1/admin/users/018f0000-0000-7000-8000-000000000000";
    json(admin.asks(program.delete(nobody)).send().await?, 404).await?;
    json(admin.asks(program.delete("/v1/admin/users/me")).send().await?, 404).await?;
    let wrong = admin.asks(program.delete(&path).json(&json!({ "reason": 7 })));
    json(wrong.send().await?, 422).await?;
    json(ada.asks(program.get("/v1/auth/me")).send().await?, 200).await?;

    let reason = json!({ "reason": "asked for by letter" });
    let erased = admin.asks(program.delete(&path).json(&reason)).send().await?;
    let erased = json(erased, 200).await?;

    assert_eq!(erased["certificate"]["erasure"]["requested_by"], admin.id.as_str());
    json(ada.asks(program.get("/v1/auth/me")).send().await?, 401).await?;
    let again = json(admin.asks(program.delete(&path)).send().await?, 200).await?;
    assert_eq!(again["certificate"], erased["certificate"], "once is enough");
    Ok(())
}

#[tokio::test]
async fn a_mail_that_was_not_sent_yet_is_not_sent_any_more() -> anyhow::Result<()> {
    let provider = ScriptedProvider::start().await;
    // Nobody answers there.
    let program = setup(&provider).with("SMTP_URL", "smtp://127.0.0.1:9").start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;

    leave(&program, &ada).await?;

    let pool = sqlx::PgPool::connect(program.database().unwrap_or_default()).await?;
    let effects: Vec<(String, Option<String>)> = sqlx::query_as(
        "select state, detail from work.effect where key like 'mail:' || $1 || ':%'",
    )
    .bind(&ada.id)
    .fetch_all(&pool)
    .await?;
    for (state, detail) in &effects {
        assert_eq!(state, "settled");
        assert!(detail.is_none() || detail.as_deref() == Some("withheld"), "{effects:?}");
    }
    Ok(())
}
