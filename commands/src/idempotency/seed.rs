//! The ids that a request gives out. Where the request may come again they are derived, so that a
//! second try finds what the first one did.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{anyhow, ensure};
use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use eventlog::ServiceKey;
use uuid::{Builder, Uuid};

tokio::task_local! {
    static CURRENT: Arc<Seed>;
}

/// What every id of one request follows from.
pub struct Seed {
    root: ServiceKey,
    began_at: DateTime<Utc>,
    is_resumed: bool,
    used: Mutex<Used>,
}

/// What one try has taken from its seed, and what it did.
#[derive(Default)]
struct Used {
    ids: u32,
    secrets: u32,
    commands: HashMap<Uuid, u32>,
    subject: Option<Uuid>,
    has_written: bool,
}

impl Seed {
    /// A seed under the service's key: who knows the rows of the database knows no secret.
    pub(super) fn new(
        key: &ServiceKey,
        seed: Uuid,
        began_at: DateTime<Utc>,
        is_resumed: bool,
    ) -> Self {
        let root = ServiceKey::from_bytes(key.mac(&[b"seed", seed.as_bytes()]));
        Self { root, began_at, is_resumed, used: Mutex::default() }
    }

    /// Does `work` so that all its ids follow from this seed.
    pub async fn scope<F: Future>(self: Arc<Self>, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// Whom the first thing tells of that was written.
    pub(super) fn subject(&self) -> Option<Uuid> {
        self.used().subject
    }

    /// Whether this try or one before it may have left something in the log.
    pub(super) fn may_have_written(&self) -> bool {
        self.is_resumed || self.used().has_written
    }

    fn id(&self) -> Uuid {
        let number = next(&mut self.used().ids);
        self.time_ordered(&[b"id", &number.to_be_bytes()])
    }

    /// By stream, so that a second try which goes another way still finds what it has in common
    /// with the first.
    fn command(&self, stream: Uuid) -> Uuid {
        let number = next(self.used().commands.entry(stream).or_default());
        self.time_ordered(&[b"command", stream.as_bytes(), &number.to_be_bytes()])
    }

    fn secret(&self) -> [u8; 32] {
        let number = next(&mut self.used().secrets);
        self.root.mac(&[b"secret", &number.to_be_bytes()])
    }

    /// Of version 7 (RFC 9562): in an index it stands with those of its time.
    fn time_ordered(&self, parts: &[&[u8]]) -> Uuid {
        let mac = self.root.mac(parts);
        let mut rest = [0; 10];
        rest.copy_from_slice(&mac[..10]);
        let millis = u64::try_from(self.began_at.timestamp_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(counter: &mut u32) -> u32 {
    let number = *counter;
    *counter += 1;
    number
}

/// The id of something new.
pub(crate) fn new_id() -> Uuid {
    current(Seed::id).unwrap_or_else(fresh)
}

/// The id of the next command to a stream.
pub(crate) fn command_id(stream: Uuid) -> Uuid {
    current(|seed| seed.command(stream)).unwrap_or_else(fresh)
}

/// Bytes that nobody can guess, 32 at most.
pub(crate) fn secret<const N: usize>() -> anyhow::Result<[u8; N]> {
    ensure!(N <= 32, "a secret of {N} bytes");
    let mut bytes = [0; N];
    match current(Seed::secret) {
        Some(derived) => bytes.copy_from_slice(&derived[..N]),
        None => rand::fill(&mut bytes).map_err(|_| anyhow!("the machine gives no random bytes"))?,
    }
    Ok(bytes)
}

/// When what is handed out was handed out: a second try hands out the same.
pub(crate) fn issued_at(now: DateTime<Utc>) -> DateTime<Utc> {
    current(|seed| seed.began_at).unwrap_or(now)
}

/// Whether an earlier try of this request may have come further than is known.
pub(crate) fn is_resumed() -> bool {
    current(|seed| seed.is_resumed).unwrap_or(false)
}

/// Whether another try of this request may be under way beside this one.
pub(crate) fn may_come_again() -> bool {
    current(|_| ()).is_some()
}

/// Notes that something was written, and whom it tells of.
pub(crate) fn note_written(subject: Option<Uuid>) {
    current(|seed| {
        let mut used = seed.used();
        used.has_written = true;
        used.subject = used.subject.or(subject);
    });
}

fn current<T>(ask: impl FnOnce(&Seed) -> T) -> Option<T> {
    CURRENT.try_with(|seed| ask(seed)).ok()
}

#[expect(clippy::disallowed_methods, reason = "the one place where ids are made up")]
fn fresh() -> Uuid {
    Uuid::now_v7()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn seed(number: u128, is_resumed: bool) -> Arc<Seed> {
        let key = ServiceKey::from_bytes([7; 32]);
        let began_at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_700_000_000_123);
        Arc::new(Seed::new(&key, Uuid::from_u128(number), began_at, is_resumed))
    }

    /// All that a try takes: ids, commands to two streams, a secret.
    async fn a_try(seed: Arc<Seed>) -> (Vec<Uuid>, [u8; 32]) {
        seed.scope(async {
            let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
            let ids = vec![new_id(), command_id(a), command_id(a), new_id(), command_id(b)];
            (ids, secret().unwrap())
        })
        .await
    }

    #[tokio::test]
    async fn a_second_try_takes_the_same_ids_and_secrets() {
        let (first, second) = (a_try(seed(5, false)).await, a_try(seed(5, true)).await);

        assert_eq!(first, second);
    }

    #[tokio::test]
    async fn no_two_ids_of_a_request_are_the_same_and_another_request_shares_none() {
        let (mut ids, secret) = a_try(seed(5, false)).await;
        let (others, other_secret) = a_try(seed(6, false)).await;
        ids.extend(others);

        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 10);
        assert_ne!(secret, other_secret);
    }

    #[tokio::test]
    async fn derived_ids_stand_at_the_time_of_the_first_try() {
        let (ids, _) = a_try(seed(5, true)).await;

        for id in ids {
            let time = id.get_timestamp().map(|time| time.to_unix());
            assert_eq!(time, Some((1_700_000_000, 123_000_000)), "{id}");
            assert_eq!(id.get_version_num(), 7);
        }
    }

    #[tokio::test]
    async fn a_command_keeps_its_id_when_another_stream_is_left_out() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let both = seed(5, false).scope(async { (command_id(a), command_id(b)) }).await;

        let alone = seed(5, true).scope(async { command_id(b) }).await;

        assert_eq!(alone, both.1);
    }

    #[test]
    fn without_a_seed_every_id_is_a_new_one() {
        assert_ne!(new_id(), new_id());
        assert_ne!(secret::<32>().unwrap(), secret::<32>().unwrap());
        assert!(!is_resumed());
    }
}
