//! Access tokens: JWT signed with Ed25519 (RFC 7519, RFC 8037, RFC 8725).

use anyhow::anyhow;
use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::user::Role;
use eventlog::ServiceKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// How long an access token is good.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// The `typ` of an access token (RFC 9068), so that no other kind passes for one.
const ACCESS: &str = "access";
const AUDIENCE: &str = "annals";

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Access {
    pub sub: Uuid,
    pub email: String,
    pub role: Role,
    pub sid: Uuid,
    pub iss: String,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
    pub typ: String,
}

/// Whom a token is for.
pub(crate) struct Holder {
    pub user: Uuid,
    pub email: String,
    pub role: Role,
    pub session: Uuid,
}

pub(crate) struct Signer {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    issuer: String,
    public: String,
}

impl Signer {
    pub(crate) fn new(seed: &ServiceKey, issuer: &str) -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.bytes())
            .map_err(|error| anyhow!("an Ed25519 seed: {error}"))?;
        let document = pair.to_pkcs8v1().map_err(|_| anyhow!("an Ed25519 key as PKCS #8"))?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(thumbprint(&public));
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        validation.validate_exp = false;
        Ok(Self {
            header,
            encoding: EncodingKey::from_ed_der(document.as_ref()),
            decoding: DecodingKey::from_ed_components(&public)?,
            validation,
            issuer: issuer.to_owned(),
            public,
        })
    }

    pub(crate) fn sign(
        &self,
        holder: Holder,
        issued_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> anyhow::Result<String> {
        let access = Access {
            sub: holder.user,
            email: holder.email,
            role: holder.role,
            sid: holder.session,
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            iat: issued_at.timestamp(),
            exp: expires_at.timestamp(),
            typ: ACCESS.to_owned(),
        };
        Ok(jsonwebtoken::encode(&self.header, &access, &self.encoding)?)
    }

    /// What a token says, if it is one of ours, of this kind and of now.
    pub(crate) fn read(&self, token: &str, now: DateTime<Utc>) -> Option<Access> {
        // A JWT of ours is far under 2 KiB; what is longer is not worth hashing.
        if token.len() > 2048 {
            return None;
        }
        let data = jsonwebtoken::decode::<Access>(token, &self.decoding, &self.validation).ok()?;
        let is_of_this_key = data.header.kid == self.header.kid;
        let is_current = now.timestamp() < data.claims.exp;
        (is_of_this_key && is_current && data.claims.typ == ACCESS).then_some(data.claims)
    }

    pub(crate) fn jwks(&self) -> serde_json::Value {
        let key = json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": self.header.kid, "x": self.public,
        });
        json!({ "keys": [key] })
    }
}

/// RFC 7638: the digest of the required members in lexical order.
fn thumbprint(public: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(seed: u8) -> Signer {
        Signer::new(&ServiceKey::from_bytes([seed; 32]), "https://annals.example").unwrap()
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

    #[test]
    fn a_token_is_good_for_a_quarter_of_an_hour() {
        let token = signer(1).sign(holder(), noon(), noon() + LIFETIME).unwrap();

        let in_time = signer(1).read(&token, noon() + TimeDelta::minutes(14));
        let late = signer(1).read(&token, noon() + TimeDelta::minutes(15));

        assert_eq!(in_time.map(|access| access.sid), Some(Uuid::from_u128(2)));
        assert_eq!(late, None);
    }

    #[test]
    fn a_token_of_another_key_is_refused() {
        let token = signer(2).sign(holder(), noon(), noon() + LIFETIME).unwrap();

        assert_eq!(signer(1).read(&token, noon()), None);
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        let token = signer(1).sign(holder(), noon(), noon() + LIFETIME).unwrap();
        let claims = token.split('.').nth(1).unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);

        assert_eq!(signer(1).read(&format!("{none}.{claims}."), noon()), None);
    }
}
