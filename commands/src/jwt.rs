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

#[cfg(test)]
mod tests;

/// How long an access token is good.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// The `typ` of an access token (RFC 9068), so that no other kind passes for one.
const ACCESS: &str = "access";
const AUDIENCE: &str = "annals";
/// A JWT of ours is far under 2 KiB; what is longer is not worth hashing.
const LONGEST: usize = 2048;

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
    /// Ours have none; what has one is not good before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
}

/// Whom a token is for.
pub(crate) struct Holder {
    pub user: Uuid,
    pub email: String,
    pub role: Role,
    pub session: Uuid,
}

/// One key, by its `kid`.
pub(crate) struct Key {
    /// The only header that tokens of this key have, as it stands in them. No other is taken, so that
    /// nothing in a header (`alg`, `crit`, `jwk`, `jku` ..) is ever obeyed.
    header: String,
    kid: String,
    public: String,
    named: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// For whom tokens are, and by whom.
pub(crate) struct Reader {
    issuer: String,
    validation: Validation,
}

impl Reader {
    pub(crate) fn new(issuer: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        // Times are compared with the clock that commands go by.
        validation.validate_exp = false;
        Self { issuer: issuer.to_owned(), validation }
    }

    /// What a token says, if a key signed it that it names, and it is of this kind and of now.
    pub(crate) fn read(&self, key: &Key, token: &str, now: DateTime<Utc>) -> Option<Access> {
        let access =
            jsonwebtoken::decode::<Access>(token, &key.decoding, &self.validation).ok()?.claims;
        let now = now.timestamp();
        let has_begun = access.nbf.is_none_or(|nbf| nbf <= now);
        let is_short = access.exp.saturating_sub(access.iat) <= LIFETIME.num_seconds();
        let is_good = has_begun && is_short && now < access.exp && access.typ == ACCESS;
        is_good.then_some(access)
    }

    pub(crate) fn sign(
        &self,
        key: &Key,
        holder: Holder,
        (issued_at, expires_at): (DateTime<Utc>, DateTime<Utc>),
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
            nbf: None,
        };
        Ok(jsonwebtoken::encode(&key.named, &access, &key.encoding)?)
    }
}

impl Key {
    pub(crate) fn new(seed: &ServiceKey) -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.bytes())
            .map_err(|error| anyhow!("an Ed25519 seed: {error}"))?;
        let document = pair.to_pkcs8v1().map_err(|_| anyhow!("an Ed25519 key as PKCS #8"))?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let kid = thumbprint(&public);
        let mut named = Header::new(Algorithm::EdDSA);
        named.kid = Some(kid.clone());
        Ok(Self {
            header: URL_SAFE_NO_PAD.encode(serde_json::to_vec(&named)?),
            encoding: EncodingKey::from_ed_der(document.as_ref()),
            decoding: DecodingKey::from_ed_components(&public)?,
            kid,
            public,
            named,
        })
    }

    /// What it is called in tokens (RFC 7638).
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether this is the header of its tokens.
    pub(crate) fn has_header(&self, header: &str) -> bool {
        self.header == header
    }

    /// Whether this could be the header of a key of ours.
    pub(crate) fn resembles(&self, header: &str) -> bool {
        self.header.len() == header.len()
    }

    /// The public half (RFC 8037).
    pub(crate) fn jwk(&self) -> serde_json::Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": self.kid, "x": self.public,
        })
    }
}

/// The first part of what may be a token.
pub(crate) fn header_of(token: &str) -> Option<&str> {
    let (header, rest) = token.split_once('.').filter(|_| token.len() <= LONGEST)?;
    (rest.matches('.').count() == 1).then_some(header)
}

/// RFC 7638: the digest of the required members in lexical order.
fn thumbprint(public: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
}
