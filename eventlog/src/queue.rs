//! Who waits for the batcher, and who rides in the next batch.

use std::{
    collections::HashSet,
    mem,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{append::Pending, encode::EncodedClaim};

/// Commands in a batch at most.
const MAX_COMMANDS: usize = 512;
/// Bytes of events in a batch at most.
const MAX_BYTES: usize = 4 << 20;
/// How long a batch waits for those who were answered together and come back together.
const LINGER: Duration = Duration::from_micros(300);

/// The commands that wait.
pub(crate) struct Queue {
    waiting: mpsc::Receiver<Pending>,
    /// Those that could not ride with the others.
    left: Vec<Pending>,
    /// How many rode in the last batch.
    riders: usize,
}

impl Queue {
    pub(crate) fn new(waiting: mpsc::Receiver<Pending>) -> Self {
        Self { waiting, left: Vec::new(), riders: 0 }
    }

    /// The next batch; none once nobody can send any more. To be called when the last one is answered.
    pub(crate) async fn next(&mut self) -> Option<Vec<Pending>> {
        let answered = Instant::now();
        let mut queue = mem::take(&mut self.left);
        if queue.is_empty() {
            // Everybody who is around: those just answered, and those who came in the meantime. For
            // one who comes alone that is one, and nobody waits.
            let callers = (self.riders + self.waiting.len()).min(MAX_COMMANDS);
            if self.waiting.recv_many(&mut queue, MAX_COMMANDS).await == 0 {
                return None;
            }
            self.gather(&mut queue, callers, answered).await;
        } else {
            self.take_waiting(&mut queue);
        }
        let (riders, left) = compatible(queue);
        self.left = left;
        self.riders = riders.len();
        Some(riders)
    }

    /// Takes what waits, and waits a moment for those who were answered.
    async fn gather(&mut self, queue: &mut Vec<Pending>, callers: usize, answered: Instant) {
        self.take_waiting(queue);
        while queue.len() < callers && answered.elapsed() < LINGER {
            // The timer is too coarse for this.
            tokio::task::yield_now().await;
            self.take_waiting(queue);
        }
    }

    fn take_waiting(&mut self, queue: &mut Vec<Pending>) {
        while queue.len() < MAX_COMMANDS
            && let Ok(pending) = self.waiting.try_recv()
        {
            queue.push(pending);
        }
    }
}

/// Splits off what cannot ride in one batch: a stream, a claim key or a command id stands in it once.
fn compatible(queue: Vec<Pending>) -> (Vec<Pending>, Vec<Pending>) {
    let mut ids: HashSet<Uuid> = HashSet::with_capacity(queue.len() * 2);
    let mut claims: HashSet<EncodedClaim> = HashSet::new();
    let mut bytes = 0;
    let mut riders = Vec::with_capacity(queue.len());
    let mut left = Vec::new();
    for pending in queue {
        let command = &pending.command;
        let keys = || command.takes.iter().chain(&command.releases);
        let fits = bytes == 0 || bytes + command.size() <= MAX_BYTES;
        let is_alone = !ids.contains(&command.id)
            && !ids.contains(&command.stream)
            && !keys().any(|key| claims.contains(key));
        // Even one that stays behind keeps its place in its stream.
        ids.extend([command.id, command.stream]);
        claims.extend(keys().cloned());
        if fits && is_alone {
            bytes += command.size();
            riders.push(pending);
        } else {
            left.push(pending);
        }
    }
    (riders, left)
}
