//! The keys of people: destroyed with an event, for good, and wrapped by a master key that changes.

use std::time::Duration;

use chrono::DateTime;
use domain::{Personal, user};
use eventlog::{AppendError, EventLog, Expected, Live, MasterKey, Secret};
use futures_util::future::join_all;
use uuid::Uuid;

use super::database::{MASTER, TestLog, Write, failure, registration, write};

const NEW: [u8; 32] = [8; 32];

/// What destroys the key of a person who has written `version` events.
fn erasure(person: Uuid, version: i64) -> Write<user::User> {
    let erased = user::Event::Erased { at: DateTime::UNIX_EPOCH };
    let secrets = vec![Secret::DestroyKey(person)];
    Write { secrets, ..write(person, version, vec![erased]) }
}

async fn email_in(log: &EventLog, person: Uuid) -> anyhow::Result<Personal<domain::Email>> {
    let events = log.decode(log.stream(person).await?).await?;
    match &events[0].event {
        domain::Event::User(user::Event::Registered { email, .. }) => Ok(email.clone()),
        other => anyhow::bail!("{other:?}"),
    }
}

async fn is_destroyed(log: &TestLog, person: Uuid) -> anyhow::Result<bool> {
    Ok(sqlx::query_scalar(
        "select wrapped_key is null and destroyed_at is not null from vault.subject_key
        where subject_id = $1",
    )
    .bind(person)
    .fetch_one(&log.database.pool)
    .await?)
}

#[tokio::test]
async fn a_key_is_destroyed_with_the_event_that_says_so_or_not_at_all() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    registration(ada, "ada@example.org").to(&log).await?;

    let refused = erasure(ada, 7).to(&log).await;
    assert!(matches!(refused, Err(AppendError::StreamMoved)), "{refused:?}");
    assert!(matches!(email_in(&log, ada).await?, Personal::Known(_)));

    erasure(ada, 1).to(&log).await?;

    assert!(is_destroyed(&log, ada).await?);
    assert_eq!(email_in(&log, ada).await?, Personal::Erased);
    let late = failure(ada, 2).to(&log).await;
    assert!(matches!(late, Err(AppendError::Gone(_))), "{late:?}");
    Ok(())
}

#[tokio::test]
async fn the_looking_way_destroys_keys_as_well() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    registration(ada, "ada@example.org").to(&log).await?;
    let mut any = erasure(ada, 0);
    any.expected = Expected::Any;

    any.to(&log).await?;

    assert!(is_destroyed(&log, ada).await?);
    Ok(())
}

#[tokio::test]
async fn nothing_gives_a_person_who_was_erased_a_key_again() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    registration(ada, "ada@example.org").to(&log).await?;
    erasure(ada, 1).to(&log).await?;

    for change in [
        "update vault.subject_key set wrapped_key = '\\x00', destroyed_at = null",
        "delete from vault.subject_key",
    ] {
        assert!(log.database.execute(change).await.is_err(), "{change}");
    }
    let other = log.database.open().await?;
    let late = failure(ada, 2).to(&other).await;

    assert!(matches!(late, Err(AppendError::Gone(_))), "{late:?}");
    assert!(is_destroyed(&log, ada).await?);
    Ok(())
}

#[tokio::test]
async fn every_process_that_hears_of_it_lets_go_of_the_key_at_once() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let live = Live::default();
    let master = MasterKey::from_bytes(MASTER);
    let (here, there) = (
        log.database.open_with(&master, live.clone()).await?,
        log.database.open_with(&master, live).await?,
    );
    let ada = Uuid::now_v7();
    registration(ada, "ada@example.org").to(&here).await?;
    assert!(matches!(email_in(&there, ada).await?, Personal::Known(_)));

    erasure(ada, 1).to(&here).await?;

    // The news takes a turn of the runtime, not a minute.
    for _ in 0..200 {
        if email_in(&there, ada).await? == Personal::Erased {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the other process still reads what was erased");
}

#[tokio::test]
async fn whoever_reads_past_an_erasure_reads_on_without_the_key() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    registration(ada, "ada@example.org").to(&log).await?;
    // A process that hears no news, and has the key in its cache.
    let deaf = log.database.open().await?;
    let first = log.read_at_most(0, 1).await?;
    deaf.decode(first.clone()).await?;
    erasure(ada, 1).to(&log).await?;

    deaf.decode(log.read(1).await?).await?;
    let again = deaf.decode(first).await?;

    let domain::Event::User(user::Event::Registered { email, .. }) = &again[0].event else {
        panic!("{:?}", again[0])
    };
    assert_eq!(*email, Personal::Erased);
    Ok(())
}

