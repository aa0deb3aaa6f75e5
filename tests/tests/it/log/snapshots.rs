//! Snapshots save reading and change nothing: not even damaged, forged or in the wrong place.

use std::time::Duration;

use domain::{
    Aggregate, Category,
    chat::{self, Chat, Message, Role},
    user::{self, User},
};
use eventlog::{EventLog, Meta, Secret};
use tests::Dice;
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    archive::SmallLog,
    database::{Database, TestLog, registration, write},
};
use crate::properties::samples::Sample;

const ADA: Uuid = Uuid::from_u128(1);
const SESSION: Uuid = Uuid::from_u128(100);
const MARKER: &str = "zq7marker9xw";

fn opened(owner: Uuid) -> chat::Event {
    chat::Event::Opened { owner, title: None, at: chrono::DateTime::UNIX_EPOCH }
}

fn said(number: i64) -> chat::Event {
    let message = Message::text(Role::User, format!("{MARKER} {number}"));
    chat::Event::MessageAdded { message: message.into() }
}

/// Has Ada say things until the stream holds so many events.
async fn talk(log: &EventLog, stream: Uuid, from: i64, upto: i64) -> anyhow::Result<()> {
    let said = (from + 1..=upto).map(|number| if number == 1 { opened(ADA) } else { said(number) });
    let mut turns = write::<Chat>(stream, from, said.collect());
    turns.meta = Meta::default().about(ADA);
    turns.to(log).await?;
    Ok(())
}

/// A conversation of 100 events with a snapshot at 90.
async fn conversation() -> anyhow::Result<TestLog> {
    let log = TestLog::create().await?;
    talk(&log, SESSION, 0, 90).await?;
    assert_eq!(at_rest(&log.database).await?, 90);
    talk(&log, SESSION, 90, 100).await?;
    Ok(log)
}

/// The version of the one snapshot that there is or is about to be.
async fn at_rest(database: &Database) -> anyhow::Result<i64> {
    let kept = "select coalesce(max(version), 0) from work.snapshot";
    let waiting = async {
        loop {
            let version = database.number(kept).await?;
            if version > 0 {
                return anyhow::Ok(version);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), waiting).await?
}

/// What the events say, read by a way that knows no snapshots.
async fn replayed<A: Aggregate>(
    log: &EventLog,
    stream: Uuid,
    upto: i64,
    of: impl Fn(domain::Event) -> Option<A::Event>,
) -> anyhow::Result<A> {
    let mut state = A::default();
    for event in log.decode(log.stream(stream).await?).await? {
        if let Some(event) = of(event.event).filter(|_| event.version <= upto) {
            state.evolve(&event);
        }
    }
    Ok(state)
}

fn of_chat(event: domain::Event) -> Option<chat::Event> {
    match event {
        domain::Event::Chat(event) => Some(event),
        _ => None,
    }
}

async fn snapshots(log: &TestLog) -> sqlx::Result<i64> {
    log.database.number("select count(*) from work.snapshot").await
}

#[tokio::test]
async fn a_long_stream_gets_a_snapshot_in_the_background_and_goes_on_from_it() -> anyhow::Result<()>
{
    let log = conversation().await?;
    let truth = replayed::<Chat>(&log, SESSION, 100, of_chat).await?;

    // Whoever does not need the first events does not miss them.
    log.database.disable_protection().await?;
    log.database.execute("delete from log.event where version < 91").await?;
    let loaded = log.load::<Chat>(SESSION).await?;

    assert_eq!(loaded.state, truth);
    assert_eq!((loaded.version, loaded.position), (100, 100));
    Ok(())
}

#[tokio::test]
async fn a_short_stream_has_no_snapshot_and_one_on_demand_is_as_good() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    talk(&log, SESSION, 0, 20).await?;
    registration(ADA, "ada@example.org").to(&log).await?;

    assert_eq!(snapshots(&log).await?, 0);
    assert_eq!(log.take_snapshot::<User>(ADA).await?, None, "accounts have none");
    assert_eq!(log.take_snapshot::<Chat>(Uuid::now_v7()).await?, None);
    assert_eq!(log.take_snapshot::<Chat>(SESSION).await?, Some(20));
    assert_eq!(log.take_snapshot::<Chat>(SESSION).await?, None, "nothing is new");
    assert_eq!(log.load::<Chat>(SESSION).await?.version, 20);
    Ok(())
}

