//! Parts of the log move to files and back, and nobody who reads notices.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{login::Login, user::User};
use eventlog::{EventLog, Keep, RawEvent, Unreadable};
use futures_util::TryStreamExt;
use tokio::time::timeout;
use uuid::Uuid;

use super::database::{Database, failure, registration};

const SIZE: i64 = 64;

/// A log in small partitions with a folder for its archive.
pub struct SmallLog {
    log: EventLog,
    pub database: Database,
    pub folder: PathBuf,
    pub ada: Uuid,
    bob: Uuid,
}

impl SmallLog {
    /// Holds `events` events: Ada's registration, then refused attempts of two accounts in turn.
    pub async fn with(events: i64) -> anyhow::Result<Self> {
        let database = Database::create().await?;
        assert!(EventLog::choose_partition_size(&database.pool, SIZE).await?);
        let folder = std::env::temp_dir().join(format!("annals-{}", Uuid::new_v4().simple()));
        let log = database.open().await?.with_archives_in(folder.clone());
        let (ada, bob) = (Uuid::now_v7(), Uuid::now_v7());
        registration(ada, "ada@example.org").to(&log).await?;
        for number in 0..events - 1 {
            let stream = if number % 2 == 0 { bob } else { Uuid::from_u128(7) };
            failure(stream, number / 2).to(&log).await?;
        }
        Ok(Self { log, database, folder, ada, bob })
    }

    /// Another process with the same folder.
    async fn other(&self) -> anyhow::Result<EventLog> {
        Ok(self.database.open().await?.with_archives_in(self.folder.clone()))
    }

    fn file(&self, part: i64) -> PathBuf {
        self.folder.join(format!("event_{part:06}.annals"))
    }

    async fn archive(&self, keep: i64) -> anyhow::Result<usize> {
        Ok(self.log.archive(Keep::Partitions(keep), drop).await?.len())
    }
}

impl std::ops::Deref for SmallLog {
    type Target = EventLog;

    fn deref(&self) -> &EventLog {
        &self.log
    }
}

