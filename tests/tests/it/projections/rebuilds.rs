//! Making read models anew: beside the live ones, compared, exchanged, and back again.

use std::{collections::HashMap, time::Duration};

use chrono::DateTime;
use domain::user::{self, Role, User};
use eventlog::{EventLog, Expected, Recorded};
use projections::{Options, Projection, ProjectionStatus, Queries, Rebuild, Refusal};
use uuid::Uuid;

use super::{
    history::{Dice, history},
    running::{Runner, caught_up, eventually, register},
};
use crate::log::{
    database::{TestLog, write},
    telling::tell,
};

const PLAIN: Options = Options { keeps_both: false, takes_in_skipped: false };
const BESIDE: Options = Options { keeps_both: true, takes_in_skipped: false };

async fn status(log: &EventLog, name: &str) -> anyhow::Result<ProjectionStatus> {
    let statuses = Queries::new(log.clone()).projections().await?;
    let found = statuses.into_iter().find(|status| status.name == name);
    found.ok_or_else(|| anyhow::anyhow!("no status of {name}"))
}

async fn rebuild(log: &EventLog, options: Options) -> anyhow::Result<bool> {
    Ok(projections::rebuild(log, "users", options, drop).await?.is_identical)
}

fn is_refusal<T: std::fmt::Debug>(outcome: &anyhow::Result<T>, expected: &Refusal) -> bool {
    outcome.as_ref().is_err_and(|error| error.downcast_ref() == Some(expected))
}

async fn change_role(log: &EventLog, person: Uuid, role: Role) -> anyhow::Result<()> {
    let stream = log.load::<User>(person).await?;
    let events = vec![user::Event::RoleChanged { role }];
    write::<User>(person, stream.version, events).to(log).await?;
    Ok(())
}

/// Appends invented events as far as they can be.
async fn append(
    log: &EventLog,
    versions: &mut HashMap<Uuid, i64>,
    events: &[Recorded],
) -> anyhow::Result<()> {
    for event in events {
        let version = versions.entry(event.stream).or_default();
        let appended = tell(log, event.clone(), Expected::Version(*version)).await;
        *version = appended?.version;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_made_anew_is_what_was_live() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let mut dice = Dice::new(11);
    let mut events = history(&mut dice, 900)?;
    events.retain(|event| !event.name.ends_with(".erased"));
    let mut runner = Runner::start(&log).await?;
    let mut versions = HashMap::new();

    // Whoever leads is killed again and again: batches begin and end anywhere.
    for part in events.chunks(events.len() / 4) {
        append(&log, &mut versions, part).await?;
        runner.stop().await?;
        runner = Runner::start(&log).await?;
    }
    caught_up(&log).await?;

    for projection in Projection::ALL {
        let report = projections::rebuild(&log, projection.name(), PLAIN, drop).await?;
        assert!(report.is_identical, "{report:?}");
        assert!(report.rows > 0 || projection.tables().is_empty(), "{report:?}");
    }
    runner.stop().await
}

#[tokio::test]
async fn a_rebuild_while_others_write_is_identical() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    register(&log, 300).await?;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let log = (*log).clone();
            tokio::spawn(async move { register(&log, 200).await })
        })
        .collect();

    let mut reports = Vec::new();
    while writers.iter().any(|writer| !writer.is_finished()) {
        for name in ["users", "admin"] {
            reports.push(projections::rebuild(&log, name, PLAIN, drop).await?);
        }
    }

    for writer in writers {
        writer.await??;
    }
    assert!(!reports.is_empty() && reports.iter().all(|it| it.is_identical), "{reports:?}");
    let head = caught_up(&log).await?;
    assert_eq!(log.database.number("select count(*) from user_view").await?, 1100);
    assert_eq!(log.database.number("select events from admin_day_view").await?, head);
    runner.stop().await
}

