//! The configuration as `annals config` prints it: what is in effect, without secrets.

use std::{fmt, path::Path};

use url::Url;

use super::{Config, Provider};

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.lines() {
            writeln!(f, "{name}={value}")?;
        }
        Ok(())
    }
}

impl Config {
    fn lines(&self) -> Vec<(String, String)> {
        let mut lines = vec![
            line("ANNALS_LISTEN", self.listen),
            line("ANNALS_PUBLIC_URL", without_password(&self.public_url)),
            line("ANNALS_DATA_DIR", self.data_dir.display()),
            line("ANNALS_ARCHIVE_DIR", self.archive_dir.display()),
            line(
                "ANNALS_PARTITION_SIZE",
                self.partition_size.map_or("unset".into(), |size| size.to_string()),
            ),
            line("ANNALS_RETENTION", &self.retention),
            line("DATABASE_URL", url_or(self.database_url.as_deref(), "unset (private Postgres)")),
            line("NATS_URL", url_or(self.nats_url.as_deref(), "unset (private nats-server)")),
            line("SMTP_URL", url_or(self.smtp_url.as_deref(), "unset (files)")),
            line("TWILIO_ACCOUNT_SID", self.carrier()),
            line("ANNALS_MASTER_KEY", presence(self.master_key.is_some())),
            line("ANNALS_MASTER_KEY_PREVIOUS", presence(!self.master_key_previous.is_empty())),
            line("ANNALS_ADMIN_EMAIL", self.admin_email.as_deref().unwrap_or("unset")),
            line("ANNALS_ADMIN_PASSWORD", presence(self.admin_password.is_some())),
            line("ANNALS_BREACH_URL", url_or(self.accounts.breach_url.as_deref(), "unset")),
            line("ANNALS_ENUMERATION_SAFE", self.accounts.enumeration_safe),
            line("ANNALS_RATE_LIMITS", &self.rates),
            line("ANNALS_SESSION_LIFETIME", format!("{}s", self.sessions.lifetime.as_secs())),
            line("ANNALS_SESSION_IDLE", format!("{}s", self.sessions.idle.as_secs())),
            line("ANNALS_IDEMPOTENCY_HOURS", self.idempotency_hours),
            line("ANNALS_METRICS_TOKEN", presence(self.metrics_token.is_some())),
            line("ANNALS_TRUSTED_PROXIES", self.networks()),
        ];
        lines.extend(provider_lines("ANTHROPIC", &self.providers.anthropic));
        lines.extend(provider_lines("LLAMA", &self.providers.llama));
        lines.extend(provider_lines("OPENAI", &self.providers.openai));
        lines.extend(self.program_lines());
        lines
    }

    fn program_lines(&self) -> [(String, String); 6] {
        let programs = &self.programs;
        [
            line("ANNALS_LOCAL_MODEL", if self.local_model { "on" } else { "off" }),
            line("ANNALS_POSTGRES_BIN", path(programs.postgres_bin.as_deref())),
            line("ANNALS_NATS_BIN", path(programs.nats_bin.as_deref())),
            line("ANNALS_BWRAP_BIN", path(programs.bwrap_bin.as_deref())),
            line("ANNALS_PYTHON", programs.python.display()),
            line("RUST_LOG", &self.log),
        ]
    }

    fn carrier(&self) -> String {
        self.twilio.as_ref().map_or("unset (files)".into(), |twilio| {
            format!("{} at {}", twilio.account_sid, without_password(&twilio.base_url))
        })
    }

    fn networks(&self) -> String {
        let networks: Vec<_> = self
            .trusted_proxies
            .iter()
            .map(|(address, prefix)| format!("{address}/{prefix}"))
            .collect();
        if networks.is_empty() { "unset".into() } else { networks.join(",") }
    }
}

fn line(name: &str, value: impl fmt::Display) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn provider_lines(name: &str, provider: &Provider) -> [(String, String); 2] {
    [
        line(&format!("{name}_API_KEY"), presence(provider.api_key.is_some())),
        line(&format!("{name}_BASE_URL"), url_or(provider.base_url.as_deref(), "unset")),
    ]
}

fn presence(is_set: bool) -> &'static str {
    if is_set { "set" } else { "unset" }
}

fn path(value: Option<&Path>) -> String {
    value.map_or("unset".into(), |path| path.display().to_string())
}

fn url_or(value: Option<&str>, otherwise: &str) -> String {
    value.map_or(otherwise.to_owned(), |list| {
        list.split(',').map(|url| without_password(url.trim())).collect::<Vec<_>>().join(",")
    })
}

/// Shows a URL as far as it is nobody's secret. A lone user name may be a token, as NATS has them.
fn without_password(value: &str) -> String {
    let Ok(mut url) = Url::parse(value) else { return "***".into() };
    let masked = if url.password().is_some() {
        url.set_password(Some("***"))
    } else if url.scheme().starts_with("postgres") || url.username().is_empty() {
        Ok(())
    } else {
        url.set_username("***")
    };
    let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if query.iter().any(|(name, _)| name.contains("password")) {
        url.query_pairs_mut().clear().extend_pairs(query.iter().map(|(name, value)| {
            (name, if name.contains("password") { "***" } else { value.as_str() })
        }));
    }
    if masked.is_ok() { url.to_string().trim_end_matches('/').to_owned() } else { "***".into() }
}
