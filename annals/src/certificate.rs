//! `annals certificate verify`: checking the certificate of an erasure, without a server.

use std::path::Path;

use anyhow::Context;
use eventlog::{Certificate, PublicKey};

/// Checks a certificate with a key that the caller trusts, or else with the one it names itself.
pub(crate) fn verify(file: &Path, key: Option<&str>) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let certificate = read(&text).with_context(|| format!("reading {}", file.display()))?;
    let trusted: PublicKey = key.unwrap_or(&certificate.key).parse()?;
    certificate.verify(&trusted)?;
    println!("{}", serde_json::to_string_pretty(&certificate.erasure)?);
    if key.is_none() {
        eprintln!(
            "The certificate fits the key it names itself: {trusted}\n\
            Give the key you know the service by with --key; `annals log key` prints it."
        );
    }
    Ok(())
}

/// The certificate, also inside of the answer in which it came.
fn read(text: &str) -> anyhow::Result<Certificate> {
    let mut value: serde_json::Value = serde_json::from_str(text).context("it is not JSON")?;
    for around in ["data", "certificate"] {
        if let Some(inside) = value.get_mut(around) {
            value = inside.take();
        }
    }
    serde_json::from_value(value).context("it is not a certificate of erasure")
}
