//! The client's address: the connection's, or what a proxy we trust says it is.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// A network, as an address and the length of its prefix.
pub type Network = (IpAddr, u8);

/// The address of the client: walks the chain of proxies from our end for as long as we trust who
/// speaks, so that nothing a client writes itself is ever believed.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    let chain = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = chain.flat_map(|line| line.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        if !trusted.iter().any(|network| contains(*network, client)) {
            return client;
        }
        let Some(next) = parse(hop) else { return client };
        client = next;
    }
    client
}

fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address: Option<IpAddr> = bare.parse().ok();
    let address = address.or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

fn contains((network, length): Network, address: IpAddr) -> bool {
    match (network.to_canonical(), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32 - u32::from(length.min(32));
            u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128 - u32::from(length.min(128));
            u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client_of(peer: &str, forwarded: &[&'static str], trusted: &[Network]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        client(peer.parse().unwrap(), &headers, trusted).to_string()
    }

    fn ten() -> Network {
        ("10.0.0.0".parse().unwrap(), 8)
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(client_of("203.0.113.9", &["1.2.3.4"], &[ten()]), "203.0.113.9");
        assert_eq!(client_of("203.0.113.9", &["1.2.3.4"], &[]), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_names_the_client() {
        assert_eq!(client_of("10.0.0.1", &["203.0.113.9"], &[ten()]), "203.0.113.9");
        assert_eq!(client_of("10.0.0.1", &["203.0.113.9:4711"], &[ten()]), "203.0.113.9");
        assert_eq!(client_of("::ffff:10.0.0.1", &["[2001:db8::1]"], &[ten()]), "2001:db8::1");
    }

    #[test]
    fn what_stands_before_the_first_stranger_is_ignored() {
        let lines = ["1.2.3.4, 203.0.113.9", "10.0.0.2"];

        assert_eq!(client_of("10.0.0.1", &lines, &[ten()]), "203.0.113.9");
    }

    #[test]
    fn rubbish_from_a_proxy_leaves_the_proxy() {
        assert_eq!(client_of("10.0.0.1", &["unknown"], &[ten()]), "10.0.0.1");
    }

    #[test]
    fn a_prefix_of_nothing_is_everybody() {
        let everybody = ("0.0.0.0".parse().unwrap(), 0);

        assert_eq!(client_of("203.0.113.9", &["1.2.3.4"], &[everybody]), "1.2.3.4");
    }
}
