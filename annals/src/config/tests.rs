//! What the configuration takes, refuses and shows.

use commands::Limit;

use super::*;

fn config(change: impl FnOnce(&mut Options)) -> anyhow::Result<Config> {
    let mut options = Options::default();
    change(&mut options);
    Config::new(options)
}

#[expect(clippy::unnecessary_wraps, reason = "every field of the options is an Option")]
fn some(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[test]
fn nothing_given_is_enough() {
    let config = config(|_| {}).unwrap();

    assert_eq!(config.public_url, "http://127.0.0.1:8000");
    assert_eq!(config.rates, Rates::default());
    assert!(config.data_dir.is_absolute() && config.data_dir.ends_with(".annals"));
    assert!(config.local_model && !config.providers.any_is_configured());
}

#[test]
fn an_empty_value_counts_as_none() {
    let config = config(|given| {
        given.listen = some("");
        given.database_url = some(" ");
        given.openai_api_key = some("");
    })
    .unwrap();

    assert_eq!(config.listen.port(), 8000);
    assert!(config.database_url.is_none() && !config.providers.any_is_configured());
}

#[test]
fn the_public_address_is_a_web_address_without_a_slash_at_the_end() {
    let public = |value| config(|given| given.public_url = some(value)).map(|it| it.public_url);

    assert_eq!(public("https://annals.example/base/").unwrap(), "https://annals.example/base");
    assert!(public("annals.example").is_err());
    assert!(public("ftp://annals.example").is_err());
    assert!(public("https://annals.example/?a=b").is_err());
}

#[test]
fn sessions_last_a_number_of_units() {
    let idle = |value| config(|given| given.session_idle = some(value)).map(|it| it.sessions.idle);

    assert_eq!(config(|_| {}).unwrap().sessions.lifetime, Duration::from_hours(30 * 24));
    assert_eq!(idle("90s").unwrap(), Duration::from_secs(90));
    assert_eq!(idle(" 2h").unwrap(), Duration::from_hours(2));
    for wrong in ["0s", "5", "-1d", "1w", "d", "99999999999999999999d", "4000d"] {
        assert!(idle(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_registration_limit_is_a_number_or_off() {
    let limit = |value| {
        config(|given| given.registration_limit = some(value))
            .map(|it| it.rates.of(Limit::Registration).map(|quota| quota.to_string()))
    };

    assert_eq!(limit("off").unwrap(), None);
    assert_eq!(limit("7").unwrap().as_deref(), Some("7/3600"));
    assert!(limit("0").is_err());
    assert!(limit("many").is_err());
}

#[test]
fn answers_are_kept_for_hours() {
    let hours = |value| {
        config(|given| given.idempotency_hours = some(value)).map(|it| it.idempotency_hours)
    };

    assert_eq!(config(|_| {}).unwrap().idempotency_hours, 24);
    assert_eq!(hours("48").unwrap(), 48);
    assert!(hours("0").is_err());
    assert!(hours("8761").is_err());
    assert!(hours("a day").is_err());
}

#[test]
fn addresses_are_told_unless_the_operator_says_otherwise() {
    let is_safe = |value| {
        config(|given| given.enumeration_safe = some(value)).map(|it| it.accounts.enumeration_safe)
    };

    assert!(!config(|_| {}).unwrap().accounts.enumeration_safe);
    assert!(is_safe("true").unwrap() && !is_safe("false").unwrap());
    assert!(is_safe("maybe").is_err());
    assert!(config(|given| given.breach_url = some("pwned")).is_err());
}

#[test]
fn the_master_key_is_32_bytes() {
    let key = |value| config(|given| given.master_key = some(value)).map(|it| it.master_key);

    assert_eq!(key("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap(), Some([0; 32]));
    assert!(key("AAAA").is_err());
    assert!(key("not base64").is_err());
}

#[test]
fn trusted_proxies_are_networks() {
    let networks =
        |value| config(|given| given.trusted_proxies = some(value)).map(|it| it.trusted_proxies);

    assert_eq!(
        networks("10.0.0.0/8, ::1").unwrap(),
        [("10.0.0.0".parse().unwrap(), 8), ("::1".parse().unwrap(), 128)]
    );
    assert!(networks("10.0.0.0/33").is_err());
    assert!(networks("example.org").is_err());
}

#[test]
fn a_base_url_alone_configures_a_provider() {
    let config = config(|given| given.openai_base_url = some("http://127.0.0.1:9/v1/")).unwrap();

    assert!(config.providers.any_is_configured());
    assert_eq!(config.providers.openai.base_url.as_deref(), Some("http://127.0.0.1:9/v1"));
}

#[test]
fn an_error_names_the_variable_and_not_the_secret() {
    let refused = config(|given| given.smtp_url = some("http://u:hunter2@host")).err().unwrap();

    let message = format!("{refused:#}");
    assert!(message.contains("SMTP_URL") && !message.contains("hunter2"), "{message}");
}

#[test]
fn a_carrier_of_messages_needs_account_token_and_number() {
    let whole = config(|given| {
        given.twilio_account_sid = some("AC1");
        given.twilio_auth_token = some("t");
        given.twilio_from = some("+15005550006");
    });
    let half = config(|given| given.twilio_account_sid = some("AC1"));
    let elsewhere = config(|given| {
        given.twilio_account_sid = some("../AC1");
        given.twilio_auth_token = some("t");
        given.twilio_from = some("+15005550006");
    });

    let base_url = whole.unwrap().twilio.map(|twilio| twilio.base_url);
    assert_eq!(base_url.as_deref(), Some("https://api.twilio.com"));
    assert!(half.is_err() && elsewhere.is_err());
}

#[test]
fn what_is_printed_holds_no_secret() {
    let secret = "hunter2";
    let shown = config(|given| {
        given.database_url = some("postgres://annals:hunter2@db:5432/annals");
        given.nats_url = some("nats://hunter2@a:4222,nats://u:hunter2@b:4222");
        given.smtp_url = some("smtp://u:hunter2@mail:25");
        given.admin_password = some(secret);
        given.metrics_token = some(secret);
        given.twilio_account_sid = some("AC1");
        given.twilio_auth_token = some(secret);
        given.twilio_from = some("+15005550006");
        given.anthropic_api_key = some(secret);
        given.openai_base_url = some("https://u:hunter2@host/v1");
        given.master_key = some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    })
    .unwrap()
    .to_string();

    assert!(!shown.contains(secret) && !shown.contains("AAAA"), "{shown}");
    assert!(shown.contains("DATABASE_URL=postgres://annals:***@db:5432/annals\n"), "{shown}");
    assert!(shown.contains("NATS_URL=nats://***@a:4222,nats://u:***@b:4222\n"), "{shown}");
    assert!(shown.contains("ANTHROPIC_API_KEY=set\n") && shown.contains("LLAMA_API_KEY=unset\n"));
}

#[test]
fn a_password_in_a_query_is_masked_too() {
    let shown = config(|given| {
        given.database_url =
            some("postgres://annals@localhost/annals?host=/run/pg&password=hunter2");
    })
    .unwrap()
    .to_string();

    assert!(!shown.contains("hunter2") && shown.contains("run%2Fpg"), "{shown}");
}
