//! Older copies of the keys: whoever was erased stays erased.

use sqlx::{Connection, PgConnection, PgPool};
use tests::{Program, json, provider::ScriptedProvider};
use uuid::Uuid;

use super::{ADMIN, leave, setup};
use crate::{
    archiving::run,
    person::{PASSWORD, Person},
};

/// The key of a person, wrapped, unless it was destroyed.
async fn key(program: &Program, person: &Person) -> anyhow::Result<Option<Vec<u8>>> {
    let pool = PgPool::connect(&program.database_url()).await?;
    let key = sqlx::query_scalar("select wrapped_key from vault.subject_key where subject_id = $1")
        .bind(person.id.parse::<Uuid>()?)
        .fetch_one(&pool)
        .await?;
    pool.close().await;
    Ok(key)
}

/// What somebody does who restores an old table of keys by hand.
async fn bring_back(program: &Program, person: &Person, key: &[u8]) -> anyhow::Result<()> {
    let mut db = PgConnection::connect(&program.database_url()).await?;
    sqlx::query("set session_replication_role = replica").execute(&mut db).await?;
    let sql =
        "update vault.subject_key set wrapped_key = $2, destroyed_at = null where subject_id = $1";
    let changed = sqlx::query(sql).bind(person.id.parse::<Uuid>()?).bind(key).execute(&mut db);
    anyhow::ensure!(changed.await?.rows_affected() == 1, "there is no such key");
    Ok(db.close().await?)
}

/// Whether an administrator still reads the person's name.
async fn is_readable(program: &Program, person: &Person) -> anyhow::Result<bool> {
    let admin = Person::sign_in(program, ADMIN, PASSWORD).await?;
    let path = format!("/v1/admin/streams/{}/events", person.id);
    let events = json(admin.asks(program.get(&path)).send().await?, 200).await?;
    anyhow::ensure!(events["events"][0]["type"] == "user.registered", "{events}");
    Ok(events.to_string().contains("Ada Lovelace"))
}

#[tokio::test]
async fn a_key_that_an_older_vault_brings_back_is_destroyed_at_the_next_start() -> anyhow::Result<()>
{
    let provider = ScriptedProvider::start().await;
    let mut program = setup(&provider).start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let bob = Person::register(&program, "bob@example.org").await?;
    let old = key(&program, &ada).await?.expect("she is there");
    assert!(is_readable(&program, &ada).await?);
    leave(&program, &ada).await?;
    assert_eq!(key(&program, &ada).await?, None);
    program.stop().await?;
    bring_back(&program, &ada, &old).await?;

    program.restart().await?;

    assert_eq!(key(&program, &ada).await?, None);
    assert!(!is_readable(&program, &ada).await?);
    assert!(is_readable(&program, &bob).await?);
    assert!(program.log().contains("had come back and were destroyed again"), "{}", program.log());
    Ok(())
}

#[tokio::test]
async fn a_backup_from_before_an_erasure_does_not_bring_the_person_back() -> anyhow::Result<()> {
    let provider = ScriptedProvider::start().await;
    let mut program = setup(&provider).start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let bob = Person::register(&program, "bob@example.org").await?;
    let folder = program.data().join("backup").to_string_lossy().into_owned();
    run(&program, &["backup", &folder])?;
    leave(&program, &ada).await?;
    program.stop().await?;

    let said = run(&program, &["restore", &folder, "--overwrite"])?;
    program.restart().await?;

    assert!(said.contains(&format!("{} was erased after the backup", ada.id)), "{said}");
    assert!(!said.contains(&bob.id), "{said}");
    assert_eq!(key(&program, &ada).await?, None);
    assert!(!is_readable(&program, &ada).await?);
    assert!(is_readable(&program, &bob).await?);
    let body = serde_json::json!({ "email": "ada@example.org", "password": PASSWORD });
    let answer = program.post("/v1/auth/login", &body).send().await?;
    assert!(answer.status().is_client_error(), "{}", answer.status());
    Ok(())
}