#[tokio::test]
async fn any_snapshot_that_is_no_good_only_means_reading_more() -> anyhow::Result<()> {
    let strikes = [
        "truncate work.snapshot",
        "update work.snapshot set sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)",
        "update work.snapshot set sealed = substr(sealed, 1, 100)",
        "update work.snapshot set sealed = ''",
        "update work.snapshot set sealed = '\\x7b7d'",
        "update work.snapshot set version = 80",
        "update work.snapshot set version = 100",
        "update work.snapshot set version = -1",
        "update work.snapshot set version = 9000000000",
        "update work.snapshot set position = 80",
        "update work.snapshot set form = form + 1",
        "update work.snapshot set subject_id = null",
        "update work.snapshot set subject_id = '00000000-0000-0000-0000-000000000002'",
        "update work.snapshot set periods = '{f2611}'",
        "update work.snapshot set periods = '{nonsense}'",
        "update log.head set epoch = epoch + 1",
    ];
    let log = conversation().await?;
    let truth = replayed::<Chat>(&log, SESSION, 100, of_chat).await?;
    for strike in strikes {
        log.database.execute("truncate work.snapshot").await?;
        log.take_snapshot::<Chat>(SESSION).await?;
        log.database.execute(strike).await?;

        let loaded = log.load_until::<Chat>(SESSION, 100).await?;

        assert_eq!(loaded.state, truth, "{strike}");
        assert_eq!((loaded.version, loaded.position), (100, 100), "{strike}");
    }
    log.database.execute("drop table work.snapshot").await?;
    assert_eq!(log.load::<Chat>(SESSION).await?.state, truth, "not even the table is needed");
    Ok(())
}

#[tokio::test]
async fn the_snapshot_of_another_stream_says_nothing_of_this_one() -> anyhow::Result<()> {
    let log = conversation().await?;
    let other = Uuid::from_u128(200);
    talk(&log, other, 0, 99).await?;
    log.take_snapshot::<Chat>(other).await?;
    let truth = replayed::<Chat>(&log, SESSION, 100, of_chat).await?;

    let swap = format!(
        "update work.snapshot s set version = o.version, position = o.position, sealed = o.sealed
        from work.snapshot o where s.stream_id = '{SESSION}' and o.stream_id = '{other}'"
    );
    assert_eq!(log.database.execute(&swap).await?, 1);

    assert_eq!(log.load::<Chat>(SESSION).await?.state, truth);
    let left = format!("select count(*) from work.snapshot where stream_id = '{SESSION}'");
    let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(left)).fetch_one(log.pool()).await?;
    assert_eq!(left, 0, "it is not looked at twice");
    Ok(())
}

#[tokio::test]
async fn a_stream_that_was_read_from_its_first_event_gets_another_snapshot() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    talk(&log, SESSION, 0, 200).await?;
    at_rest(&log.database).await?;
    log.database.execute("update work.snapshot set sealed = ''").await?;

    log.load::<Chat>(SESSION).await?;

    assert_eq!(at_rest(&log.database).await?, 200);
    log.database.disable_protection().await?;
    log.database.execute("delete from log.event").await?;
    assert_eq!(log.load::<Chat>(SESSION).await?.version, 200);
    Ok(())
}

#[tokio::test]
async fn events_that_do_not_follow_a_snapshot_are_not_taken_in() -> anyhow::Result<()> {
    let log = conversation().await?;
    log.database.disable_protection().await?;
    log.database.execute("delete from log.event where version between 91 and 95").await?;
    let truth = replayed::<Chat>(&log, SESSION, 100, of_chat).await?;

    let loaded = log.load::<Chat>(SESSION).await?;

    assert_eq!(loaded.state, truth, "a hole is what it is without a snapshot");
    Ok(())
}

