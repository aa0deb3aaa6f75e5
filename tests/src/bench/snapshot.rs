//! How fast a long conversation is loaded from its snapshot, beside from its first event.

use std::time::Instant;

use anyhow::ensure;
use commands::Clock;
use domain::chat::{
    Chat, Event, FinishReason, Lease, Message, ModelOptions, Provider, Role, RunRequest, Usage,
};
use eventlog::{Append, EventLog, Expected, Live, MasterKey};
use uuid::Uuid;

use super::{
    bulk::circumstances,
    cluster::Cluster,
    report::{Row, Target, median},
};

const DATABASE: &str = "snapshot";
/// Runs of the conversation, and the events of each.
const RUNS: i64 = 1250;
const EVENTS: i64 = 4;
const ROUNDS: usize = 15;
/// How many times as fast loading is to be.
const TARGET: f64 = 10.0;

/// Loads a conversation of five thousand events.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let pool = cluster.database(DATABASE).await?;
    let log = EventLog::open(pool.clone(), &MasterKey::generate()?, Live::default()).await?;
    let (user, session) = (Uuid::now_v7(), Uuid::now_v7());
    let mut version = 0;
    while version < RUNS * EVENTS {
        version = talk(&log, user, session, version).await?;
    }
    sqlx::query("vacuum analyze").execute(&pool).await?;
    let (mut without, mut with) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        sqlx::query("delete from work.snapshot").execute(&pool).await?;
        without.push(per_second(&log, session).await?);
        log.take_snapshot::<Chat>(session).await?;
        with.push(per_second(&log, session).await?);
    }
    let size = "select octet_length(sealed) from work.snapshot";
    let size: i32 = sqlx::query_scalar(size).fetch_one(&pool).await?;
    let stored = "select sum(octet_length(payload))::bigint from log.event";
    let stored: i64 = sqlx::query_scalar(stored).fetch_one(&pool).await?;
    let reference = median(without);
    let load = Row::new("load_5000_from_snapshot", median(with), "loads/s").against(reference);
    let stored = f64::from(u32::try_from(stored)?);
    Ok(vec![
        load.target(Target::AtLeast(TARGET)),
        Row::new("snapshot_of_5000", f64::from(size), "bytes").against(stored),
    ])
}

/// As a process that never saw the conversation loads it.
async fn per_second(log: &EventLog, session: Uuid) -> anyhow::Result<f64> {
    let began = Instant::now();
    let loaded = log.load_until::<Chat>(session, RUNS * EVENTS).await?;
    let rate = 1.0 / began.elapsed().as_secs_f64();
    let messages = loaded.state.conversation().map_or(0, |open| open.messages.len());
    ensure!(loaded.version == RUNS * EVENTS && messages > 0, "{messages} messages");
    Ok(rate)
}

/// Adds one question and its answer.
async fn talk(log: &EventLog, user: Uuid, session: Uuid, from: i64) -> anyhow::Result<i64> {
    let mut events = run_of(Uuid::now_v7(), from);
    if from == 0 {
        let opened = Event::Opened { owner: user, title: None, at: Clock::System.now() };
        events[1] = std::mem::replace(&mut events[0], opened);
    }
    let command = Uuid::now_v7();
    let append = Append::<Chat> {
        stream: session,
        expected: Expected::Version(from),
        events: &events,
        secrets: vec![],
        meta: &circumstances(user),
        command,
        fingerprint: command.as_bytes().to_vec(),
    };
    Ok(log.append(append).await?.version)
}

fn run_of(run: Uuid, number: i64) -> Vec<Event> {
    let question = format!("What is the weather like in the {number}th largest town of Europe?");
    let answer = format!("In the {number}th town it rains now, {run}. ").repeat(4);
    let at = Clock::System.now();
    let request = RunRequest {
        run,
        provider: Provider::OpenAi,
        model: "gpt-bench".to_owned(),
        messages: vec![Message::text(Role::User, question)].into(),
        options: ModelOptions::default().into(),
        max_iterations: 3,
        is_streamed: false,
        lease: Lease { node: run, until: at },
        at,
    };
    let message = Message::text(Role::Assistant, answer).into();
    let (iteration, usage) = (1, Usage { input: 900, output: 90, ..Usage::default() });
    vec![
        Event::RunRequested { request: Box::new(request) },
        Event::ModelCalled { run, iteration },
        Event::ModelAnswered { run, iteration, message, usage, duration_ms: 900 },
        Event::RunCompleted { run, reason: FinishReason::Stop, iterations: 1, usage },
    ]
}