impl Drop for SmallLog {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The whole log, as a rebuild gets it.
async fn scanned(log: &EventLog) -> anyhow::Result<Vec<RawEvent>> {
    let pieces: Vec<_> = log.scan(0, log.head().await?).try_collect().await?;
    Ok(pieces.concat())
}

/// The whole log, as a follower gets it.
pub async fn everything(log: &EventLog) -> anyhow::Result<Vec<RawEvent>> {
    let mut all: Vec<RawEvent> = Vec::new();
    loop {
        let more = log.read(all.last().map_or(0, |event| event.position)).await?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

fn flip_a_byte(file: &Path) -> anyhow::Result<()> {
    let mut bytes = fs::read(file)?;
    // Behind the header: within the first frame.
    bytes[2000] ^= 1;
    Ok(fs::write(file, bytes)?)
}

#[tokio::test]
async fn an_archived_log_reads_as_before() -> anyhow::Result<()> {
    let log = SmallLog::with(500).await?;
    let reader = log.other().await?;
    let before = everything(&log).await?;
    let (bob, attempts) = (log.stream(log.bob).await?, log.load::<Login>(log.bob).await?);

    let moved = log.archive(1).await?;

    assert!(moved >= 5, "{moved} partitions");
    let left = log.database.number("select min(position) from log.event").await?;
    assert_eq!(left, i64::try_from(moved)? * SIZE);
    for log in [&*log, &reader, &log.other().await?] {
        assert_eq!(scanned(log).await?, before);
        assert_eq!(everything(log).await?, before);
        assert_eq!(log.read_at_most(100, 5).await?, before[100..105]);
    }
    for log in [&*log, &reader] {
        assert_eq!(log.stream(bob[0].stream).await?, bob);
        assert_eq!(log.load::<Login>(bob[0].stream).await?.state, attempts.state);
    }
    let verified = log.verify(drop).await?;
    assert_eq!((verified.events, verified.streams, verified.fault), (500, 3, None));
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_wholly_archived_goes_on() -> anyhow::Result<()> {
    let log = SmallLog::with(300).await?;
    let reader = log.other().await?;
    log.archive(0).await?;

    let loaded = reader.load::<User>(log.ada).await?;
    let nobody = reader.load::<User>(Uuid::now_v7()).await?;
    let of_another_kind = reader.load::<Login>(log.ada).await?;

    assert!(loaded.state.account().is_some());
    assert_eq!((loaded.version, loaded.position), (1, 1));
    assert_eq!((nobody.version, of_another_kind.version), (0, 0));
    failure(log.bob, reader.load::<Login>(log.bob).await?.version).to(&reader).await?;
    Ok(())
}

#[tokio::test]
async fn nobody_waits_while_an_archive_waits_for_a_long_transaction() -> anyhow::Result<()> {
    let log = SmallLog::with(300).await?;
    let before = everything(&log).await?;
    let mut open = log.database.pool.begin().await?;
    sqlx::query("select count(*) from log.event").execute(&mut *open).await?;
    let archiving = {
        let other = log.other().await?;
        tokio::spawn(async move { other.archive(Keep::Partitions(0), drop).await })
    };
    while log.database.number("select count(*) from log.archive").await? == 0 {
        tokio::task::yield_now().await;
    }

    // Enough for several new partitions.
    let writing = async {
        for number in 0..6000 {
            failure(Uuid::from_u128(8), number).to(&log).await?;
        }
        anyhow::Ok(())
    };
    timeout(Duration::from_mins(2), writing).await??;
    assert_eq!(everything(&log).await?[..before.len()], before);
    assert!(!archiving.is_finished());
    open.rollback().await?;

    assert_eq!(archiving.await??.len(), 4);
    assert_eq!(log.verify(drop).await?.fault, None);
    Ok(())
}

#[tokio::test]
async fn an_archive_that_is_cut_off_is_finished_by_the_next_process() -> anyhow::Result<()> {
    let log = SmallLog::with(300).await?;
    let before = everything(&log).await?;
    let mut open = log.database.pool.begin().await?;
    sqlx::query("select count(*) from log.event").execute(&mut *open).await?;
    let archiving = {
        let other = log.other().await?;
        tokio::spawn(async move { other.archive(Keep::Partitions(0), drop).await })
    };
    let pending = "select count(*) from pg_inherits where inhdetachpending";
    while log.database.number(pending).await? == 0 {
        tokio::task::yield_now().await;
    }
    archiving.abort();

    assert_eq!(everything(&log).await?, before);
    assert_eq!(everything(&log.other().await?).await?, before);
    open.rollback().await?;
    let unfinished = "select count(*) from log.archive where not is_moved";
    let next = log.other().await?;
    while log.database.number(unfinished).await? > 0 {
        next.finish_archiving().await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    assert_eq!(log.database.number("select min(position) from log.event").await?, SIZE);
    assert_eq!(everything(&log).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_table_whose_detaching_was_all_that_was_done_is_dropped() -> anyhow::Result<()> {
    let log = SmallLog::with(300).await?;
    let before = everything(&log).await?;
    log.archive(3).await?;
    // As if the process had been killed between the last steps.
    log.database.execute("update log.archive set is_moved = false where part = 0").await?;
    log.database.execute("create table log.event_000000 (like log.event including all)").await?;

    log.other().await?.finish_archiving().await?;

    assert_eq!(
        log.database.number("select count(*) from pg_class where relname = 'event_000000'").await?,
        0
    );
    assert_eq!(everything(&log).await?, before);
    Ok(())
}

#[tokio::test]
async fn partitions_come_back_as_final_as_they_were() -> anyhow::Result<()> {
    let log = SmallLog::with(300).await?;
    let before = everything(&log).await?;
    let reader = log.other().await?;
    log.archive(0).await?;
    everything(&reader).await?;

    let restored = log.restore_partitions(1, drop).await?;
    fs::remove_file(log.file(1))?;

    let parts: Vec<_> = restored.iter().map(|archived| archived.part).collect();
    assert_eq!(parts, [3, 2, 1]);
    assert_eq!(log.database.number("select min(position) from log.event").await?, SIZE);
    assert_eq!(scanned(&reader).await?, before);
    assert_eq!(everything(&reader).await?, before);
    assert_eq!(everything(&log).await?, before);
    for sql in ["delete from log.event where position = 70", "truncate log.event_000001"] {
        assert!(log.database.execute(sql).await.is_err(), "{sql}");
    }
    assert!(log.restore_partitions(1, drop).await.is_err());
    assert_eq!(log.archive(0).await?, 3);
    assert_eq!(everything(&reader).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_missing_file_is_named_with_its_positions() -> anyhow::Result<()> {
    let log = SmallLog::with(300).await?;
    log.archive(0).await?;
    let reader = log.other().await?;
    fs::remove_file(log.file(1))?;

    let error = reader.read(63).await.expect_err("it is gone");

    let unreadable = error.downcast_ref::<Unreadable>().expect("it says which");
    assert_eq!((unreadable.position, unreadable.last), (64, 127));
    let text = error.to_string();
    assert!(text.contains("event_000001.annals") && text.contains("ANNALS_ARCHIVE_DIR"), "{text}");
    assert!(reader.load::<Login>(log.bob).await.is_err());
    assert!(reader.load::<User>(log.ada).await.is_ok(), "it is in another file");
    assert_eq!(reader.read(0).await?.len(), 63);
    let fault = reader.verify(drop).await?.fault.expect("it is noticed");
    assert_eq!(fault.position, 64);
    Ok(())
}

#[tokio::test]
async fn a_damaged_file_is_found_at_its_first_bad_position() -> anyhow::Result<()> {
    let log = SmallLog::with(300).await?;
    log.archive(0).await?;
    flip_a_byte(&log.file(2))?;
    let reader = log.other().await?;

    let fault = reader.verify(drop).await?.fault.expect("it is noticed");

    assert_eq!(fault.position, 128, "{fault:?}");
    assert!(reader.read(127).await.is_err());
    assert!(reader.stream(log.bob).await.is_err());
    assert!(reader.restore_partitions(2, drop).await.is_err());
    assert_eq!(reader.read(64).await?.len(), 63);
    Ok(())
}

#[tokio::test]
async fn a_table_with_a_hole_is_not_moved() -> anyhow::Result<()> {
    let log = SmallLog::with(300).await?;
    log.database.execute("alter table log.event disable trigger all").await?;
    log.database.execute("delete from log.event where position = 70").await?;

    let outcome = log.archive(0).await;

    let error = outcome.expect_err("part 1 has a hole").to_string();
    assert_eq!(error, "expected position 70, found 71");
    assert_eq!(log.database.number("select count(*) from log.archive").await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_size_of_partitions_is_chosen_before_the_first_event() -> anyhow::Result<()> {
    let log = SmallLog::with(2).await?;
    let pool = &log.database.pool;

    assert!(EventLog::choose_partition_size(pool, SIZE).await?);
    assert!(!EventLog::choose_partition_size(pool, 2 * SIZE).await?);
    let forced = log.database.execute("update log.layout set partition_size = 128").await;
    assert!(forced.is_err());
    Ok(())
}

#[tokio::test]
async fn several_processes_cross_many_small_partitions_together() -> anyhow::Result<()> {
    let log = SmallLog::with(1).await?;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4_u128 {
        let other = log.other().await?;
        writers.spawn(async move {
            for number in 0..1500 {
                failure(Uuid::from_u128(100 + writer), number).to(&other).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(outcome) = writers.join_next().await {
        outcome??;
    }

    assert_eq!(everything(&log).await?.len(), 6001);
    Ok(())
}
