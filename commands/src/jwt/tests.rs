//! What passes for an access token, and what does not (RFC 8725).

use super::*;

const ISSUER: &str = "https://annals.example";

fn key(seed: u8) -> Key {
    Key::new(&ServiceKey::from_bytes([seed; 32])).unwrap()
}

fn holder() -> Holder {
    Holder {
        user: Uuid::from_u128(1),
        email: "ada@example.org".into(),
        role: Role::User,
        session: Uuid::from_u128(2),
    }
}

fn noon() -> DateTime<Utc> {
    "2026-01-06T12:00:00Z".parse().unwrap()
}

fn token_of(seed: u8) -> String {
    Reader::new(ISSUER).sign(&key(seed), holder(), (noon(), noon() + LIFETIME)).unwrap()
}

/// As a process does that has one key.
fn read(token: &str, now: DateTime<Utc>) -> Option<Access> {
    let key = key(1);
    let header = header_of(token).filter(|header| key.has_header(header))?;
    assert!(key.resembles(header));
    Reader::new(ISSUER).read(&key, token, now)
}

/// What our own key has signed with other claims.
fn forged(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut claims = serde_json::to_value(read(&token_of(1), noon()).unwrap()).unwrap();
    change(&mut claims);
    let key = key(1);
    jsonwebtoken::encode(&key.named, &claims, &key.encoding).unwrap()
}

#[test]
fn a_token_is_good_for_a_quarter_of_an_hour() {
    let token = token_of(1);

    let in_time = read(&token, noon() + TimeDelta::minutes(14));
    let late = read(&token, noon() + TimeDelta::minutes(15));

    assert_eq!(in_time.map(|access| access.sid), Some(Uuid::from_u128(2)));
    assert_eq!(late, None);
}

#[test]
fn a_token_of_another_key_is_refused() {
    let token = token_of(2);

    let renamed = format!("{}.{}", key(1).header, token.split_once('.').unwrap().1);

    assert_eq!(read(&token, noon()), None);
    assert_eq!(read(&renamed, noon()), None);
}

#[test]
fn an_unsigned_token_is_refused() {
    let token = token_of(1);
    let claims = token.split('.').nth(1).unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);

    assert_eq!(read(&format!("{none}.{claims}."), noon()), None);
    assert_eq!(read(&format!("{}.{claims}.", key(1).header), noon()), None);
}

#[test]
fn no_header_but_its_own_opens_a_key() {
    let token = token_of(1);
    let (_, rest) = token.split_once('.').unwrap();
    let kid = key(1).kid;

    for header in [
        r#"{"typ":"JWT","alg":"EdDSA"}"#.to_owned(),
        format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}","crit":["exp"]}}"#),
        format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}","jku":"https://evil.example"}}"#),
        format!(r#"{{"typ":"JWT","alg":"HS256","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"JOSE","alg":"EdDSA","kid":"{kid}"}}"#),
    ] {
        let renamed = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(&header));
        assert_eq!(read(&renamed, noon()), None, "{header}");
    }
}

#[test]
fn other_claims_are_refused_whoever_signed_them() {
    let changes: [(&str, serde_json::Value); 10] = [
        ("iss", json!("https://evil.example")),
        ("aud", json!("others")),
        ("aud", json!(["annals", "others"])),
        ("typ", json!("refresh")),
        ("exp", json!("2030-01-01")),
        ("exp", json!(noon().timestamp() + 86_400)),
        ("exp", json!(i64::MAX)),
        ("nbf", json!(noon().timestamp() + 1)),
        ("nbf", json!("now")),
        ("sub", json!("everybody")),
    ];

    for (name, value) in changes {
        let token = forged(|claims| claims[name] = value.clone());
        assert_eq!(read(&token, noon()), None, "{name}: {value}");
    }
    for name in ["iss", "aud", "exp", "iat", "typ", "sub", "sid"] {
        let token = forged(|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        assert_eq!(read(&token, noon()), None, "no {name}");
    }
    assert!(read(&forged(|claims| claims["nbf"] = json!(noon().timestamp())), noon()).is_some());
}

#[test]
fn what_is_longer_than_any_token_is_not_looked_at() {
    let token = forged(|claims| claims["email"] = json!("a".repeat(2048)));

    assert_eq!(read(&token, noon()), None);
    assert_eq!(header_of("a.b"), None);
    assert_eq!(header_of("a.b.c.d"), None);
}
