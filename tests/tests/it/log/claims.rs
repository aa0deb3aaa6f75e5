//! What only one stream may hold at a time.

use domain::{Aggregate, Category, Claim, ClaimScope, user};
use eventlog::{AppendError, Expected};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::database::{TestLog, Write, registered, registration, write};

/// An account takes the right to act, and gives it back.
fn change(stream: Uuid, version: i64, events: Vec<user::Event>) -> Write<user::User> {
    write(stream, version, events)
}

#[tokio::test]
async fn one_of_many_who_want_an_address_gets_it() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let commands: Vec<_> =
        (0..30).map(|_| registration(Uuid::now_v7(), "ada@example.org")).collect();

    let outcomes = join_all(commands.iter().map(|command| command.to(&log))).await;

    let won: Vec<_> = (0..30).filter(|number| outcomes[*number].is_ok()).collect();
    assert_eq!(won.len(), 1);
    for outcome in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(outcome, AppendError::Claimed(ClaimScope::Email)), "{outcome:?}");
    }
    let holder = log.holder(ClaimScope::Email, b"ada@example.org").await?;
    assert_eq!(holder, Some(commands[won[0]].stream));
    Ok(())
}

/// A stream that holds whatever its events name.
#[derive(Default)]
struct Locker;

#[derive(Serialize, Deserialize)]
enum Change {
    #[serde(rename = "user.took")]
    Took { key: String },
    #[serde(rename = "user.gave_back")]
    GaveBack { key: String },
}

impl Aggregate for Locker {
    const CATEGORY: Category = Category::User;
    type Command = ();
    type Event = Change;
    type Error = domain::login::Error;

    fn decide(&self, (): ()) -> Result<Vec<Change>, Self::Error> {
        Ok(vec![])
    }

    fn evolve(&mut self, _: &Change) {}

    fn claims(_: Uuid, event: &Change) -> Vec<Claim> {
        vec![match event {
            Change::Took { key } => Claim::Take(ClaimScope::ApiKey, key.as_bytes().to_vec()),
            Change::GaveBack { key } => Claim::Release(ClaimScope::ApiKey, key.as_bytes().to_vec()),
        }]
    }
}

fn take(stream: Uuid, version: i64) -> Write<Locker> {
    write(stream, version, vec![Change::Took { key: "k".to_owned() }])
}

fn give_back(stream: Uuid, version: i64) -> Write<Locker> {
    write(stream, version, vec![Change::GaveBack { key: "k".to_owned() }])
}

#[tokio::test]
async fn what_one_stream_gives_back_another_may_take() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());
    take(ada, 0).to(&log).await?;
    let refused = take(bob, 0).to(&log).await;
    assert!(matches!(refused, Err(AppendError::Claimed(ClaimScope::ApiKey))), "{refused:?}");

    give_back(ada, 1).to(&log).await?;
    assert_eq!(log.holder(ClaimScope::ApiKey, b"k").await?, None);
    assert!(!log.are_held(&[(ClaimScope::ApiKey, b"k")]).await?);
    take(bob, 0).to(&log).await?;

    assert_eq!(log.holder(ClaimScope::ApiKey, b"k").await?, Some(bob));
    Ok(())
}

#[tokio::test]
async fn giving_back_and_taking_may_wait_in_the_same_queue() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());
    take(ada, 0).to(&log).await?;
    // Bob's key is made before, so that Ada's command is the first in the queue.
    give_back(bob, 0).to(&log).await?;

    let (given, taken) = (give_back(ada, 1), take(bob, 1));
    let (given, taken) = tokio::join!(given.to(&log), taken.to(&log));

    assert_eq!(given?.first, 3);
    assert_eq!(taken?.first, 4);
    assert_eq!(log.holder(ClaimScope::ApiKey, b"k").await?, Some(bob));
    Ok(())
}

#[tokio::test]
async fn a_stream_does_not_give_back_what_another_holds() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());
    take(ada, 0).to(&log).await?;

    give_back(bob, 0).to(&log).await?;

    assert_eq!(log.holder(ClaimScope::ApiKey, b"k").await?, Some(ada));
    Ok(())
}

#[tokio::test]
async fn a_key_given_back_and_taken_in_one_command_is_held() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let [ada, bob] = [Uuid::now_v7(), Uuid::now_v7()];
    registration(ada, "ada@example.org").to(&log).await?;
    registration(bob, "bob@example.org").to(&log).await?;
    let again = || vec![user::Event::Deactivated {}, user::Event::Activated {}];

    change(ada, 1, again()).to(&log).await?;
    let mut looking = change(bob, 1, again());
    looking.expected = Expected::Any;
    looking.to(&log).await?;

    assert_eq!(log.holder(ClaimScope::ActiveUser, ada.as_bytes()).await?, Some(ada));
    assert_eq!(log.holder(ClaimScope::ActiveUser, bob.as_bytes()).await?, Some(bob));
    Ok(())
}

#[tokio::test]
async fn a_key_taken_and_given_back_in_one_command_is_free() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();

    change(ada, 0, vec![registered("ada@example.org"), user::Event::Deactivated {}])
        .to(&log)
        .await?;

    assert_eq!(log.holder(ClaimScope::ActiveUser, ada.as_bytes()).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_stream_may_take_what_it_holds() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let ada = Uuid::now_v7();
    registration(ada, "ada@example.org").to(&log).await?;

    let once = change(ada, 1, vec![user::Event::Activated {}, user::Event::Activated {}]);
    once.to(&log).await?;
    let mut looking = change(ada, 2, vec![user::Event::Activated {}]);
    looking.expected = Expected::Any;
    looking.to(&log).await?;

    assert_eq!(log.holder(ClaimScope::ActiveUser, ada.as_bytes()).await?, Some(ada));
    Ok(())
}

#[tokio::test]
async fn giving_back_and_taking_at_the_same_moment_never_fails_the_batch() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let streams: Vec<Uuid> = (0..20).map(|_| Uuid::now_v7()).collect();
    for (number, stream) in streams.iter().enumerate() {
        registration(*stream, &format!("p{number}@example.org")).to(&log).await?;
    }
    // The names of the events are known before, so that the queue is in order.
    change(streams[0], 1, vec![user::Event::Deactivated {}]).to(&log).await?;
    change(streams[0], 2, vec![user::Event::Activated {}]).to(&log).await?;
    let streams = &streams[1..];

    let off: Vec<_> =
        streams.iter().map(|one| change(*one, 1, vec![user::Event::Deactivated {}])).collect();
    let on: Vec<_> =
        streams.iter().map(|one| change(*one, 2, vec![user::Event::Activated {}])).collect();
    let pairs = off.iter().zip(&on).flat_map(|(off, on)| [off.to(&log), on.to(&log)]);
    let outcomes = join_all(pairs).await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let keys: Vec<_> =
        streams.iter().map(|one| (ClaimScope::ActiveUser, &one.as_bytes()[..])).collect();
    assert!(log.are_held(&keys).await?);
    Ok(())
}
