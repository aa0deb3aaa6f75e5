//! Callers who each do one thing after another, as fast as they are answered.

use std::time::{Duration, Instant};

use eventlog::Position;
use tokio::task::JoinSet;

/// Somebody who does one thing after another.
pub trait Member: Send + 'static {
    /// Does the next thing; where it stands in the log.
    fn act(&mut self) -> impl Future<Output = anyhow::Result<Position>> + Send;
}

/// Lets each of a crew act so many times.
pub async fn lap<M: Member>(crew: Vec<M>, times: usize) -> anyhow::Result<Vec<M>> {
    let mut tasks = JoinSet::new();
    for mut member in crew {
        tasks.spawn(async move {
            for _ in 0..times {
                member.act().await?;
            }
            anyhow::Ok(member)
        });
    }
    tasks.join_all().await.into_iter().collect()
}

/// Lets all of a crew act for a while; how often a second they did.
pub async fn rate<M: Member>(crew: &mut Vec<M>, time: Duration) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for mut member in crew.drain(..) {
        tasks.spawn(async move {
            let mut times = 0;
            while began.elapsed() < time {
                member.act().await?;
                times += 1;
            }
            anyhow::Ok((member, times))
        });
    }
    let mut times: u32 = 0;
    while let Some(ended) = tasks.join_next().await {
        let (member, its) = ended??;
        crew.push(member);
        times += its;
    }
    Ok(f64::from(times) / began.elapsed().as_secs_f64())
}
