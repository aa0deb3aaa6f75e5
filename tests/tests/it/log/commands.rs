//! One command: versions, receipts, neighbours, secrets.

use domain::{login::Login, user};
use eventlog::{AppendError, Expected, Secret};
use futures_util::future::join_all;
use uuid::Uuid;

use super::database::{TestLog, Write, failed, failure, registration, write};

#[tokio::test]
async fn positions_follow_each_other() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());

    let first = failure(ada, 0).to(&log).await?;
    let second = write::<Login>(bob, 0, vec![failed(), failed(), failed()]).to(&log).await?;
    let third = failure(ada, 1).to(&log).await?;

    assert_eq!((first.first, first.last, first.version), (1, 1, 1));
    assert_eq!((second.first, second.last, second.version), (2, 4, 3));
    assert_eq!((third.first, third.last, third.version), (5, 5, 2));
    assert_eq!(log.head().await?, 5);
    Ok(())
}

#[tokio::test]
async fn a_stream_is_read_as_it_was_written() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());
    failure(ada, 0).to(&log).await?;
    failure(bob, 0).to(&log).await?;
    write::<Login>(ada, 1, vec![failed(), failed()]).to(&log).await?;

    let loaded = log.load::<Login>(ada).await?;
    let raw = log.stream(ada).await?;
    let empty = log.load::<Login>(Uuid::now_v7()).await?;

    assert_eq!((loaded.state.failures, loaded.version, loaded.position), (3, 3, 4));
    assert_eq!(raw.iter().map(|event| event.version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(raw.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!((empty.state.failures, empty.version, empty.position), (0, 0, 0));
    Ok(())
}

#[tokio::test]
async fn a_command_that_expects_another_version_is_refused() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    failure(ada, 0).to(&log).await?;

    let behind = failure(ada, 0).to(&log).await;
    let ahead = failure(ada, 2).to(&log).await;
    let impossible = failure(ada, -1).to(&log).await;

    assert!(matches!(behind, Err(AppendError::StreamMoved)), "{behind:?}");
    assert!(matches!(ahead, Err(AppendError::StreamMoved)), "{ahead:?}");
    assert!(matches!(impossible, Err(AppendError::Unavailable(_))), "{impossible:?}");
    assert_eq!(log.head().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_command_without_events_is_refused() -> anyhow::Result<()> {
    let log = TestLog::create().await?;

    let outcome = write::<Login>(Uuid::now_v7(), 0, vec![]).to(&log).await;

    assert!(matches!(outcome, Err(AppendError::Unavailable(_))), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn a_command_may_fit_any_version() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    let any = |_| Write { expected: Expected::Any, ..failure(ada, 0) };
    let commands: Vec<_> = (0..50).map(any).collect();

    let outcomes = join_all(commands.iter().map(|command| command.to(&log))).await;

    let mut versions = outcomes
        .into_iter()
        .map(|outcome| outcome.map(|done| done.version))
        .collect::<Result<Vec<_>, _>>()?;
    versions.sort_unstable();
    assert_eq!(versions, (1..=50).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_writes_nothing() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = registration(Uuid::now_v7(), "ada@example.org");
    let first = ada.to(&log).await?;
    failure(Uuid::now_v7(), 0).to(&log).await?;

    let again = ada.to(&log).await?;

    assert!(!first.is_repeated);
    assert_eq!(again, first.again());
    assert_eq!(log.head().await?, 2);
    Ok(())
}

#[tokio::test]
async fn retries_at_the_same_moment_are_written_once() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = registration(Uuid::now_v7(), "ada@example.org");

    let outcomes = join_all((0..20).map(|_| ada.to(&log))).await;

    for outcome in outcomes {
        assert_eq!(outcome?.first, 1);
    }
    assert_eq!(log.head().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_command_id_is_good_for_one_command() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let mut ada = registration(Uuid::now_v7(), "ada@example.org");
    ada.to(&log).await?;
    ada.fingerprint = vec![2];

    let outcome = ada.to(&log).await;

    assert!(matches!(outcome, Err(AppendError::CommandReused)), "{outcome:?}");
    assert_eq!(log.head().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_refused_command_does_not_fail_its_neighbours() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let moved = Uuid::now_v7();
    failure(moved, 0).to(&log).await?;
    registration(Uuid::now_v7(), "taken@example.org").to(&log).await?;
    let refused = |number: usize| number.is_multiple_of(10);

    let outcomes = join_all((0..200).map(|number| {
        let log = &log;
        async move {
            match (refused(number), number.is_multiple_of(20)) {
                (true, true) => failure(moved, 0).to(log).await,
                (true, false) => registration(Uuid::now_v7(), "taken@example.org").to(log).await,
                (false, _) => failure(Uuid::now_v7(), 0).to(log).await,
            }
        }
    }))
    .await;

    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_err(), refused(number), "{number}: {outcome:?}");
    }
    assert_eq!(log.head().await?, 2 + 180);
    Ok(())
}

#[tokio::test]
async fn secrets_are_written_and_dropped_with_the_events() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    let with = |version, secrets| Write { secrets, ..failure(ada, version) };
    let put = |name, value: &str| Secret::Put(name, value.as_bytes().to_vec());

    with(0, vec![put("a", "1"), put("b", "1"), put("b", "2")]).to(&log).await?;
    let lost = with(0, vec![put("a", "lost"), Secret::Drop("b")]).to(&log).await;
    assert!(lost.is_err());
    assert_eq!(log.secret(ada, "a").await?.as_deref(), Some(&b"1"[..]));
    assert_eq!(log.secret(ada, "b").await?.as_deref(), Some(&b"2"[..]));

    with(1, vec![Secret::Drop("a"), put("b", "3")]).to(&log).await?;
    assert_eq!(log.secret(ada, "a").await?, None);
    assert_eq!(log.secret(ada, "b").await?.as_deref(), Some(&b"3"[..]));

    // The looking way does the same.
    let mut any = with(0, vec![put("a", "4"), Secret::Drop("b")]);
    any.expected = Expected::Any;
    any.to(&log).await?;
    assert_eq!(log.secret(ada, "a").await?.as_deref(), Some(&b"4"[..]));
    assert_eq!(log.secret(ada, "b").await?, None);
    Ok(())
}

#[tokio::test]
async fn several_events_of_a_command_are_written_together_or_not_at_all() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    registration(Uuid::now_v7(), "taken@example.org").to(&log).await?;
    let bob = Uuid::now_v7();
    let mut command = registration(bob, "taken@example.org");
    command.events.push(user::Event::EmailVerified { challenge: None });

    let refused = command.to(&log).await;

    assert!(matches!(refused, Err(AppendError::Claimed(_))), "{refused:?}");
    assert_eq!(log.load::<user::User>(bob).await?.version, 0);
    assert_eq!(log.head().await?, 1);
    Ok(())
}
