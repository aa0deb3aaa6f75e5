//! So many in so long, and how somebody stands with it.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// A bucket that holds so many and fills evenly within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    count: NonZeroU32,
    seconds: NonZeroU32,
}

/// The text is not a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quota is count/seconds, like 20/3600, both from 1")]
pub struct InvalidQuota;

/// How somebody stands with a limit after asking for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit's name.
    pub limit: &'static str,
    /// What the limit allows.
    pub quota: Quota,
    /// How many are left.
    pub remaining: u32,
    /// Seconds until all are there again.
    pub reset: u32,
    /// Seconds until the next one, where this one was refused.
    pub retry_after: Option<u32>,
}

impl Quota {
    /// So many in so many seconds.
    #[must_use]
    pub const fn new(count: NonZeroU32, seconds: NonZeroU32) -> Self {
        Self { count, seconds }
    }

    /// So many, one at least, in a while of seconds, minutes or hours.
    pub(super) const fn each(count: u32, seconds: u32) -> Self {
        let (Some(count), Some(seconds)) = (NonZeroU32::new(count), NonZeroU32::new(seconds))
        else {
            return Self { count: NonZeroU32::MIN, seconds: NonZeroU32::MIN };
        };
        Self { count, seconds }
    }

    /// How many at once.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count.get()
    }

    /// In how many seconds an empty bucket is full.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.seconds.get()
    }

    /// The same as a duration.
    #[must_use]
    pub const fn window(self) -> Duration {
        Duration::from_secs(self.seconds.get() as u64)
    }

    /// Seconds in which one comes back.
    pub(super) fn step(self) -> f64 {
        f64::from(self.seconds.get()) / f64::from(self.count.get())
    }

    /// How somebody stands whose bucket is full in so many seconds.
    pub(super) fn standing(self, limit: &'static str, is_drawn: bool, full_in: f64) -> Standing {
        let free = f64::from(self.seconds()) - full_in;
        let retry_after = (!is_drawn).then(|| whole((self.step() - free).ceil()).max(1));
        let remaining = if is_drawn { whole((free / self.step() + 1e-6).floor()) } else { 0 };
        Standing { limit, quota: self, remaining, reset: whole(full_in.ceil()), retry_after }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is cast to the nearest number there is"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let (count, seconds) = text.split_once('/').ok_or(InvalidQuota)?;
        let read = |number: &str| number.trim().parse().map_err(|_| InvalidQuota);
        Ok(Self { count: read(count)?, seconds: read(seconds)? })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.seconds)
    }
}

/// What a person is told who has to wait.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.retry_after.unwrap_or(self.reset) {
            1 => write!(f, "too many attempts; try again in a second"),
            seconds @ 2..=119 => write!(f, "too many attempts; try again in {seconds} seconds"),
            seconds => {
                write!(f, "too many attempts; try again in {} minutes", seconds.div_ceil(60))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten_a_minute() -> Quota {
        Quota::each(10, 60)
    }

    #[test]
    fn a_quota_reads_back_what_it_shows() {
        assert_eq!("10/60".parse(), Ok(ten_a_minute()));
        assert_eq!(ten_a_minute().to_string(), "10/60");
        for wrong in ["", "10", "0/60", "10/0", "-1/60", "ten/60", "10/60/1"] {
            assert_eq!(wrong.parse::<Quota>(), Err(InvalidQuota), "{wrong}");
        }
    }

    #[test]
    fn the_first_of_ten_leaves_nine() {
        let standing = ten_a_minute().standing("x", true, 6.0);

        assert_eq!((standing.remaining, standing.reset, standing.retry_after), (9, 6, None));
    }

    #[test]
    fn an_empty_bucket_gives_the_next_one_in_a_tenth_of_its_time() {
        let standing = ten_a_minute().standing("x", false, 59.5);

        assert_eq!((standing.remaining, standing.retry_after), (0, Some(6)));
        assert_eq!(standing.to_string(), "too many attempts; try again in 6 seconds");
    }

    #[test]
    fn whoever_is_refused_waits_a_second_at_least() {
        assert_eq!(ten_a_minute().standing("x", false, 54.001).retry_after, Some(1));
    }
}
