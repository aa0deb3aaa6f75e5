//! Checks of single values; every error names the variable.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use commands::{Limit, Quota, Rates};
use url::Url;
use workers::sms::Twilio;

/// An hour in seconds.
const HOUR: NonZeroU32 = NonZeroU32::new(3600).unwrap();

pub(super) fn listen(value: &str) -> anyhow::Result<SocketAddr> {
    value.parse().with_context(|| format!("ANNALS_LISTEN: {value:?} is not address:port"))
}

pub(super) fn web_address(name: &str, value: &str) -> anyhow::Result<String> {
    let url = Url::parse(value).with_context(|| format!("{name} is not a URL"))?;
    ensure!(matches!(url.scheme(), "http" | "https"), "{name} must start with http:// or https://");
    ensure!(url.query().is_none() && url.fragment().is_none(), "{name} must not have ? or #");
    Ok(value.trim().trim_end_matches('/').to_owned())
}

pub(super) fn database_url(value: Option<String>) -> anyhow::Result<Option<String>> {
    with_scheme("DATABASE_URL", &["postgres", "postgresql"], value)
}

/// Takes a list as well: the servers of one cluster.
pub(super) fn nats_url(value: Option<String>) -> anyhow::Result<Option<String>> {
    for server in value.iter().flat_map(|list| list.split(',')) {
        with_scheme("NATS_URL", &["nats", "tls"], Some(server.trim().to_owned()))?;
    }
    Ok(value)
}

pub(super) fn smtp_url(value: Option<String>) -> anyhow::Result<Option<String>> {
    with_scheme("SMTP_URL", &["smtp", "smtps"], value)
}

/// All that the account needs, or nothing.
pub(super) fn twilio(
    base_url: Option<String>,
    account: [Option<String>; 3],
) -> anyhow::Result<Option<Twilio>> {
    let base_url = base_url.unwrap_or_else(|| "https://api.twilio.com".to_owned());
    let base_url = web_address("TWILIO_BASE_URL", &base_url)?;
    match account {
        [Some(account_sid), Some(auth_token), Some(from)] => {
            ensure!(
                account_sid.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "TWILIO_ACCOUNT_SID has letters and digits only"
            );
            Ok(Some(Twilio { base_url, account_sid, auth_token, from }))
        }
        [None, None, None] => Ok(None),
        _ => bail!("TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM go together"),
    }
}

fn with_scheme(
    name: &str,
    schemes: &[&str],
    value: Option<String>,
) -> anyhow::Result<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    let url = Url::parse(&value).with_context(|| format!("{name} is not a URL"))?;
    ensure!(
        schemes.contains(&url.scheme()),
        "{name} must start with {}://",
        schemes.join(":// or ")
    );
    Ok(Some(value))
}

pub(crate) fn master_key(value: &str) -> anyhow::Result<[u8; 32]> {
    let bytes = BASE64_STANDARD.decode(value.trim()).context("the master key is not base64")?;
    bytes.try_into().ok().context("the master key must be 32 bytes in base64")
}

pub(super) fn master_keys(list: Option<&str>) -> anyhow::Result<Vec<[u8; 32]>> {
    let keys = list.unwrap_or_default().split(',').map(str::trim).filter(|key| !key.is_empty());
    keys.map(master_key).collect::<anyhow::Result<_>>().context("ANNALS_MASTER_KEY_PREVIOUS")
}

/// `registrations` is a short form of one of the limits.
pub(super) fn rates(list: Option<&str>, registrations: Option<&str>) -> anyhow::Result<Rates> {
    let rates: Rates = list.unwrap_or_default().parse().context("ANNALS_RATE_LIMITS")?;
    let quota = match registrations.map(str::trim) {
        None => return Ok(rates),
        Some("off") => None,
        Some(number) => {
            let count = number.parse();
            let count =
                count.context("ANNALS_REGISTRATION_LIMIT must be a number from 1 or `off`")?;
            Some(Quota::new(count, HOUR))
        }
    };
    Ok(rates.with(Limit::Registration, quota))
}

/// How long to wait, on the command line.
pub(crate) fn wait(value: &str) -> anyhow::Result<Duration> {
    period("--wait", value)
}

/// A number and a unit, as `90s`, `45m`, `12h` or `30d`; ten years at most.
pub(super) fn period(name: &str, value: &str) -> anyhow::Result<Duration> {
    const TEN_YEARS: u64 = 3650 * 24 * 3600;
    let value = value.trim();
    let seconds = ["s", "m", "h", "d"].into_iter().zip([1, 60, 3600, 86_400]).find_map(
        |(unit, seconds): (_, u64)| {
            value.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(seconds)
        },
    );
    match seconds {
        Some(seconds @ 1..=TEN_YEARS) => Ok(Duration::from_secs(seconds)),
        _ => bail!("{name} must be a number and a unit: 90s, 45m, 12h or 30d"),
    }
}

/// A year at most: nobody retries for longer.
pub(super) fn idempotency_hours(value: Option<&str>) -> anyhow::Result<u16> {
    match value.map_or(Ok(24), |value| value.trim().parse()) {
        Ok(hours @ 1..=8760) => Ok(hours),
        _ => bail!("ANNALS_IDEMPOTENCY_HOURS must be a number from 1 to 8760"),
    }
}

/// As in `log.layout`.
pub(super) fn partition_size(value: Option<&str>) -> anyhow::Result<Option<i64>> {
    let Some(value) = value else { return Ok(None) };
    match value.trim().parse() {
        Ok(size @ 64..=1_099_511_627_776) => Ok(Some(size)),
        _ => bail!("ANNALS_PARTITION_SIZE must be a number of events from 64"),
    }
}

pub(super) fn on_or_off(name: &str, value: Option<&str>) -> anyhow::Result<bool> {
    match value.map(str::trim) {
        None | Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(_) => bail!("{name} must be `on` or `off`"),
    }
}

/// False where nothing is said.
pub(super) fn true_or_false(name: &str, value: Option<&str>) -> anyhow::Result<bool> {
    match value.map(str::trim) {
        None | Some("false" | "off") => Ok(false),
        Some("true" | "on") => Ok(true),
        Some(_) => bail!("{name} must be `true` or `false`"),
    }
}

pub(super) fn networks(value: Option<&str>) -> anyhow::Result<Vec<(IpAddr, u8)>> {
    value
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|network| !network.is_empty())
        .map(|one| network(one).with_context(|| format!("ANNALS_TRUSTED_PROXIES: {one:?}")))
        .collect()
}

fn network(value: &str) -> anyhow::Result<(IpAddr, u8)> {
    let (address, prefix) = value.split_once('/').unwrap_or((value, ""));
    let address: IpAddr = address.parse().context("is not an address")?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = if prefix.is_empty() {
        longest
    } else {
        prefix.parse().context("has no number after the slash")?
    };
    ensure!(prefix <= longest, "has a prefix longer than {longest}");
    Ok((address, prefix))
}
