//! Pauses that grow from failure to failure.

use std::time::Duration;

/// The next pause.
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(Duration::from_secs(10));
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn pauses_grow_up_to_ten_seconds() {
        let mut backoff = Backoff::default();

        let pauses: Vec<_> = std::iter::repeat_with(|| backoff.next()).take(9).collect();

        assert_eq!(pauses[..2], [Duration::from_millis(100), Duration::from_millis(200)]);
        assert_eq!(pauses[8], Duration::from_secs(10));
    }
}