/// Readers, writers and the erasure at the same moment: everybody gets the value, or that it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_with_an_erasure_ends_in_the_value_or_erased() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let other = log.database.open().await?;
    for round in 0..20 {
        let ada = Uuid::now_v7();
        registration(ada, &format!("ada{round}@example.org")).to(&log).await?;

        let writes = || (0..10).map(|_| about(failure(Uuid::now_v7(), 0), ada)).collect::<Vec<_>>();
        let (here, there) = (writes(), writes());
        let erase = erasure(ada, 1);
        let (erased, here, there, read) = tokio::join!(
            erase.to(&log),
            join_all(here.iter().map(|write| write.to(&log))),
            join_all(there.iter().map(|write| write.to(&other))),
            join_all((0..10).map(|_| email_in(&other, ada))),
        );

        erased?;
        for outcome in here.iter().chain(&there) {
            assert!(matches!(outcome, Ok(_) | Err(AppendError::Gone(_))), "{outcome:?}");
        }
        for email in read {
            email?;
        }
        assert!(is_destroyed(&log, ada).await?);
        assert_eq!(email_in(&log, ada).await?, Personal::Erased);
        let keys: i64 =
            sqlx::query_scalar("select count(*) from vault.subject_key where subject_id = $1")
                .bind(ada)
                .fetch_one(&log.database.pool)
                .await?;
        assert_eq!(keys, 1);
    }
    assert_eq!(log.verify(drop).await?.fault, None);
    Ok(())
}

fn about(mut write: Write<domain::login::Login>, person: Uuid) -> Write<domain::login::Login> {
    write.meta.subject = Some(person);
    write
}

/// Opens the log as the command that changes master keys does.
async fn changing(log: &TestLog) -> anyhow::Result<EventLog> {
    let both = MasterKey::from_bytes(NEW).beside([MASTER]);
    log.database.open_with(&both, Live::default()).await
}

async fn people(log: &TestLog, many: usize) -> anyhow::Result<Vec<Uuid>> {
    let people: Vec<Uuid> = (0..many).map(|_| Uuid::now_v7()).collect();
    let writes: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(number, id)| registration(*id, &format!("p{number}@example.org")))
        .collect();
    for outcome in join_all(writes.iter().map(|write| write.to(log))).await {
        outcome?;
    }
    Ok(people)
}

#[tokio::test]
async fn a_new_master_key_opens_everything_and_the_old_one_nothing() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let people = people(&log, 1200).await?;
    erasure(people[0], 1).to(&log).await?;
    let before = log.verify(drop).await?;

    let rotation = changing(&log).await?.rotate_master(drop).await?;

    assert_eq!(rotation.subject_keys, 1199);
    assert_eq!(rotation.checked, 1199 + rotation.service_keys);
    assert!(rotation.behind > 0 && !rotation.is_finished, "others began with the old key");
    let renewed = log.database.open_with(&MasterKey::from_bytes(NEW), Live::default()).await?;
    assert!(matches!(email_in(&renewed, people[1]).await?, Personal::Known(_)));
    assert_eq!(email_in(&renewed, people[0]).await?, Personal::Erased);
    assert_eq!(renewed.verify(drop).await?, before, "no event was touched");
    log.database.execute("delete from vault.master_bridge").await?;
    let old = log.database.open().await;
    assert!(old.is_err_and(|error| format!("{error:#}").contains("ANNALS_MASTER_KEY")));
    Ok(())
}

#[tokio::test]
async fn a_change_of_master_keys_may_be_cut_off_and_begun_again() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let people = people(&log, 1200).await?;
    let cut_off = changing(&log).await?;
    let task = tokio::spawn(async move {
        let mut batches = 0;
        let done = cut_off.rotate_master(|_| {
            batches += 1;
            assert!(batches < 2, "cut off here");
        });
        done.await.map(drop)
    });
    assert!(task.await.is_err());

    let rotation = changing(&log).await?.rotate_master(drop).await?;

    assert!((1..1200).contains(&rotation.subject_keys), "{rotation:?}");
    let renewed = log.database.open_with(&MasterKey::from_bytes(NEW), Live::default()).await?;
    for person in [people[0], people[1199]] {
        assert!(matches!(email_in(&renewed, person).await?, Personal::Known(_)));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_process_with_the_old_key_goes_on_while_master_keys_change() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    people(&log, 600).await?;
    // It hears nothing and finds the new key by itself.
    let running = log.database.open().await?;
    let changing = changing(&log).await?;
    let write_on = async {
        let mut ids = Vec::new();
        for number in 0..200 {
            let id = Uuid::now_v7();
            registration(id, &format!("q{number}@example.org")).to(&running).await?;
            anyhow::ensure!(matches!(email_in(&running, id).await?, Personal::Known(_)));
            ids.push(id);
        }
        Ok(ids)
    };

    let (rotation, written) = tokio::join!(changing.rotate_master(drop), write_on);

    let written = written?;
    // A last key may have been wrapped with the old one while the check went on: again, then.
    if rotation.is_err() {
        changing.rotate_master(drop).await?;
    }
    changing.rotate_master(drop).await?;
    let late = log.database.open().await?;
    for id in [written[0], written[199]] {
        assert!(matches!(email_in(&late, id).await?, Personal::Known(_)), "found over the bridge");
    }
    Ok(())
}
