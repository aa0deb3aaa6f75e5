//! An event in an old form, everywhere where events are read.

use serde_json::{Value, json};
use tests::{
    Program, Setup, json,
    provider::{Reply, ScriptedProvider},
};
use uuid::Uuid;

use super::{
    listed,
    old_program::{LastRun, OldProgram},
};
use crate::{
    archiving::{change, run},
    person::{PASSWORD, Person},
};

const ADMIN: &str = "admin@example.org";
/// What a provider said once, sealed today and in clear then.
const SEALED: &str = "there is too much of it";
const CLEAR: &str = "your words were: 'my temperature'";
const OURS: &str = "openai refused the request";

struct Scene {
    program: Program,
    ada: Person,
    last: LastRun,
    /// The run of which an older program wrote.
    old_run: Uuid,
    _provider: ScriptedProvider,
}

impl Scene {
    /// A run failed, and another one had failed under an older program.
    async fn set() -> anyhow::Result<Self> {
        let provider = ScriptedProvider::start().await;
        let body = json!({ "error": { "message": SEALED } });
        provider.otherwise(Reply::Status { code: 400, retry_after: None, body });
        let mut program = Setup::default()
            .with("OPENAI_BASE_URL", provider.openai_url())
            .with("OPENAI_API_KEY", "sk-test")
            .with("ANNALS_ADMIN_EMAIL", ADMIN)
            .with("ANNALS_ADMIN_PASSWORD", PASSWORD)
            .with("ANNALS_PARTITION_SIZE", "64")
            .start()
            .await?;
        let ada = Person::register(&program, "ada@example.org").await?;
        ask(&program, &ada, None).await?;
        let old = OldProgram::start(&program).await?;
        let last = old.last_run().await?;
        program.stop().await?;
        let old_run = old.fail_again(&last, OURS, CLEAR).await?;
        program.restart().await?;
        Ok(Self { program, ada, last, old_run, _provider: provider })
    }

    async fn reason(&self, run: &str) -> anyhow::Result<Value> {
        let path = format!("/v1/chat/runs/{run}?session_id={}", self.last.session);
        let seen = json(self.ada.asks(self.program.get(&path)).send().await?, 200).await?;
        assert_eq!(seen["status"], "failed", "{seen}");
        Ok(seen["reason"].clone())
    }

    async fn admin(&self, path: &str) -> anyhow::Result<Value> {
        let admin = Person::sign_in(&self.program, ADMIN, PASSWORD).await?;
        json(admin.asks(self.program.get(path)).send().await?, 200).await
    }

    /// Everybody who reads the old event reads it in the new form, and nothing is wrong with it.
    async fn assert_read(&self) -> anyhow::Result<()> {
        let told = format!("{OURS}: {SEALED}");
        assert_eq!(self.reason(&self.old_run.to_string()).await?, told);
        assert_eq!(self.reason(&self.last.run).await?, told);
        let session = self.last.session;
        let stream = format!("/v1/admin/as-of?stream={session}");
        for path in [&stream, &format!("/v1/admin/streams/{session}/events")] {
            let seen = self.admin(path).await?.to_string();
            assert!(!seen.contains("my temperature"), "{seen}");
        }
        assert!(self.admin(&stream).await?.to_string().contains(SEALED));
        for projection in ["usage", "admin", "audit"] {
            let said = run(&self.program, &["projections", "rebuild", projection])?;
            assert!(said.contains("identical"), "{said}");
        }
        assert!(run(&self.program, &["log", "verify"])?.contains("\"fault\": null"));
        Ok(())
    }
}

/// Asks a model that refuses.
async fn ask(program: &Program, ada: &Person, session: Option<Uuid>) -> anyhow::Result<()> {
    let body = json!({
        "provider": "openai", "model": "m", "session_id": session,
        "messages": [{ "role": "user", "content": "a secret" }],
    });
    json(ada.asks(program.post("/v1/chat/completions", &body)).send().await?, 400).await?;
    Ok(())
}

#[tokio::test]
async fn an_event_in_an_old_form_is_read_as_todays_everywhere() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    scene.assert_read().await?;

    // As of the moment before the run had failed it had not, and the event itself is upcast.
    let [_, first, ..] = listed(&scene.program, "chat.run_failed", "1")?.expect("the old form");
    let stream = scene.last.session;
    let before = format!("/v1/admin/as-of?stream={stream}&position={}", first.parse::<i64>()? - 1);
    let before = scene.admin(&before).await?;
    let at = scene.admin(&format!("/v1/admin/as-of?stream={stream}&position={first}")).await?;
    let run = |seen: &Value| seen["state"].to_string().matches("Failed").count();
    assert_eq!((run(&before), run(&at)), (1, 2), "{before} {at}");
    let shown = scene.admin("/v1/admin/log?type=chat.run_failed").await?.to_string();
    assert!(shown.contains(OURS) && !shown.contains("my temperature"), "{shown}");

    // What comes after an old event goes on from it, in the new form.
    ask(&scene.program, &scene.ada, Some(stream)).await?;
    let [events, .., readable] = listed(&scene.program, "chat.run_failed", "2")?.expect("today's");
    assert_eq!((events.as_str(), readable.as_str()), ("2", "yes"));
    Ok(())
}

#[tokio::test]
async fn an_archived_event_in_an_old_form_is_read_as_todays() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    change(&scene.program, &scene.ada, 70).await?;
    let before = listed(&scene.program, "chat.run_failed", "1")?;
    run(&scene.program, &["log", "archive", "--keep", "0"])?;

    scene.assert_read().await?;

    assert!(run(&scene.program, &["log", "partitions"])?.contains(".annals"));
    assert!(before.as_ref().is_some_and(|line| line[0] == "1" && line[3] == "yes"), "{before:?}");
    assert_eq!(listed(&scene.program, "chat.run_failed", "1")?, before);
    Ok(())
}

#[tokio::test]
async fn an_auditor_sees_which_form_an_event_has() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let key = run(&scene.program, &["log", "key"])?.trim().to_owned();
    let file = scene.program.data().join("bundle.jsonl").to_string_lossy().into_owned();
    run(&scene.program, &["log", "export", &file])?;
    let verify = ["log", "verify", "--offline", &file, "--key", &key];

    assert!(scene.program.run_bare(&verify)?.status.success());

    let bundle = std::fs::read_to_string(&file)?;
    let newest = "\"type\":\"chat.run_failed\",\"schema_version\":2";
    assert_eq!(bundle.matches(newest).count(), 1);
    std::fs::write(&file, bundle.replace(newest, &newest.replace('2', "1")))?;
    assert!(!scene.program.run_bare(&verify)?.status.success());
    Ok(())
}
