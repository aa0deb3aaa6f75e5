//! A read model that cannot take one person in: that person waits, everybody else goes on.

use std::time::Duration;

use anyhow::{Context, ensure};
use eventlog::EventLog;
use serde_json::json;
use uuid::Uuid;

use super::{
    check::open,
    scene::{Mails, Scene, often, until},
};
use crate::{log::nats::Nats, person::PASSWORD};

/// How soon a stream is parked that fails again and again.
const PARKED: Duration = Duration::from_mins(1);
/// Has the database refuse the rows of everybody whose address says so.
const POISON: [&str; 2] = [
    "create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'a row that cannot be'; end $$",
    "create trigger poison before insert or update on user_view for each row
        when (new.email like 'poison%') execute function refuse()",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_whom_a_projection_cannot_take_in_holds_nobody_up() -> anyhow::Result<()> {
    let times = often(1, 5);
    let mut scene = Scene::beside("projection_throws", Nats::start()?).await?;
    let log = open(&scene.program).await?;
    let pool = log.pool();

    for number in 0..times {
        for statement in POISON {
            sqlx::query(statement).execute(pool).await?;
        }
        let user = register(&scene, number).await?;
        scene.load.progress(2).await?;
        until("the stream is parked", PARKED, || is_parked(&log, user)).await?;
        scene.load.progress(2).await?;
        for statement in ["drop trigger poison on user_view", "drop function refuse"] {
            sqlx::query(statement).execute(pool).await?;
        }
        ensure!(projections::retry(&log, "users", user).await? > 0, "nothing waited");
        ensure!(!is_parked(&log, user).await?, "a stream that was retried is still parked");
    }

    scene.outcome.add("parked, others went on, retried");
    scene.finish(format!("{times} streams that a projection refuses"), Mails::Once).await
}

/// Registers somebody who is not welcome; answers their id.
async fn register(scene: &Scene, number: u32) -> anyhow::Result<Uuid> {
    let body = json!({ "email": format!("poison{number}@example.org"), "password": PASSWORD });
    let answer = scene.program.post("/v1/auth/register", &body).send().await?;
    let answer = tests::json(answer, 201).await?;
    Ok(answer["user"]["id"].as_str().context("an id")?.parse()?)
}

/// Whether a stream is left out.
async fn is_parked(log: &EventLog, stream: Uuid) -> anyhow::Result<bool> {
    Ok(projections::parked(log.pool()).await?.iter().any(|parked| parked.stream_id == stream))
}
