//! Whom a limit counts, in the one form under which all spellings are the same.

use std::net::IpAddr;

/// IPv6 addresses count by /64, which is what one customer gets; all other names as they are.
pub(super) fn network(whom: &str) -> String {
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
    use super::network;

    #[test]
    fn every_spelling_of_an_address_is_one_address() {
        for (spelling, name) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:c000:201", "192.0.2.1"),
            ("2001:db8::1", "2001:db8:0:0::/64"),
            ("2001:DB8:0:0:ffff::2", "2001:db8:0:0::/64"),
            ("2001:0db8:0000:0000:0000:0000:0000:0003", "2001:db8:0:0::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
            ("ada@example.org", "ada@example.org"),
        ] {
            assert_eq!(network(spelling), name, "{spelling}");
        }
    }
}