#[tokio::test]
async fn an_interrupted_rebuild_leaves_the_live_tables_alone_and_the_next_one_starts_clean()
-> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    register(&log, 500).await?;
    caught_up(&log).await?;
    // It cannot end: somebody holds the lock that the change-over needs.
    let mut reader = log.pool().begin().await?;
    sqlx::query("lock table user_view in access share mode").execute(&mut *reader).await?;

    let interrupted = {
        let log = (*log).clone();
        tokio::spawn(async move { rebuild(&log, PLAIN).await })
    };
    let is_made = || async {
        let made = "select count(*) from read.version where slot = 'next'";
        Ok(log.database.number(made).await? == 1)
    };
    eventually("the new tables are filled", is_made).await?;
    let again = Rebuild::begin(&log, "users", PLAIN).await.map(drop);
    assert!(is_refusal(&again, &Refusal::Rebuilding("users")), "{again:?}");
    interrupted.abort();
    assert!(interrupted.await.is_err_and(|error| error.is_cancelled()));
    reader.rollback().await?;

    let state = || async {
        let rebuild = status(&log, "users").await?.rebuild;
        Ok(rebuild.is_some_and(|rebuild| rebuild.state == "interrupted"))
    };
    eventually("it shows as interrupted", state).await?;
    assert_eq!(log.database.number("select count(*) from user_view").await?, 500);
    register(&log, 20).await?;
    caught_up(&log).await?;
    assert!(rebuild(&log, PLAIN).await?);
    let left = "select count(*) from pg_namespace where nspname like 'next\\_%'";
    assert_eq!(log.database.number(left).await?, 0);
    assert_eq!(log.database.number("select count(*) from user_view").await?, 520);
    runner.stop().await
}

#[tokio::test]
async fn a_rebuild_stops_at_an_event_that_cannot_be_taken_in_and_names_it() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    let people = register(&log, 30).await?;
    change_role(&log, people[7], Role::Admin).await?;
    register(&log, 30).await?;
    caught_up(&log).await?;
    log.database
        .execute("alter table user_view add constraint poison check (role <> 'ADMIN') not valid")
        .await?;

    let failed = rebuild(&log, PLAIN).await;

    let told = format!("{:#}", failed.expect_err("a rebuild that stops"));
    assert!(told.contains("position 61 (user.role_changed) to users"), "{told}");
    assert!(told.contains("poison"), "{told}");
    let rebuilt = status(&log, "users").await?.rebuild.expect("a rebuild");
    assert_eq!(rebuilt.state, "failed");
    assert!(rebuilt.error.is_some_and(|error| error.contains("position 61")));
    assert_eq!(log.database.number("select count(*) from user_view").await?, 60);
    runner.stop().await
}

#[tokio::test]
async fn a_rollback_brings_back_what_was_live_and_catches_up() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    let people = register(&log, 40).await?;
    caught_up(&log).await?;
    let gone = projections::rollback(&log, "users").await;
    assert!(is_refusal(&gone, &Refusal::NoVersion("users", "old")), "{gone:?}");
    // What the old version shows is told from the new one by it.
    log.database.execute("update user_view set name = 'as it was'").await?;
    let marked = "select count(*) from user_view where name = 'as it was'";

    assert!(!rebuild(&log, PLAIN).await?, "it differs from what was there");
    assert_eq!(log.database.number(marked).await?, 0);
    change_role(&log, people[0], Role::Admin).await?;
    register(&log, 40).await?;
    caught_up(&log).await?;
    projections::rollback(&log, "users").await?;

    let is_back = || async {
        let users = log.database.number("select count(*) from user_view").await?;
        Ok(users == 80 && log.database.number(marked).await? == 40)
    };
    eventually("the old rows are back, and the new people with them", is_back).await?;
    let admins = "select count(*) from user_view where role = 'ADMIN'";
    assert_eq!(log.database.number(admins).await?, 1);
    register(&log, 5).await?;
    caught_up(&log).await?;

    projections::rollback(&log, "users").await?;
    let is_forth = || async {
        let users = log.database.number("select count(*) from user_view").await?;
        Ok(users == 85 && log.database.number(marked).await? == 0)
    };
    eventually("and forth again", is_forth).await?;
    projections::drop_old(&log, "users").await?;
    let gone = projections::rollback(&log, "users").await;
    assert!(is_refusal(&gone, &Refusal::NoVersion("users", "old")), "{gone:?}");
    runner.stop().await
}

