//! Many writers that refuse, repeat and die, and followers that see everything once and in order.
//!
//! Short in `make test`, a minute each in `make torture`. `ANNALS_SEED` makes the same choices again.

mod audit;
mod backwards;
mod cuts;
mod followers;
mod stage;
mod writers;

use std::time::Duration;

use stage::{Stage, Who};
use tests::is_long;

/// Writers at a time.
const WRITERS: u64 = 32;

fn length() -> Duration {
    Duration::from_secs(if is_long() { 60 } else { 4 })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_follower_sees_every_event_once_and_in_order() -> anyhow::Result<()> {
    let stage = Stage::set("tasks_write").await?;

    stage.play(Who::Tasks { writers: WRITERS }, length()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_one_log() -> anyhow::Result<()> {
    let stage = Stage::set("processes_write").await?;

    stage.play(Who::Processes { count: 2, writers: WRITERS / 2, are_killed: false }, length()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_writer_was_told_is_so_and_what_it_sends_again_is_done_once()
-> anyhow::Result<()> {
    let stage = Stage::set("killed_processes_write").await?;

    stage.play(Who::Processes { count: 2, writers: WRITERS / 2, are_killed: true }, length()).await
}
