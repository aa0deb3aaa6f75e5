//! Personal data: sealed in the log, readable with the key, gone without it.

use domain::{Event, Personal, Text, user};
use eventlog::EventLog;
use uuid::Uuid;

use super::database::{TestLog, Write, failure, registration};

const EMAIL: &str = "ada.lovelace@example.org";
const NAME: &str = "Ada Lovelace";

/// Somebody called Ada Lovelace.
fn ada(stream: Uuid, email: &str) -> Write<user::User> {
    let mut command = registration(stream, email);
    if let user::Event::Registered { name, .. } = &mut command.events[0] {
        *name = Some(Text::try_from(NAME.to_owned()).expect("a name").into());
    }
    command
}

async fn name_in(log: &EventLog, stream: Uuid) -> anyhow::Result<Option<Personal<Text>>> {
    let loaded = log.load::<user::User>(stream).await?;
    Ok(loaded.state.account().and_then(|account| account.name.clone()))
}

#[tokio::test]
async fn personal_data_is_nowhere_in_clear_and_reads_back() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let stream = Uuid::now_v7();
    ada(stream, EMAIL).to(&log).await?;
    failure(Uuid::now_v7(), 0).to(&log).await?;

    let rows: Vec<Vec<u8>> = sqlx::query_scalar("select payload || meta || mac from log.event")
        .fetch_all(&log.database.pool)
        .await?;
    let claims: Vec<Vec<u8>> =
        sqlx::query_scalar("select key from log.claim").fetch_all(&log.database.pool).await?;

    for clear in [EMAIL, NAME, "Lovelace", "example.org", "192.0.2.1"] {
        let is_in = |bytes: &Vec<u8>| {
            bytes.windows(clear.len()).any(|window| window.eq_ignore_ascii_case(clear.as_bytes()))
        };
        assert!(!rows.iter().chain(&claims).any(is_in), "{clear} is in clear");
    }
    let name = name_in(&log, stream).await?.and_then(Personal::into_known);
    assert_eq!(name.map(|name| name.to_string()).as_deref(), Some(NAME));
    Ok(())
}

#[tokio::test]
async fn what_a_destroyed_key_sealed_reads_as_erased() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let [erased, kept] = [Uuid::now_v7(), Uuid::now_v7()];
    ada(erased, EMAIL).to(&log).await?;
    ada(kept, "bob@example.org").to(&log).await?;

    sqlx::query("update vault.subject_key set wrapped_key = null, destroyed_at = now() where subject_id = $1")
        .bind(erased)
        .execute(&log.database.pool)
        .await?;
    // Another process, which has the key in no cache.
    let log = log.database.open().await?;

    assert_eq!(name_in(&log, erased).await?, Some(Personal::Erased));
    assert!(matches!(name_in(&log, kept).await?, Some(Personal::Known(_))));
    let followed = log.decode(log.read(0).await?).await?;
    let Event::User(user::Event::Registered { email, name, .. }) = &followed[0].event else {
        panic!("{:?}", followed[0].event)
    };
    assert_eq!((email, name), (&Personal::Erased, &Some(Personal::Erased)));
    assert_eq!(log.verify(drop).await?.fault, None);
    Ok(())
}

#[tokio::test]
async fn nothing_personal_is_written_once_the_key_is_destroyed() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let stream = Uuid::now_v7();
    ada(stream, EMAIL).to(&log).await?;
    log.database
        .execute("update vault.subject_key set wrapped_key = null, destroyed_at = now()")
        .await?;
    let log = log.database.open().await?;

    let outcome = failure(stream, 1).to(&log).await;

    assert!(outcome.is_err());
    assert_eq!(log.head().await?, 1);
    Ok(())
}
