//! Forgers who know their way around: whatever needs no key is made to fit again, and verify still
//! names the first position that is not what was sealed.

use domain::login::Login;
use eventlog::{EventLog, Fault, Frontier, TreeHead};
use uuid::Uuid;

use super::{
    database::{TestLog, failed, write},
    tampering::assert_found_at,
};

/// The events at two positions change places; the times stay in order.
const SWAP: &str = "update log.event e
    set (stream_id, version, command_id, type_id, bucket, payload, meta, mac) =
        (select stream_id, version, command_id, type_id, bucket, payload, meta, mac
        from log.event o where o.position = 9 - e.position)
    where position in (4, 5)";
/// One event goes, and those behind it close the gap.
const DROP: &str = "with gone as (delete from log.event where position = 7 returning stream_id)
    update log.event e set version = version - 1 from gone
    where e.stream_id = gone.stream_id and e.position > 7;
    update log.event set position = position + 1000 where position > 7;
    update log.event set position = position - 1001 where position > 1000;
    update log.head set position = position - 1";
/// Whoever reads by streams is told what fits.
const STREAMS: &str =
    "update log.stream s set version = e.version, first_position = e.first, last_position = e.last
    from (select stream_id, max(version) as version, min(position) as first, max(position) as last
        from log.event group by stream_id) e
    where e.stream_id = s.stream_id";
/// Retries are told what fits.
const RECEIPTS: &str = "update log.receipt r
    set version = e.version, first_position = e.first, last_position = e.last
    from (select command_id, max(version) as version, min(position) as first, max(position) as last
        from log.event group by command_id) e
    where e.command_id = r.command_id";

/// 700 events in streams of 7, sealed at 301, 602 and 700.
async fn long() -> anyhow::Result<TestLog> {
    let log = TestLog::create().await?;
    for number in 1..=100 {
        let events = (0..7).map(|_| failed()).collect();
        write::<Login>(Uuid::now_v7(), 0, events).to(&log).await?;
        if [43, 86, 100].contains(&number) {
            log.seal_now().await?;
        }
    }
    Ok(log)
}

/// Makes the stored tree that of the events as they are now.
async fn rebuild_tree(log: &EventLog) -> anyhow::Result<()> {
    let (mut tree, mut nodes, mut after) = (Frontier::default(), vec![], 0);
    loop {
        let events = log.read(after).await?;
        let Some(last) = events.last() else { break };
        after = last.position;
        for event in &events {
            tree.push(event.leaf_digest(), |subtree, digest| {
                if subtree.level >= 8 {
                    nodes.push((subtree, digest));
                }
            });
        }
    }
    for (subtree, digest) in nodes {
        sqlx::query("update log.tree_node set digest = $3 where level = $1 and index = $2")
            .bind(i16::from(subtree.level))
            .bind(subtree.index)
            .bind(&digest.0[..])
            .execute(log.pool())
            .await?;
    }
    Ok(())
}

async fn fault(log: &EventLog, kept: Vec<TreeHead>) -> anyhow::Result<Option<Fault>> {
    Ok(log.verify_against(kept, drop).await?.fault)
}

fn position(fault: Option<&Fault>) -> Option<i64> {
    fault.map(|fault| fault.position)
}

#[tokio::test]
async fn events_that_changed_places_are_found() -> anyhow::Result<()> {
    assert_found_at(4, SWAP).await?;
    assert_found_at(4, &[SWAP, STREAMS, RECEIPTS].join(";")).await
}

#[tokio::test]
async fn an_event_that_was_dropped_without_a_gap_is_found() -> anyhow::Result<()> {
    assert_found_at(7, &[DROP, STREAMS].join(";")).await?;
    assert_found_at(7, &[DROP, STREAMS, RECEIPTS].join(";")).await
}

#[tokio::test]
async fn a_time_that_was_moved_a_little_is_found() -> anyhow::Result<()> {
    assert_found_at(
        6,
        "update log.event e set recorded_at = (select recorded_at from log.event where position = 5)
        where position = 6",
    )
    .await
}

