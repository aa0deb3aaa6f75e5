//! The flags and environment variables as they were given.

use clap::Args;

/// Makes the options: one flag and one variable each, all of them text until `Config` checks them.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $env:literal,)*) => {
        /// The configuration as it was given, unchecked.
        #[derive(Args, Clone, Default)]
        #[command(next_help_heading = "Configuration")]
        pub(crate) struct Options {
            $(
                $(#[$doc])*
                #[arg(long, global = true, env = $env, hide_env_values = true, value_name = "VALUE")]
                pub(super) $name: Option<String>,
            )*
        }

        impl Options {
            /// Takes an empty value for none: that is how a variable is unset in many places.
            pub(super) fn without_empty(self) -> Self {
                Self { $($name: self.$name.filter(|value| !value.trim().is_empty()),)* }
            }
        }
    };
}

options! {
    /// Where to serve HTTP [127.0.0.1:8000].
    listen: "ANNALS_LISTEN",
    /// How the outside reaches us [http:// and the above].
    public_url: "ANNALS_PUBLIC_URL",
    /// The folder for everything this machine keeps [.annals].
    data_dir: "ANNALS_DATA_DIR",
    /// The folder for archived parts of the log, the same for every process [archive, in the data folder].
    archive_dir: "ANNALS_ARCHIVE_DIR",
    /// Events in a partition of the log, chosen before the first event [4194304].
    partition_size: "ANNALS_PARTITION_SIZE",
    /// Days after which technical data goes: addresses=90,effects=keep,... [keep, effects=90].
    retention: "ANNALS_RETENTION",
    /// A Postgres, 15 or newer [a private one in the data folder].
    database_url: "DATABASE_URL",
    /// A NATS server with `JetStream` [a private one in the data folder].
    nats_url: "NATS_URL",
    /// Where mails go: <smtp://user:password@host:port> [files in the data folder].
    smtp_url: "SMTP_URL",
    /// Where messages to telephones go, if not to Twilio: a service that speaks its interface.
    twilio_base_url: "TWILIO_BASE_URL",
    /// The account there [messages are written to files in the data folder].
    twilio_account_sid: "TWILIO_ACCOUNT_SID",
    /// The token of that account.
    twilio_auth_token: "TWILIO_AUTH_TOKEN",
    /// The number that messages come from.
    twilio_from: "TWILIO_FROM",
    /// 32 bytes in base64 that protect every secret [made once in the data folder].
    master_key: "ANNALS_MASTER_KEY",
    /// The master keys before it, as KEY,..., while it is being changed.
    master_key_previous: "ANNALS_MASTER_KEY_PREVIOUS",
    /// The first administrator's address.
    admin_email: "ANNALS_ADMIN_EMAIL",
    /// The first administrator's password [a one-time password, printed].
    admin_password: "ANNALS_ADMIN_PASSWORD",
    /// Where passwords are looked up that became known in breaches: a service that speaks the range
    /// interface of "Have I Been Pwned", as <https://api.pwnedpasswords.com> [nowhere].
    breach_url: "ANNALS_BREACH_URL",
    /// Whether registering tells nobody which addresses have accounts: true or false [false].
    enumeration_safe: "ANNALS_ENUMERATION_SAFE",
    /// How often what may be done, as name=count/seconds or name=off,... [as in docs/limits.md].
    rate_limits: "ANNALS_RATE_LIMITS",
    /// Registrations per address and hour, or `off` [20].
    registration_limit: "ANNALS_REGISTRATION_LIMIT",
    /// How long people stay signed in whatever they do, as 30d, 12h, 45m or 90s [30d].
    session_lifetime: "ANNALS_SESSION_LIFETIME",
    /// How long people stay signed in while they do nothing, likewise [14d].
    session_idle: "ANNALS_SESSION_IDLE",
    /// How many hours an answer is kept for a request that comes again with its Idempotency-Key [24].
    idempotency_hours: "ANNALS_IDEMPOTENCY_HOURS",
    /// Lets a scraper read /metrics.
    metrics_token: "ANNALS_METRICS_TOKEN",
    /// Networks of proxies whose X-Forwarded-For counts, as 10.0.0.0/8,... [none].
    trusted_proxies: "ANNALS_TRUSTED_PROXIES",
    /// Anthropic's key.
    anthropic_api_key: "ANTHROPIC_API_KEY",
    /// Another address for Anthropic.
    anthropic_base_url: "ANTHROPIC_BASE_URL",
    /// Meta Llama's key.
    llama_api_key: "LLAMA_API_KEY",
    /// Another address for Meta Llama.
    llama_base_url: "LLAMA_BASE_URL",
    /// `OpenAI`'s key.
    openai_api_key: "OPENAI_API_KEY",
    /// Another address for `OpenAI`: any server that speaks its dialect.
    openai_base_url: "OPENAI_BASE_URL",
    /// Whether a small local model answers while no provider is set: on or off [on].
    local_model: "ANNALS_LOCAL_MODEL",
    /// A folder with Postgres' programs [.tools/].
    postgres_bin: "ANNALS_POSTGRES_BIN",
    /// The program nats-server [.tools/].
    nats_bin: "ANNALS_NATS_BIN",
    /// The program bwrap [.tools/].
    bwrap_bin: "ANNALS_BWRAP_BIN",
    /// The Python for the local model [python3].
    python: "ANNALS_PYTHON",
    /// What to log [info, of libraries only warnings].
    log: "RUST_LOG",
}
