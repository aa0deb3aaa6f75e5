//! How fast the read model of accounts is made anew, beside reading and decoding the same log.

use std::time::{Duration, Instant};

use anyhow::ensure;
use domain::{
    Email,
    user::{self, Role, User},
};
use eventlog::{Append, EventLog, Expected, Live, MasterKey, Position};
use futures_util::TryStreamExt;
use projections::Options;
use uuid::Uuid;

use super::{
    bulk::circumstances,
    cluster::Cluster,
    crew::{Member, lap},
    report::{Row, Target, median},
};

const DATABASE: &str = "rebuild";
/// Callers who open accounts, and how many each.
const CALLERS: usize = 32;
const ACCOUNTS: usize = 2500;
const ROUNDS: usize = 3;
/// What making anew is to reach, against reading alone.
const TARGET: f64 = 0.25;

/// The worst case for the read model of accounts: a log in which every event bears on it, and every
/// other one makes a row.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let pool = cluster.database(DATABASE).await?;
    let log = EventLog::open(pool.clone(), &MasterKey::generate()?, Live::default()).await?;
    lap((0..CALLERS).map(|_| Registrar { log: log.clone() }).collect(), ACCOUNTS).await?;
    sqlx::query("vacuum analyze").execute(&pool).await?;
    let head = log.head().await?;
    let began = Instant::now();
    projections::catch_up(&log).await?;
    let caught_up = per_second(head, began.elapsed());
    let (mut replays, mut rebuilds) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        replays.push(per_second(head, replay(&log, head).await?));
        let report = projections::rebuild(&log, "users", Options::default(), drop).await?;
        ensure!(report.is_identical && report.events == head, "{report:?}");
        rebuilds.push(per_second(head, Duration::from_secs_f64(report.seconds)));
    }
    let reference = median(replays);
    let row = |name, rate| Row::new(name, rate, "events/s").against(reference);
    let rebuild = row("rebuild_users", median(rebuilds)).target(Target::AtLeast(TARGET));
    Ok(vec![rebuild, row("catch_up_all", caught_up)])
}

async fn replay(log: &EventLog, head: Position) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut pieces = log.replay(0, head);
    while pieces.try_next().await?.is_some() {}
    Ok(began.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "a rate is not exact")]
fn per_second(events: Position, time: Duration) -> f64 {
    events as f64 / time.as_secs_f64()
}

/// Opens accounts with verified mailboxes.
struct Registrar {
    log: EventLog,
}

impl Member for Registrar {
    async fn act(&mut self) -> anyhow::Result<Position> {
        let (person, command) = (Uuid::now_v7(), Uuid::now_v7());
        let email = Email::try_from(format!("{person}@example.org"))?;
        let at = commands::Clock::System.now();
        let registered =
            user::Event::Registered { email: email.into(), name: None, role: Role::User, at };
        let append = Append::<User> {
            stream: person,
            expected: Expected::Version(0),
            events: &[registered, user::Event::EmailVerified { challenge: None }],
            secrets: vec![],
            meta: &circumstances(person),
            command,
            fingerprint: command.as_bytes().to_vec(),
        };
        Ok(self.log.append(append).await?.last)
    }
}
