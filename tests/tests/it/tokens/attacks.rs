//! Everything that looks like an access token and is none (RFC 8725), against the running program.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use eventlog::{MasterKey, SigningKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sqlx::PgPool;
use tests::{Program, Setup, json};

use crate::person::Person;

/// The beginning of an Ed25519 private key as PKCS #8 (RFC 8410); the seed follows.
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Somebody who signed in, and has the very key of the service.
struct Forger {
    program: Program,
    ada: Person,
    key: EncodingKey,
    public: Vec<u8>,
}

impl Forger {
    async fn new() -> anyhow::Result<Self> {
        let program = Setup::default().start().await?;
        let ada = Person::register(&program, "ada@example.org").await?;
        let pool = PgPool::connect(&program.database_url()).await?;
        let master = MasterKey::from_base64(&program.master_key()?)?;
        let keys = SigningKey::load(&pool, &master).await?;
        let seed = [&PKCS8[..], keys[0].seed.bytes()].concat();
        let set = json(program.get("/.well-known/jwks.json").send().await?, 200).await?;
        let public = URL_SAFE_NO_PAD.decode(set["keys"][0]["x"].as_str().unwrap_or_default())?;
        Ok(Self { program, ada, key: EncodingKey::from_ed_der(&seed), public })
    }

    fn part(&self, number: usize) -> anyhow::Result<Value> {
        let part = self.ada.access.split('.').nth(number).unwrap_or_default();
        Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
    }

    /// A token that is signed well, whatever stands in it.
    fn sign(&self, header: &str, claims: &str) -> anyhow::Result<String> {
        let said = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let proof = jsonwebtoken::crypto::sign(said.as_bytes(), &self.key, Algorithm::EdDSA)?;
        Ok(format!("{said}.{proof}"))
    }

    async fn status(&self, token: &str) -> anyhow::Result<u16> {
        let me = self.program.get("/v1/auth/me").bearer_auth(token).send().await?;
        Ok(me.status().as_u16())
    }

    async fn is_refused(&self, what: &str, token: &str) -> anyhow::Result<()> {
        let status = self.status(token).await?;
        anyhow::ensure!(status == 401, "{what}: {status} for {token}");
        Ok(())
    }
}

