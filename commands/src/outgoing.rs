//! The guarded client: how the write side asks other services.
//!
//! Hosts that the operator configured are trusted. Every other address (one that such a host told us)
//! has to be reached over TLS and be public, and the one that is connected to is the one that was
//! looked at: names are resolved here, once. No redirect is followed, no proxy of the environment
//! asked, and no answer read beyond its limit (ASVS 5.0, 1.3.6 and 15.3.2).

use std::{
    collections::HashSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, Request, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use url::Host;

/// How long it may take to be connected.
const CONNECT: Duration = Duration::from_secs(3);

/// The guarded client.
#[derive(Clone)]
pub(crate) struct Outgoing {
    client: Client,
    trusted: Arc<HashSet<String>>,
}

/// Why there is no answer; told without addresses, which may hold secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unanswered {
    /// It took too long.
    #[error("it did not answer in time")]
    Late,
    /// There is no connection, or it broke.
    #[error("it cannot be reached")]
    Unreachable,
    /// The answer is longer than anybody reads.
    #[error("its answer is too long")]
    TooLong,
    /// The address is none that this service goes to.
    #[error("its address is not public")]
    Forbidden,
}

impl Outgoing {
    /// A client that takes the hosts of these addresses on trust, and gives up after `timeout`.
    pub(crate) fn new<'a>(
        trusted: impl IntoIterator<Item = &'a Url>,
        timeout: Duration,
    ) -> reqwest::Result<Self> {
        let trusted = trusted.into_iter().filter_map(Url::host_str).map(str::to_owned);
        let trusted = Arc::new(trusted.collect());
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Guard(Arc::clone(&trusted)))
            .user_agent(concat!("annals/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, trusted })
    }

    /// What requests are built with.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request, and reads an answer of `longest` bytes at most.
    pub(crate) async fn ask(
        &self,
        request: Request,
        longest: usize,
    ) -> Result<(StatusCode, Vec<u8>), Unanswered> {
        if !may_go(request.url(), &self.trusted) {
            return Err(Unanswered::Forbidden);
        }
        let mut answer = self.client.execute(request).await.map_err(|error| broken(&error))?;
        let (status, mut body) = (answer.status(), vec![]);
        while let Some(chunk) = answer.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > longest {
                return Err(Unanswered::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

fn broken(error: &reqwest::Error) -> Unanswered {
    if error.is_timeout() { Unanswered::Late } else { Unanswered::Unreachable }
}

/// Whether an address may be asked at all; names are looked at when they are resolved.
fn may_go(url: &Url, trusted: &HashSet<String>) -> bool {
    if url.host_str().is_some_and(|host| trusted.contains(host)) {
        return matches!(url.scheme(), "http" | "https");
    }
    let is_public = match url.host() {
        Some(Host::Domain(_)) => true,
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        None => false,
    };
    url.scheme() == "https" && is_public
}

/// Resolves names of hosts that nobody vouches for to public addresses only.
struct Guard(Arc<HashSet<String>>);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let is_trusted = self.0.contains(name.as_str());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = found.filter(|found| is_trusted || is_public(found.ip()));
            let allowed: Vec<SocketAddr> = allowed.collect();
            if allowed.is_empty() {
                return Err(io::Error::other("no public address").into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is one of the whole internet (IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_protocol = (a, b, c) == (192, 0, 0) || (a, b, c) == (192, 88, 99);
    let is_benchmark = a == 198 && (18..20).contains(&b);
    !(a == 0
        || a >= 224
        || is_shared
        || is_protocol
        || is_benchmark
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

/// Global unicast, without what stands for an IPv4 address or for documents.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_embedding = a == 0x2002 || (a, b) == (0x2001, 0);
    let is_document = (a, b) == (0x2001, 0xdb8) || (a == 0x3fff && b < 0x1000);
    a & 0xe000 == 0x2000 && !is_embedding && !is_document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn addresses_inside_are_not_gone_to_however_they_are_spelt() {
        for inside in [
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://0/",
            "https://10.1.2.3/",
            "https://172.20.0.1/",
            "https://192.168.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://224.0.0.1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "http://example.org/",
            "file:///etc/passwd",
        ] {
            assert!(!may_go(&url(inside), &HashSet::new()), "{inside}");
        }
        for outside in ["https://example.org/", "https://93.184.215.14/", "https://[2606:2800::1]/"]
        {
            assert!(may_go(&url(outside), &HashSet::new()), "{outside}");
        }
    }

    #[test]
    fn what_the_operator_configured_is_trusted_and_nothing_beside_it() {
        let trusted = HashSet::from(["127.0.0.1".to_owned()]);

        assert!(may_go(&url("http://127.0.0.1:9000/token"), &trusted));
        assert!(!may_go(&url("http://127.0.0.2:9000/token"), &trusted));
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let own = url("https://annals.example");
        let outgoing = Outgoing::new([&own], Duration::from_secs(5)).unwrap();

        let request = outgoing.client().get("https://localhost:1/").build().unwrap();
        let outcome = outgoing.ask(request, 10).await;

        assert_eq!(outcome, Err(Unanswered::Unreachable));
        let guard = Guard(Arc::new(HashSet::new()));
        assert!(guard.resolve("localhost".parse().unwrap()).await.is_err());
        let trusting = Guard(Arc::new(HashSet::from(["localhost".to_owned()])));
        assert!(trusting.resolve("localhost".parse().unwrap()).await.is_ok());
    }
}