#[tokio::test]
async fn a_change_is_found_even_if_the_tree_was_made_to_fit() -> anyhow::Result<()> {
    for (first, sql) in [
        (
            498,
            "update log.event e set recorded_at = (select recorded_at from log.event \
            where position = 497) where position = 498",
        ),
        (3, "update log.event set meta = meta || ' '::bytea where position in (3, 690)"),
    ] {
        let log = long().await?;
        log.database.disable_protection().await?;
        assert!(log.database.execute(sql).await? > 0, "nothing was changed");
        log.database.execute(&[STREAMS, RECEIPTS].join(";")).await?;
        rebuild_tree(&log).await?;

        let fault = fault(&log, vec![]).await?;

        assert_eq!(position(fault.as_ref()), Some(first), "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_found_by_the_heads_that_are_left() -> anyhow::Result<()> {
    let cut = "delete from log.event where position > 9; update log.head set position = 9";
    assert_found_at(10, &[cut, STREAMS, RECEIPTS].join(";")).await
}

#[tokio::test]
async fn a_tail_that_was_cut_off_with_its_heads_is_found_by_a_head_that_was_kept()
-> anyhow::Result<()> {
    let log = long().await?;
    let kept = log.tree_head().await?;
    log.database.disable_protection().await?;
    log.database
        .execute("delete from log.event where position > 603; delete from log.seal where tree_size > 602")
        .await?;
    log.database.execute("update log.head set position = 603").await?;
    log.database
        .execute("delete from log.stream where first_position > 603; delete from log.receipt where first_position > 603")
        .await?;

    log.database.execute(&[STREAMS, RECEIPTS].join(";")).await?;

    assert_eq!(fault(&log, vec![]).await?, None, "nothing inside of the database tells");
    let fault = fault(&log, kept.into_iter().collect()).await?;
    assert_eq!(position(fault.as_ref()), Some(604), "{fault:?}");
    Ok(())
}

#[tokio::test]
async fn heads_that_were_changed_or_removed_are_found() -> anyhow::Result<()> {
    // A head stands for the events up to its size.
    assert_found_at(9, "update log.seal set root = sha256('x') where tree_size = 9").await?;
    assert_found_at(12, "update log.seal set signature = sha512('x') where tree_size = 12").await?;
    assert_found_at(
        12,
        "update log.seal set sealed_at = sealed_at + interval '1 s' where tree_size = 12",
    )
    .await?;
    assert_found_at(9, "update log.seal set key_id = '\\x00000000' where tree_size = 9").await?;
    assert_found_at(1, "delete from log.seal where tree_size = 9").await?;
    assert_found_at(10, "update log.seal set tree_size = 11 where tree_size = 12").await
}

#[tokio::test]
async fn an_event_is_told_from_what_was_noted_of_it() -> anyhow::Result<()> {
    let log = long().await?;
    log.database.disable_protection().await?;
    log.database
        .execute("update log.seal set tags = set_byte(tags, 8 * 10, get_byte(tags, 80) # 1) where tree_size = 602")
        .await?;

    let fault = fault(&log, vec![]).await?;

    assert_eq!(position(fault.as_ref()), Some(312), "{fault:?}");
    let detail = fault.map(|fault| fault.detail).unwrap_or_default();
    assert!(detail.contains("the event is what was signed"), "{detail}");
    Ok(())
}

#[tokio::test]
async fn a_stored_tree_that_does_not_fit_is_found_after_everything_else() -> anyhow::Result<()> {
    let log = long().await?;
    log.database.disable_protection().await?;
    log.database.execute("update log.tree_node set digest = sha256('x') where index = 1").await?;
    let first = fault(&log, vec![]).await?;
    log.database.execute("delete from log.event where position = 650").await?;
    let second = fault(&log, vec![]).await?;

    assert_eq!(position(first.as_ref()), Some(257), "{first:?}");
    assert_eq!(position(second.as_ref()), Some(650), "{second:?}");
    Ok(())
}

#[tokio::test]
async fn a_stream_that_was_hidden_from_its_readers_is_found() -> anyhow::Result<()> {
    let of_bob = "stream_id = (select stream_id from log.event where position = 3)";
    for (position, change) in [
        (9, "set last_position = 7, version = 3"),
        (9, "set version = 3"),
        (3, "set first_position = 5"),
        (3, "set category = 1"),
    ] {
        assert_found_at(position, &format!("update log.stream {change} where {of_bob}")).await?;
    }
    assert_found_at(3, &format!("delete from log.stream where {of_bob}")).await
}
