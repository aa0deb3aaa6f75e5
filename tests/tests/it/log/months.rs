//! Technical data goes with the key of its month, and nothing else does.

use chrono::{NaiveDate, TimeDelta};
use domain::{Personal, Retention, login::Event as Failure};
use eventlog::ServiceKey;
use uuid::Uuid;

use super::database::{TestLog, failure, registration};

/// The address in the only event of a stream.
async fn address(log: &TestLog, stream: Uuid) -> anyhow::Result<Option<Personal<String>>> {
    let decoded = log.decode(log.stream(stream).await?).await?;
    match decoded.into_iter().next().map(|recorded| recorded.event) {
        Some(domain::Event::Login(Failure::Failed { address, .. })) => Ok(address),
        other => anyhow::bail!("not a failure: {other:?}"),
    }
}

#[tokio::test]
async fn months_that_ended_long_ago_lose_their_keys_and_this_one_does_not() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let stream = Uuid::now_v7();
    failure(stream, 0).to(&log).await?;
    let master = log.database.master();
    for old in ["month f2001", "month f2002", "month s2001"] {
        ServiceKey::load(log.pool(), master, old).await?;
    }
    let now = log.stream(stream).await?[0].recorded_at;

    let withheld = log.withhold(Retention::FailedLogins, now - TimeDelta::days(365)).await?;

    let month = |month| NaiveDate::from_ymd_opt(2020, month, 1);
    assert_eq!(withheld.into_iter().map(Some).collect::<Vec<_>>(), [month(1), month(2)]);
    let left =
        "select count(*) from vault.service_key where name in ('month f2001', 'month s2001')";
    assert_eq!(log.database.number(left).await?, 1, "the other kind keeps its own");
    assert_eq!(address(&log, stream).await?, Some(Personal::Known("192.0.2.1".to_owned())));
    Ok(())
}

#[tokio::test]
async fn a_month_that_is_withheld_early_goes_on_under_another_key() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let (before, after, ada) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    failure(before, 0).to(&log).await?;
    registration(ada, "ada@example.org").to(&log).await?;
    let bytes = log.read(0).await?;

    let far = log.stream(before).await?[0].recorded_at + TimeDelta::days(100);
    log.withhold(Retention::FailedLogins, far).await?;
    failure(after, 0).to(&log).await?;

    assert_eq!(address(&log, before).await?, Some(Personal::Erased));
    assert_eq!(address(&log, after).await?, Some(Personal::Known("192.0.2.1".to_owned())));
    let account = log.load::<domain::user::User>(ada).await?.state;
    assert!(account.account().is_some_and(|account| account.email.known().is_some()));
    assert_eq!(log.read(0).await?[..2], bytes, "not a byte was changed");
    assert_eq!(log.verify(drop).await?.fault, None);
    Ok(())
}

#[tokio::test]
async fn another_process_reads_what_was_sealed_with_a_key_it_knew_in_advance() -> anyhow::Result<()>
{
    let log = TestLog::create().await?;
    let other = log.database.open().await?;
    let stream = Uuid::now_v7();
    failure(stream, 0).to(&log).await?;

    let decoded = other.decode(other.stream(stream).await?).await?;

    let domain::Event::Login(Failure::Failed { address, .. }) = &decoded[0].event else {
        anyhow::bail!("not a failure")
    };
    assert_eq!(*address, Some(Personal::Known("192.0.2.1".to_owned())));
    Ok(())
}
