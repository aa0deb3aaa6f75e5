//! Partitions are there before they are needed.

use domain::login::Login;
use uuid::Uuid;

use super::database::{Database, TestLog, failure};

const SIZE: i64 = 1 << 22;
const LAST: &str =
    "select max(substr(relname, 7)::bigint) from pg_class where relname ~ '^event_[0-9]+$'
    and relkind = 'r'";

/// The highest partition.
async fn last_partition(database: &Database) -> anyhow::Result<i64> {
    Ok(database.number(LAST).await?)
}

/// A log that pretends to have come so far.
async fn at(position: i64) -> anyhow::Result<Database> {
    let database = Database::create().await?;
    sqlx::query("update log.head set position = $1").bind(position).execute(&database.pool).await?;
    Ok(database)
}

#[tokio::test]
async fn opening_the_log_makes_the_next_partition() -> anyhow::Result<()> {
    let database = at(5 * SIZE - 2).await?;

    database.open().await?;

    assert_eq!(last_partition(&database).await?, 5);
    Ok(())
}

#[tokio::test]
async fn a_partition_is_made_when_the_last_is_half_full() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    assert_eq!(last_partition(&log.database).await?, 1);
    log.database.execute("update log.head set position = 4194304 + 2097152 - 2").await?;
    let stream = Uuid::now_v7();

    failure(stream, 0).to(&log).await?;
    failure(stream, 1).to(&log).await?;
    // The next answer comes when what followed the last one is done.
    failure(stream, 2).to(&log).await?;

    assert_eq!(last_partition(&log.database).await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_stream_across_the_border_of_partitions_is_whole() -> anyhow::Result<()> {
    let database = at(SIZE - 3).await?;
    let log = database.open().await?;
    let stream = Uuid::now_v7();

    for version in 0..6 {
        failure(stream, version).to(&log).await?;
    }

    let positions: Vec<i64> =
        log.read(SIZE - 3).await?.iter().map(|event| event.position).collect();
    assert_eq!(positions, (SIZE - 2..SIZE + 4).collect::<Vec<_>>());
    assert_eq!(log.load::<Login>(stream).await?.state.failures, 6);
    assert_eq!(log.stream(stream).await?.len(), 6);
    Ok(())
}

#[tokio::test]
async fn a_missing_partition_is_made_when_it_is_missed() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    log.database.execute("update log.head set position = 41943040").await?;

    let appended = failure(Uuid::now_v7(), 0).to(&log).await?;

    assert_eq!(appended.first, 41_943_041);
    Ok(())
}

#[tokio::test]
async fn making_a_partition_waits_for_no_reader_and_blocks_no_writer() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let mut reader = log.database.pool.begin().await?;
    sqlx::query("select count(*) from log.event").execute(&mut *reader).await?;

    log.database.execute("select log.make_partitions(41943040)").await?;

    assert_eq!(last_partition(&log.database).await?, 10);
    reader.rollback().await?;
    Ok(())
}

#[tokio::test]
async fn partitions_made_later_are_as_final_as_the_first() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    log.database.execute("select log.make_partitions(16777216)").await?;
    log.database.execute("update log.head set position = 16777216").await?;
    failure(Uuid::now_v7(), 0).to(&log).await?;

    for sql in
        ["update log.event set meta = ''", "delete from log.event", "truncate log.event_000004"]
    {
        assert!(log.database.execute(sql).await.is_err(), "{sql}");
    }
    let indexes = "select count(*) from pg_index where indrelid = 'log.event_000004'::regclass";
    let first = "select count(*) from pg_index where indrelid = 'log.event_000000'::regclass";
    assert_eq!(log.database.number(indexes).await?, log.database.number(first).await?);
    Ok(())
}