#[tokio::test]
async fn a_snapshot_goes_on_into_archived_partitions() -> anyhow::Result<()> {
    let log = SmallLog::with(10).await?;
    talk(&log, SESSION, 0, 90).await?;
    assert_eq!(at_rest(&log.database).await?, 90);
    log.database.execute("create table kept as table work.snapshot").await?;
    log.database.execute("truncate work.snapshot").await?;
    talk(&log, SESSION, 90, 300).await?;
    assert_eq!(at_rest(&log.database).await?, 300);
    log.database.execute("truncate work.snapshot").await?;
    log.database.execute("insert into work.snapshot select * from kept").await?;

    EventLog::archive(&log, eventlog::Keep::Partitions(1), drop).await?;

    let first = log.database.number("select min(position) from log.event").await?;
    assert!(first > 128, "what follows the snapshot was moved");
    for version in [89, 90, 91, 200, 299, 300] {
        let loaded = log.load_until::<Chat>(SESSION, version).await?;
        assert_eq!(loaded.version, version);
        assert_eq!(loaded.state, replayed::<Chat>(&log, SESSION, version, of_chat).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_snapshot_shows_nothing_and_goes_with_its_person() -> anyhow::Result<()> {
    let log = conversation().await?;
    registration(ADA, "ada@example.org").to(&log).await?;
    let rows: Vec<Vec<u8>> =
        sqlx::query_scalar("select sealed from work.snapshot").fetch_all(log.pool()).await?;
    let shown = rows.concat();
    assert!(!shown.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()));
    log.database.execute("create table kept as table work.snapshot").await?;
    let mut erased = write::<User>(ADA, 1, vec![user::Event::Deactivated {}]);
    erased.secrets = vec![Secret::DestroyKey(ADA)];
    erased.to(&log).await?;

    let loaded = log.load::<Chat>(SESSION).await?;
    let again = log.take_snapshot::<Chat>(SESSION).await?;
    let left = snapshots(&log).await?;
    // Not even whoever kept a copy of it.
    log.database.execute("insert into work.snapshot select * from kept").await?;
    let from_copy = log.load::<Chat>(SESSION).await?;

    for loaded in [loaded, from_copy] {
        let messages = &loaded.state.conversation().expect("a conversation").messages;
        assert_eq!(messages.len(), 99);
        assert!(messages.iter().all(|message| message.known().is_none()), "all is erased");
    }
    assert_eq!((again, left), (None, 0), "nothing is kept of somebody who was erased");
    Ok(())
}

#[tokio::test]
async fn what_tells_of_two_people_has_no_snapshot() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    talk(&log, SESSION, 0, 10).await?;
    let mut of_bob = write::<Chat>(SESSION, 10, vec![said(11)]);
    of_bob.meta = Meta::default().about(Uuid::from_u128(2));
    of_bob.to(&log).await?;

    assert_eq!(log.take_snapshot::<Chat>(SESSION).await?, None);
    Ok(())
}

#[tokio::test]
async fn any_conversation_is_the_same_with_snapshots_at_every_version() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let (samples, mut dice) = (Sample::all(Category::Chat), Dice::new(Dice::seed("conversations")));
    for number in 0..5 {
        let stream = Uuid::from_u128(1000 + number);
        let mut lived = vec![Chat::default()];
        while lived.len() < 50 {
            let mut events: Vec<_> =
                (0..=dice.below(8)).filter_map(|_| any_event(&samples, &mut dice)).collect();
            if lived.len() == 1 {
                events.insert(0, opened(ADA));
            }
            live(&log, stream, events, &mut lived).await?;
            if dice.below(3) > 0 {
                log.take_snapshot::<Chat>(stream).await?;
            }
            for (version, state) in (0..).zip(&lived) {
                let loaded = log.load_until::<Chat>(stream, version).await?;
                assert_eq!((loaded.version, &loaded.state), (version, state), "{dice:?}");
            }
        }
    }
    assert_eq!(snapshots(&log).await?, 5);
    Ok(())
}

/// Something that may happen to a conversation; only now and then its end, or that it begins again.
fn any_event(samples: &[Sample], dice: &mut Dice) -> Option<chat::Event> {
    let sample = dice.pick(samples);
    let is_rare = matches!(&*sample.name, "chat.deleted" | "chat.opened");
    if is_rare && dice.below(20) > 0 {
        return None;
    }
    of_chat(sample.varied(dice).decode()?)
}

/// Lets something happen, and notes the state after each event.
async fn live(
    log: &EventLog,
    stream: Uuid,
    events: Vec<chat::Event>,
    lived: &mut Vec<Chat>,
) -> anyhow::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut happened = write::<Chat>(stream, i64::try_from(lived.len() - 1)?, events);
    happened.meta = Meta::default().about(ADA);
    happened.to(log).await?;
    for event in happened.events {
        let mut next = lived.last().cloned().unwrap_or_default();
        next.evolve(&event);
        lived.push(next);
    }
    Ok(())
}
