//! How often one address may do something in an hour, counted in this process.

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

/// Counts by address; IPv6 by /64, which is what one customer gets.
pub(crate) struct HourlyLimit {
    limit: Option<NonZeroU32>,
    counts: Mutex<HashMap<String, (Instant, u32)>>,
}

impl HourlyLimit {
    pub(crate) fn new(limit: Option<NonZeroU32>) -> Self {
        Self { limit, counts: Mutex::default() }
    }

    /// Counts one more, or refuses it.
    pub(crate) fn count(&self, address: Option<&str>) -> Result<(), Rejection> {
        let Some(limit) = self.limit else { return Ok(()) };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CAPACITY {
            counts.retain(|_, (began, _)| began.elapsed() < HOUR);
        }
        let (began, count) = counts.entry(network(address)).or_insert_with(|| (Instant::now(), 0));
        if began.elapsed() >= HOUR {
            (*began, *count) = (Instant::now(), 0);
        }
        *count += 1;
        if *count <= limit.get() {
            return Ok(());
        }
        let minutes = HOUR.saturating_sub(began.elapsed()).as_secs() / 60 + 1;
        let detail =
            format!("too many registrations from your address; try again in {minutes} minutes");
        Err(Rejection::new(Kind::Limited, "registration_limit", detail))
    }
}

fn network(address: Option<&str>) -> String {
    let Some(address) = address.and_then(|address| address.parse::<IpAddr>().ok()) else {
        return String::new();
    };
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
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
