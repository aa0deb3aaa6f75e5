//! An erasure that is cut off goes on.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Program, json, provider::ScriptedProvider};

use super::{ADMIN, setup};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn an_erasure_that_a_kill_cut_off_is_finished_at_the_next_start() -> anyhow::Result<()> {
    let provider = ScriptedProvider::start().await;
    let mut program = setup(&provider).start().await?;
    let mut people = Vec::new();
    for (number, delay) in [5, 20, 35, 50, 80].into_iter().enumerate() {
        let person = Person::register(&program, &format!("p{number}@example.org")).await?;
        Person::sign_in(&program, &person.email, PASSWORD).await?;
        let wish = json!({ "password": PASSWORD });
        let request = person.asks(program.delete("/v1/auth/account").json(&wish));
        let asked = tokio::spawn(request.send());
        wait_until_begun(&program, &person).await?;
        tokio::time::sleep(Duration::from_millis(delay)).await;
        program.kill();
        let _ = asked.await;
        program.restart().await?;
        people.push(person);
    }

    let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
    for person in &people {
        let erasure = certified(&program, &admin, person).await?;
        let erasure = &erasure["certificate"]["erasure"];
        assert_eq!(erasure["purged"]["session_view"], 2, "counted before the kill: {erasure}");
        assert_eq!(erasure["purged"]["vault.subject_key"], 1, "{erasure}");
        assert_eq!(erasure["ended"]["session.ended"].as_array().map(Vec::len), Some(2));
        Person::register(&program, &person.email).await?;
    }
    let verified = program.run(&["log", "verify"])?;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    Ok(())
}

/// Waits until the wish is in the log: only then must it come true.
async fn wait_until_begun(program: &Program, person: &Person) -> anyhow::Result<()> {
    let pool = sqlx::PgPool::connect(program.database().unwrap_or_default()).await?;
    for _ in 0..500 {
        let begun: i64 = sqlx::query_scalar(
            "select count(*) from log.event e join log.event_type t using (type_id)
            where t.name = 'user.erasure_requested' and e.stream_id = $1::uuid",
        )
        .bind(&person.id)
        .fetch_one(&pool)
        .await?;
        if begun == 1 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    anyhow::bail!("the wish never came to the log:\n{}", program.log())
}

async fn certified(program: &Program, admin: &Person, person: &Person) -> anyhow::Result<Value> {
    let path = format!("/v1/admin/erasures/{}", person.id);
    for _ in 0..300 {
        let answer = admin.asks(program.get(&path)).send().await?;
        let erasure = json(answer, 200).await?["data"].clone();
        if erasure["status"] == "erased" {
            return Ok(erasure);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("the erasure does not go on:\n{}", program.log())
}
