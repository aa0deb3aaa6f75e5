//! Events are final, and what a superuser changes all the same is found.

use domain::login::Login;
use eventlog::Fault;
use uuid::Uuid;

use super::database::{TestLog, failed, failure, registration, write};

/// Twelve events of three streams, sealed after the ninth and the last.
async fn written() -> anyhow::Result<TestLog> {
    let log = TestLog::create().await?;
    let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());
    registration(Uuid::now_v7(), "ada@example.org").to(&log).await?;
    for version in 0..4 {
        failure(ada, version).to(&log).await?;
        failure(bob, version).to(&log).await?;
    }
    log.seal_now().await?;
    write::<Login>(ada, 4, vec![failed(), failed(), failed()]).to(&log).await?;
    log.seal_now().await?;
    Ok(log)
}

/// The first fault after a superuser ran a statement.
async fn fault_after(sql: &str) -> anyhow::Result<Option<Fault>> {
    let log = written().await?;
    log.database.disable_protection().await?;
    assert!(log.database.execute(sql).await? > 0, "nothing was changed");
    Ok(log.verify(drop).await?.fault)
}

pub async fn assert_found_at(position: i64, sql: &str) -> anyhow::Result<()> {
    let fault = fault_after(sql).await?;
    let found = fault.as_ref().map(|fault| fault.position);
    assert_eq!(found, Some(position), "{sql}: {fault:?}");
    Ok(())
}

#[tokio::test]
async fn events_are_not_changed_deleted_or_truncated() -> anyhow::Result<()> {
    let log = written().await?;

    for sql in [
        "update log.event set payload = '' where position = 3",
        "update log.event_000000 set payload = '' where position = 3",
        "delete from log.event where position = 3",
        "delete from log.event_000000",
        "truncate log.event",
        "truncate log.event_000000",
    ] {
        let error = log.database.execute(sql).await.expect_err(sql);
        let error = error.as_database_error().map(|error| error.message().to_owned());
        assert_eq!(error.as_deref(), Some("events are never changed or deleted"), "{sql}");
    }
    assert_eq!(log.read(0).await?.len(), 12);
    Ok(())
}

#[tokio::test]
async fn an_untouched_log_has_no_fault() -> anyhow::Result<()> {
    let log = written().await?;

    let verified = log.verify(drop).await?;

    assert_eq!(verified.fault, None);
    assert_eq!((verified.events, verified.streams), (12, 3));
    assert_eq!((verified.sealed, verified.heads), (12, 2));
    assert_eq!(verified.head, log.tree_head().await?);
    Ok(())
}

#[tokio::test]
async fn a_changed_payload_is_found() -> anyhow::Result<()> {
    assert_found_at(
        1,
        r#"update log.event set payload = convert_to(replace(convert_from(payload, 'UTF8'),
        '"USER"', '"ADMIN"'), 'UTF8') where position = 1"#,
    )
    .await?;
    assert_found_at(5, "update log.event set payload = 'nonsense' where position = 5").await?;
    // Two events of one command, exchanged.
    assert_found_at(
        10,
        "update log.event e set (payload, mac) = (select payload, mac from log.event o \
        where o.position = 21 - e.position) where position in (10, 11)",
    )
    .await
}

#[tokio::test]
async fn changed_circumstances_are_found() -> anyhow::Result<()> {
    assert_found_at(4, "update log.event set meta = '{}' where position = 4").await?;
    assert_found_at(4, "update log.event set command_id = gen_random_uuid() where position = 4")
        .await?;
    assert_found_at(4, "update log.event set type_id = 1 where position = 4").await?;
    assert_found_at(4, "update log.event set type_id = 99 where position = 4").await?;
    assert_found_at(4, "update log.event set bucket = bucket # 1 where position = 4").await?;
    assert_found_at(
        4,
        "update log.event set recorded_at = recorded_at - interval '1 h' where position = 4",
    )
    .await
}

#[tokio::test]
async fn a_changed_place_is_found() -> anyhow::Result<()> {
    assert_found_at(4, "update log.event set version = 7 where position = 4").await?;
    assert_found_at(1, "update log.event set stream_id = gen_random_uuid() where position = 1")
        .await?;
    assert_found_at(6, "update log.event set position = 100 where position = 6").await
}

#[tokio::test]
async fn a_deleted_event_is_found() -> anyhow::Result<()> {
    assert_found_at(1, "delete from log.event where position = 1").await?;
    assert_found_at(7, "delete from log.event where position = 7").await?;
    assert_found_at(12, "delete from log.event where position = 12").await
}

#[tokio::test]
async fn the_first_of_several_faults_is_named() -> anyhow::Result<()> {
    assert_found_at(
        3,
        "with gone as (delete from log.event where position = 8) \
        update log.event set payload = 'nonsense' where position = 3",
    )
    .await
}