#[tokio::test]
async fn two_versions_live_side_by_side_until_one_is_promoted() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    register(&log, 40).await?;
    caught_up(&log).await?;
    log.database.execute("update user_view set name = 'as it was'").await?;

    rebuild(&log, BESIDE).await?;
    register(&log, 40).await?;
    let head = caught_up(&log).await?;
    let follows = || async {
        let versions = status(&log, "users").await?.versions;
        Ok(versions.iter().any(|it| it.slot == "next" && it.checkpoint == head && it.is_followed))
    };
    eventually("the next version follows the log", follows).await?;

    let marked = "select count(*) from user_view where name = 'as it was'";
    assert_eq!(log.database.number(marked).await?, 40, "the live one is as it was");
    let different = projections::compare(&log, "users").await?;
    let users = different.iter().find(|it| it.name == "user_view").expect("the table");
    assert_eq!((users.rows, users.rows_before, users.is_identical), (80, 80, false));
    log.database.execute("update user_view set name = null").await?;
    let identical = projections::compare(&log, "users").await?;
    assert!(identical.iter().all(|it| it.is_identical), "{identical:?}");

    projections::promote(&log, "users").await?;
    register(&log, 5).await?;
    caught_up(&log).await?;
    assert_eq!(log.database.number("select count(*) from user_view").await?, 85);
    let slots: Vec<_> = status(&log, "users").await?.versions.into_iter().map(|v| v.slot).collect();
    assert_eq!(slots, ["old"]);
    let gone = projections::promote(&log, "users").await;
    assert!(is_refusal(&gone, &Refusal::NoVersion("users", "next")), "{gone:?}");
    runner.stop().await
}

#[tokio::test]
async fn a_checkpoint_of_another_epoch_is_refused_until_it_is_rebuilt() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    register(&log, 40).await?;
    caught_up(&log).await?;
    runner.stop().await?;

    // As after a restore of the log alone.
    log.database.execute("update log.head set epoch = epoch + 1").await?;
    let runner = Runner::start(&log).await?;
    register(&log, 10).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(log.database.number("select count(*) from user_view").await?, 40, "it stands still");
    let told = status(&log, "users").await?.last_error.unwrap_or_default();
    assert!(told.contains("epoch 1") && told.contains("rebuild"), "{told}");
    let refused = Queries::new((*log).clone()).refused().await?;
    assert_eq!(refused.len(), Projection::ALL.len());

    for projection in Projection::ALL {
        projections::rebuild(&log, projection.name(), PLAIN, drop).await?;
    }

    register(&log, 10).await?;
    caught_up(&log).await?;
    assert_eq!(log.database.number("select count(*) from user_view").await?, 60);
    assert_eq!(status(&log, "users").await?.last_error, None);
    runner.stop().await
}

#[tokio::test]
async fn who_is_erased_is_forgotten_by_the_old_version_too() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    let people = register(&log, 5).await?;
    caught_up(&log).await?;
    assert!(rebuild(&log, PLAIN).await?);
    let old = "select count(*) from old_users.user_view";
    assert_eq!(log.database.number(old).await?, 5);

    let erased = vec![user::Event::Erased { at: DateTime::UNIX_EPOCH }];
    write::<User>(people[0], 2, erased).to(&log).await?;
    caught_up(&log).await?;

    assert_eq!(log.database.number("select count(*) from user_view").await?, 4);
    assert_eq!(log.database.number(old).await?, 4);
    register(&log, 1).await?;
    caught_up(&log).await?;
    assert_eq!(log.database.number("select count(*) from user_view").await?, 5);
    assert_eq!(log.database.number(old).await?, 4, "it follows nothing else");
    runner.stop().await
}