#[tokio::test]
async fn headers_that_confuse_other_services_open_nothing() -> anyhow::Result<()> {
    let forger = Forger::new().await?;
    let (header, claims) = (forger.part(0)?, forger.part(1)?.to_string());
    let good = String::from_utf8(
        URL_SAFE_NO_PAD.decode(forger.ada.access.split('.').next().unwrap_or_default())?,
    )?;
    assert_eq!(forger.status(&forger.sign(&good, &claims)?).await?, 200, "the forger can sign");

    let x = URL_SAFE_NO_PAD.encode(&forger.public);
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("Ed25519")),
        ("kid", json!("unknown")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' or 1=1 --")),
        ("kid", Value::Null),
        ("typ", json!("at+jwt")),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("jwk", jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
    ] {
        let mut changed = header.clone();
        changed[name] = value;
        let changed = changed.to_string();
        forger.is_refused(&changed, &forger.sign(&changed, &claims)?).await?;
    }
    for missing in ["alg", "kid", "typ"] {
        let mut changed = header.clone();
        changed.as_object_mut().and_then(|header| header.remove(missing));
        forger.is_refused(missing, &forger.sign(&changed.to_string(), &claims)?).await?;
    }
    let twice = good.replacen('{', r#"{"alg":"none","#, 1);
    forger.is_refused("twice", &forger.sign(&twice, &claims)?).await
}

#[tokio::test]
async fn a_public_key_is_no_secret_and_no_signature_is_no_proof() -> anyhow::Result<()> {
    let forger = Forger::new().await?;
    let (access, claims) = (&forger.ada.access, forger.part(1)?);
    let [header, said, proof]: [&str; 3] =
        access.split('.').collect::<Vec<_>>().try_into().unwrap_or_default();

    let mut confused = Header::new(Algorithm::HS256);
    confused.kid = forger.part(0)?["kid"].as_str().map(str::to_owned);
    let x = URL_SAFE_NO_PAD.encode(&forger.public);
    for secret in [&forger.public[..], x.as_bytes(), b""] {
        let token = jsonwebtoken::encode(&confused, &claims, &EncodingKey::from_secret(secret))?;
        forger.is_refused("HS256", &token).await?;
        let renamed = format!("{header}.{}", token.split_once('.').unwrap_or_default().1);
        forger.is_refused("HS256 in disguise", &renamed).await?;
    }
    for (what, token) in [
        ("without a proof", format!("{header}.{said}.")),
        ("without the last part", format!("{header}.{said}")),
        ("with another part", format!("{access}.{proof}")),
        ("cut off", access[..access.len() - 1].to_owned()),
        ("padded", format!("{access}=")),
        ("a proof of nothing", format!("{header}.{said}.{}", URL_SAFE_NO_PAD.encode([0; 64]))),
        ("twice", format!("{access}{access}")),
        ("a list", format!("{access},{access}")),
        ("only dots", "..".to_owned()),
    ] {
        forger.is_refused(what, &token).await?;
    }
    let me = forger.program.get("/v1/auth/me").bearer_auth(access).bearer_auth(access);
    assert_eq!(me.send().await?.status(), 401, "two headers are one too many");
    Ok(())
}

#[tokio::test]
async fn well_signed_claims_that_are_not_ours_open_nothing() -> anyhow::Result<()> {
    let forger = Forger::new().await?;
    let header = String::from_utf8(
        URL_SAFE_NO_PAD.decode(forger.ada.access.split('.').next().unwrap_or_default())?,
    )?;
    let claims = forger.part(1)?;
    let now = claims["iat"].as_i64().unwrap_or_default();

    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", Value::Null),
        ("aud", json!("others")),
        ("aud", json!(["annals", "others"])),
        ("typ", json!("refresh")),
        ("typ", json!("challenge")),
        ("exp", json!(now - 1)),
        ("exp", json!(now.to_string())),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(now + 86_400)),
        ("nbf", json!(now + 60)),
        ("nbf", json!("now")),
        ("iat", json!("now")),
        ("sub", json!("00000000-0000-0000-0000-000000000000")),
        ("sid", json!("00000000-0000-0000-0000-000000000000")),
        ("sid", json!(forger.ada.id)),
        ("role", json!("ROOT")),
    ] {
        let mut changed = claims.clone();
        changed[name] = value.clone();
        let token = forger.sign(&header, &changed.to_string())?;
        forger.is_refused(&format!("{name}: {value}"), &token).await?;
    }
    for missing in ["iss", "aud", "typ", "exp", "iat", "sub", "sid", "role"] {
        let mut changed = claims.clone();
        changed.as_object_mut().and_then(|claims| claims.remove(missing));
        forger.is_refused(missing, &forger.sign(&header, &changed.to_string())?).await?;
    }
    let twice = claims.to_string().replacen('{', r#"{"aud":"annals","#, 1);
    forger.is_refused("a claim twice", &forger.sign(&header, &twice)?).await?;
    let mut long = claims.clone();
    long["email"] = json!("a".repeat(2048));
    forger.is_refused("too long", &forger.sign(&header, &long.to_string())?).await?;
    for nothing in ["", "null", "[]", "\"\"", "{}"] {
        forger.is_refused(nothing, &forger.sign(&header, nothing)?).await?;
    }
    // The role of a token is not believed: this one is well signed and says more than is true.
    let mut proud = claims;
    proud["role"] = json!("SUPERUSER");
    let proud = forger.sign(&header, &proud.to_string())?;
    let users = forger.program.get("/v1/admin/sign-ins").bearer_auth(&proud).send().await?;
    assert_eq!(users.status(), 403);
    Ok(())
}
