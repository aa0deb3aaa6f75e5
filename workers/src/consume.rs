//! A durable consumer: hands events of some kinds to a worker, again and again until it is done.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{AckKind, Message, consumer::pull};
use eventlog::{Broker, EventLog, RawEvent, Recorded};
use futures_util::StreamExt;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Events in the hands of one worker at a time.
const CONCURRENCY: usize = 16;
const PAUSE: Duration = Duration::from_millis(500);

/// What a worker says of an event.
pub(crate) enum Verdict {
    /// It need not come again.
    Done,
    /// It should come again after a while.
    Again(Duration),
}

/// Something that acts on events.
pub(crate) trait Worker: Send + Sync + 'static {
    /// The name of its durable consumer.
    const NAME: &str;
    /// The subjects of the events it acts on.
    const SUBJECTS: &[&str];

    /// Acts on one event; it may come more than once.
    fn act(&self, event: Recorded) -> impl Future<Output = anyhow::Result<Verdict>> + Send;
}

/// Feeds a worker until it is told to stop, and waits for what is in its hands.
pub(crate) async fn run<W: Worker>(
    log: EventLog,
    broker: Broker,
    worker: Arc<W>,
    shutdown: CancellationToken,
) {
    let mut acts = JoinSet::new();
    while !shutdown.is_cancelled() {
        match broker.consume(W::NAME, 0, W::SUBJECTS).await {
            Ok(messages) => feed(&log, messages, &worker, &mut acts, &shutdown).await,
            Err(error) => tracing::debug!(%error, worker = W::NAME, "no consumer yet"),
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    while acts.join_next().await.is_some() {}
}

/// Hands out messages until the subscription breaks.
async fn feed<W: Worker>(
    log: &EventLog,
    mut messages: pull::Stream,
    worker: &Arc<W>,
    acts: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) {
    let hands = Arc::new(Semaphore::new(CONCURRENCY));
    loop {
        let Ok(hand) = Arc::clone(&hands).acquire_owned().await else { return };
        let message = tokio::select! {
            () = shutdown.cancelled() => return,
            message = messages.next() => message,
        };
        let Some(Ok(message)) = message else { return };
        let (log, worker) = (log.clone(), Arc::clone(worker));
        acts.spawn(async move {
            act(&log, &message, &*worker).await;
            drop(hand);
        });
        while acts.try_join_next().is_some() {}
    }
}

async fn act<W: Worker>(log: &EventLog, message: &Message, worker: &W) {
    let verdict = match decode(log, message).await {
        Ok(event) => worker.act(event).await,
        Err(error) => Err(error),
    };
    let kind = match verdict {
        Ok(Verdict::Done) => AckKind::Ack,
        Ok(Verdict::Again(after)) => AckKind::Nak(Some(after)),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), worker = W::NAME, "an event has to wait");
            metrics::counter!("annals_worker_failures_total", "worker" => W::NAME).increment(1);
            AckKind::Nak(Some(Duration::from_secs(2)))
        }
    };
    // A lost acknowledgement means that the event comes again, which effects are made for.
    let _ = message.ack_with(kind).await;
}

async fn decode(log: &EventLog, message: &Message) -> anyhow::Result<Recorded> {
    let mut events = log.decode(vec![RawEvent::from_message(message)?]).await?;
    events.pop().ok_or_else(|| anyhow::anyhow!("one event in, none out"))
}
