//! A stream that a projection cannot take in waits; all others go on.

use chrono::DateTime;
use domain::{
    session::{self, Session},
    user::{self, Role, User},
};
use eventlog::{EventLog, Meta};
use projections::{Options, ParkedStream, Projection, Refusal};
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

use super::running::{Runner, caught_up, eventually, register};
use crate::log::database::{TestLog, registration, write};

/// Has the database refuse every row about a person.
async fn poison(log: &TestLog, person: Uuid) -> anyhow::Result<()> {
    let sql = format!(
        "create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'a row that cannot be'; end $$;
        create trigger poison before insert or update on user_view for each row
            when (new.user_id = '{person}') execute function refuse()"
    );
    log.pool().execute(AssertSqlSafe(sql)).await?;
    Ok(())
}

async fn heal(log: &TestLog) -> anyhow::Result<()> {
    log.database.execute("drop trigger poison on user_view").await?;
    Ok(())
}

/// Signs a person in: an event of another stream that bears on the row of the account.
async fn sign_in(log: &EventLog, person: Uuid) -> anyhow::Result<()> {
    let started = session::Event::Started {
        user: person,
        user_agent: None,
        address: None,
        at: DateTime::UNIX_EPOCH,
        expires_at: DateTime::UNIX_EPOCH,
        idle_seconds: None,
        is_new_device: false,
    };
    let mut command = write::<Session>(Uuid::now_v7(), 0, vec![started]);
    command.meta = Meta::default().about(person);
    command.to(log).await?;
    Ok(())
}

async fn change(log: &EventLog, person: Uuid, version: i64) -> anyhow::Result<()> {
    let events = vec![user::Event::RoleChanged { role: Role::Admin }];
    write::<User>(person, version, events).to(log).await?;
    Ok(())
}

/// Somebody whose account cannot be shown, and others who come before, between and after.
async fn load(log: &TestLog) -> anyhow::Result<Uuid> {
    let person = Uuid::now_v7();
    register(log, 40).await?;
    poison(log, person).await?;
    registration(person, "poisoned@example.org").to(log).await?;
    register(log, 40).await?;
    sign_in(log, person).await?;
    change(log, person, 1).await?;
    register(log, 40).await?;
    Ok(person)
}

async fn only_parked(log: &EventLog) -> anyhow::Result<ParkedStream> {
    let mut parked = projections::parked(log.pool()).await?;
    anyhow::ensure!(parked.len() == 1, "{parked:?}");
    Ok(parked.remove(0))
}

async fn users(log: &TestLog) -> anyhow::Result<i64> {
    Ok(log.database.number("select count(*) from user_view").await?)
}

#[tokio::test]
async fn a_stream_that_cannot_be_taken_in_waits_and_a_retry_heals_it() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;

    let person = load(&log).await?;
    let head = caught_up(&log).await?;

    assert_eq!(users(&log).await?, 120, "all others are there");
    assert_eq!(log.database.number("select events from admin_day_view").await?, head);
    let parked = only_parked(&log).await?;
    assert_eq!((parked.projection.as_str(), parked.stream_id), ("users", person));
    assert_eq!(parked.first_position, 81);
    assert_eq!(parked.waiting, 3);
    assert!(parked.last_error.contains("a row that cannot be"), "{}", parked.last_error);

    let again = projections::retry(&log, "users", person).await;
    let refusal = again.as_ref().err().and_then(|error| error.downcast_ref::<Refusal>());
    assert!(matches!(refusal, Some(Refusal::FailsAgain(_))), "{again:?}");
    assert_eq!(only_parked(&log).await?.attempts, parked.attempts + 1);

    heal(&log).await?;
    change(&log, person, 2).await?;
    caught_up(&log).await?;
    assert_eq!(projections::retry(&log, "users", person).await?, 4);

    assert!(projections::parked(log.pool()).await?.is_empty());
    change(&log, person, 3).await?;
    caught_up(&log).await?;
    assert_eq!(users(&log).await?, 121);
    let rebuilt = projections::rebuild(&log, "users", Options::default(), drop).await?;
    assert!(rebuilt.is_identical, "{rebuilt:?}");
    runner.stop().await
}

#[tokio::test]
async fn skipped_events_stay_out_of_rebuilds_and_later_ones_are_taken_in() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    let person = load(&log).await?;
    caught_up(&log).await?;

    let left_out = projections::skip(&log, "users", person, "somebody").await?;
    heal(&log).await?;
    change(&log, person, 2).await?;
    caught_up(&log).await?;

    assert_eq!(left_out, 3);
    let parked = only_parked(&log).await?;
    assert_eq!(parked.skipped_by.as_deref(), Some("somebody"));
    assert!(parked.skipped_at.is_some());
    assert_eq!(parked.waiting, 3, "the one that came later is not left out");
    assert_eq!(users(&log).await?, 120);
    let again = projections::skip(&log, "users", person, "somebody").await;
    assert!(again.is_err_and(|error| error.is::<Refusal>()));
    let rebuilt = projections::rebuild(&log, "users", Options::default(), drop).await?;
    assert!(rebuilt.is_identical, "{rebuilt:?}");
    runner.stop().await
}

#[tokio::test]
async fn a_stream_is_parked_while_others_write_at_full_speed() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let log = (*log).clone();
            tokio::spawn(async move { register(&log, 150).await })
        })
        .collect();

    let person = load(&log).await?;
    for writer in writers {
        writer.await??;
    }
    let head = caught_up(&log).await?;

    assert_eq!(only_parked(&log).await?.stream_id, person);
    assert_eq!(users(&log).await?, 720);
    let standing = "select count(*) from read.projection p, log.head h where checkpoint = position";
    let all = i64::try_from(Projection::ALL.len())?;
    let in_step = || async { Ok(log.database.number(standing).await? == all) };
    eventually("all projections are in step", in_step).await?;
    assert_eq!(log.database.number("select events from admin_day_view").await?, head);
    runner.stop().await
}

#[tokio::test]
async fn who_is_erased_is_forgotten_although_their_stream_is_parked() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let runner = Runner::start(&log).await?;
    let person = register(&log, 1).await?[0];
    caught_up(&log).await?;
    poison(&log, person).await?;
    change(&log, person, 2).await?;
    caught_up(&log).await?;
    assert_eq!(only_parked(&log).await?.stream_id, person);
    assert_eq!(users(&log).await?, 1);

    let erased = vec![user::Event::Erased { at: DateTime::UNIX_EPOCH }];
    write::<User>(person, 3, erased).to(&log).await?;
    caught_up(&log).await?;

    assert_eq!(users(&log).await?, 0);
    heal(&log).await?;
    assert_eq!(projections::retry(&log, "users", person).await?, 2);
    let rebuilt = projections::rebuild(&log, "users", Options::default(), drop).await?;
    assert!(rebuilt.is_identical, "{rebuilt:?}");
    runner.stop().await
}
