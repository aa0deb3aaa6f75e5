//! Who, why and from where beside every event: closed in the log, opened when asked, forgotten with
//! the person it belongs to.

use domain::{Personal, login::Login};
use eventlog::{Circumstances, EventLog, Meta, Reason};
use uuid::Uuid;

use super::database::{TestLog, Write, failure};

const ADDRESS: &str = "2001:db8::4711";
const REASON: &str = "Ada called and asked for it";

/// An administrator does something about somebody.
fn done_by(admin: Uuid, subject: Uuid) -> Write<Login> {
    let mut command = failure(Uuid::now_v7(), 0);
    command.meta = Meta {
        actor: Some(admin),
        credential: Some(Uuid::now_v7()),
        subject: Some(subject),
        address: Some(ADDRESS.to_owned().into()),
        reason: Some(Reason::Said(REASON.to_owned().into())),
        correlation: Some(Uuid::now_v7()),
        ..Meta::default()
    };
    command
}

async fn circumstances(log: &EventLog, position: i64) -> anyhow::Result<(Meta, Circumstances)> {
    let events = log.decode(log.read_at_most(position - 1, 1).await?).await?;
    let meta = events[0].meta.clone();
    let opened = log.circumstances(&[&meta]).await?.remove(0);
    Ok((meta, opened))
}

async fn destroy_key(log: &TestLog, person: Uuid) -> anyhow::Result<EventLog> {
    sqlx::query("update vault.subject_key set wrapped_key = null, destroyed_at = now() where subject_id = $1")
        .bind(person)
        .execute(&log.database.pool)
        .await?;
    // Another process has not cached it.
    log.database.open().await
}

fn known(text: &str) -> Personal<String> {
    Personal::Known(text.to_owned())
}

#[tokio::test]
async fn address_and_reason_are_nowhere_in_clear_and_open_when_asked() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let command = done_by(Uuid::now_v7(), Uuid::now_v7());
    command.to(&log).await?;

    let raw = log.read(0).await?.remove(0);
    let stored = String::from_utf8(raw.meta.to_vec())?;
    let (meta, opened) = circumstances(&log, 1).await?;

    assert!(!stored.contains(ADDRESS) && !stored.contains("Ada"), "{stored}");
    assert!(stored.is_ascii(), "{stored}");
    assert_eq!((meta.actor, meta.subject), (command.meta.actor, command.meta.subject));
    assert_eq!(meta.credential, command.meta.credential);
    assert_eq!(
        opened,
        Circumstances { address: Some(known(ADDRESS)), reason: Some(known(REASON)) }
    );
    Ok(())
}

#[tokio::test]
async fn the_address_is_forgotten_with_the_actor_and_the_reason_with_the_subject()
-> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let [admin, ada, bob] = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
    done_by(admin, ada).to(&log).await?;
    done_by(admin, bob).to(&log).await?;

    let without_ada = destroy_key(&log, ada).await?;
    let of_ada = circumstances(&without_ada, 1).await?.1;
    let without_admin = destroy_key(&log, admin).await?;
    let of_bob = circumstances(&without_admin, 2).await?.1;

    let erased = Some(Personal::Erased);
    assert_eq!(of_ada, Circumstances { address: Some(known(ADDRESS)), reason: erased.clone() });
    assert_eq!(of_bob, Circumstances { address: erased, reason: Some(known(REASON)) });
    Ok(())
}

#[tokio::test]
async fn the_address_of_somebody_unknown_is_forgotten_with_the_subject() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    let mut attempt = done_by(ada, ada);
    attempt.meta = Meta { actor: None, reason: None, ..attempt.meta };
    attempt.to(&log).await?;

    let before = circumstances(&log, 1).await?.1;
    let after = circumstances(&destroy_key(&log, ada).await?, 1).await?.1;

    assert_eq!(before.address, Some(known(ADDRESS)));
    assert_eq!(after.address, Some(Personal::Erased));
    Ok(())
}

#[tokio::test]
async fn what_follows_carries_the_same_closed_address() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    done_by(Uuid::now_v7(), Uuid::now_v7()).to(&log).await?;
    let (meta, _) = circumstances(&log, 1).await?;

    let mut answer = failure(Uuid::now_v7(), 0);
    answer.meta = Meta { causation: Some(1), ..meta.clone() };
    answer.to(&log).await?;

    let (carried, opened) = circumstances(&log, 2).await?;
    assert_eq!(carried.address, meta.address);
    assert_eq!(opened.address, Some(known(ADDRESS)));
    Ok(())
}

#[tokio::test]
async fn a_closed_address_opens_for_no_other_request() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    done_by(Uuid::now_v7(), Uuid::now_v7()).to(&log).await?;
    let (meta, _) = circumstances(&log, 1).await?;

    let moved = Meta { correlation: Some(Uuid::now_v7()), ..meta };

    assert!(log.circumstances(&[&moved]).await.is_err());
    Ok(())
}

#[tokio::test]
async fn an_erased_person_can_still_be_told_of_without_an_address() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    done_by(ada, ada).to(&log).await?;
    let log = destroy_key(&log, ada).await?;

    let mut told = done_by(ada, ada);
    told.events = vec![domain::login::Event::Failed {
        address: None,
        user_agent: None,
        at: chrono::DateTime::UNIX_EPOCH,
    }];
    told.to(&log).await?;

    let (meta, opened) = circumstances(&log, 2).await?;
    assert_eq!((meta.address, meta.reason), (None, None));
    assert_eq!(opened, Circumstances::default());
    Ok(())
}
