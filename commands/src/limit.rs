//! How often something may be done in an hour for one client or mailbox, counted in this process.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::{Kind, Rejection};

const HOUR: Duration = Duration::from_hours(1);
/// Addresses counted at most; beyond that the oldest hour is forgotten first.
const CAPACITY: usize = 100_000;

/// Counts by whom; IPv6 addresses by /64, which is what one customer gets.
pub(crate) struct HourlyLimit {
    limit: Option<NonZeroU32>,
    counts: Mutex<HashMap<String, (Instant, u32)>>,
}

impl HourlyLimit {
    pub(crate) fn new(limit: Option<NonZeroU32>) -> Self {
        Self { limit, counts: Mutex::default() }
    }

    /// Counts one more, or refuses it.
    pub(crate) fn count(&self, whom: Option<&str>) -> Result<(), Rejection> {
        let Some(limit) = self.limit else { return Ok(()) };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CAPACITY {
            counts.retain(|_, (began, _)| began.elapsed() < HOUR);
        }
        let (began, count) =
            counts.entry(network(whom.unwrap_or_default())).or_insert_with(|| (Instant::now(), 0));
        if began.elapsed() >= HOUR {
            (*began, *count) = (Instant::now(), 0);
        }
        *count += 1;
        if *count <= limit.get() {
            return Ok(());
        }
        let minutes = HOUR.saturating_sub(began.elapsed()).as_secs() / 60 + 1;
        let detail = format!("too many attempts; try again in {minutes} minutes");
        Err(Rejection::new(Kind::Limited, "too_many_attempts", detail))
    }
}

fn network(whom: &str) -> String {
    match whom.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => whom.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_refused_past_the_limit_and_others_are_not() {
        let limit = HourlyLimit::new(NonZeroU32::new(1));

        let first = limit.count(Some("192.0.2.1"));
        let second = limit.count(Some("::ffff:192.0.2.1"));
        let other = limit.count(Some("192.0.2.2"));

        assert!(first.is_ok() && other.is_ok());
        assert_eq!(second.map_err(|refused| refused.kind), Err(Kind::Limited));
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_count() {
        let limit = HourlyLimit::new(NonZeroU32::new(1));

        let first = limit.count(Some("2001:db8::1"));
        let neighbour = limit.count(Some("2001:db8::2"));

        assert!(first.is_ok() && neighbour.is_err());
    }
}
