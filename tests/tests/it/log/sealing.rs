//! The tree over the log: it grows with it, its heads are signed, and proofs hold.

use domain::login::Login;
use eventlog::{EventLog, Misfit, ProofError, TreeHead};
use uuid::Uuid;

use super::database::{TestLog, failed, write};

/// Adds a stream of `count` events.
async fn grow(log: &EventLog, count: usize) -> anyhow::Result<()> {
    let events = (0..count).map(|_| failed()).collect();
    write::<Login>(Uuid::now_v7(), 0, events).to(log).await?;
    Ok(())
}

/// A log that was sealed at each of these sizes.
async fn sealed(steps: &[usize]) -> anyhow::Result<(TestLog, Vec<TreeHead>)> {
    let log = TestLog::create().await?;
    let mut heads = Vec::new();
    for step in steps {
        grow(&log, *step).await?;
        heads.push(log.seal_now().await?);
    }
    Ok((log, heads))
}

#[tokio::test]
async fn a_head_tells_of_every_event_and_is_signed() -> anyhow::Result<()> {
    let (log, heads) = sealed(&[3, 1500, 1]).await?;

    assert_eq!(heads.iter().map(|head| head.size).collect::<Vec<_>>(), [3, 1503, 1504]);
    for head in &heads {
        head.verify(log.public_key())?;
    }
    assert_eq!(log.tree_head().await?, heads.last().cloned());
    Ok(())
}

#[tokio::test]
async fn a_log_that_did_not_grow_keeps_its_head() -> anyhow::Result<()> {
    let (log, heads) = sealed(&[5]).await?;

    assert_eq!(log.seal_now().await?, heads[0]);
    assert_eq!(log.database.open().await?.seal_now().await?, heads[0]);
    assert_eq!(log.database.number("select count(*) from log.seal").await?, 1);
    Ok(())
}

#[tokio::test]
async fn processes_take_turns_and_get_the_tree_that_one_would_have_got() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let other = log.database.open().await?;

    for step in [1, 300, 7, 512] {
        grow(&log, step).await?;
        log.seal_now().await?;
        grow(&log, step).await?;
        let (one, two) = tokio::join!(log.seal_now(), other.seal_now());
        assert_eq!(one?, two?);
    }

    let at_once = log.root_at(1640).await?;
    assert_eq!(log.tree_head().await?.map(|head| head.root), Some(at_once));
    Ok(())
}

#[tokio::test]
async fn every_event_is_proven_to_be_part_of_every_later_tree() -> anyhow::Result<()> {
    let (log, heads) = sealed(&[5, 251, 256, 700]).await?;

    for head in &heads {
        for position in [1, 2, 5, 6, 256, 257, 512, 513, 1024, 1025, 1212] {
            let proof = log.inclusion_proof(position, head.size).await;
            if position > head.size {
                assert!(matches!(proof, Err(ProofError::Beyond { .. })), "{position}");
                continue;
            }
            let proof = proof?;
            let event = log.read_at_most(position - 1, 1).await?.remove(0);
            assert_eq!(proof.leaf, event.leaf_digest());
            assert!(proof.proves(head.root), "{position} in {}", head.size);
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_tree_is_proven_to_begin_with_every_earlier_one() -> anyhow::Result<()> {
    let (log, heads) = sealed(&[1, 4, 251, 256, 700, 1000]).await?;

    for (index, from) in heads.iter().enumerate() {
        for to in &heads[index..] {
            let proof = log.consistency_proof(from.size, to.size).await?;
            assert!(proof.proves(from.root, to.root), "{} to {}", from.size, to.size);
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_signed_on_top_of_what_was_changed() -> anyhow::Result<()> {
    for sql in [
        "update log.event set meta = '{ }' where position = 301",
        "delete from log.event where position > 290",
        "update log.tree_node set digest = sha256('x')",
        "delete from log.tree_node",
        "update log.seal set root = sha256('x') where tree_size = 302",
        "update log.seal set signature = sha512('x') where tree_size = 302",
    ] {
        let (log, _) = sealed(&[300, 2]).await?;
        log.database.disable_protection().await?;
        assert!(log.database.execute(sql).await? > 0, "nothing was changed");

        // Another process, which remembers nothing.
        let outcome = log.database.open().await?.seal_now().await;

        assert!(outcome.is_err_and(|error| error.is::<Misfit>()), "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn a_process_remembers_what_was_signed_when_the_database_forgets() -> anyhow::Result<()> {
    let (log, _) = sealed(&[300, 2]).await?;
    log.database.disable_protection().await?;
    log.database.execute("delete from log.event where position > 300").await?;
    log.database.execute("update log.head set position = 300").await?;
    log.database.execute("delete from log.seal where tree_size > 300").await?;

    let outcome = log.seal_now().await;

    assert!(outcome.is_err_and(|error| error.is::<Misfit>()));
    Ok(())
}

#[tokio::test]
async fn heads_and_nodes_are_final() -> anyhow::Result<()> {
    let (log, _) = sealed(&[300]).await?;

    for sql in [
        "update log.seal set epoch = 2",
        "delete from log.seal",
        "truncate log.seal",
        "update log.tree_node set digest = sha256('x')",
        "delete from log.tree_node",
        "truncate log.tree_node",
    ] {
        let error = log.database.execute(sql).await.expect_err(sql);
        let error = error.as_database_error().map(|error| error.message().to_owned());
        assert_eq!(error.as_deref(), Some("what proves the log is never changed or deleted"));
    }
    Ok(())
}
