//! A browser and a device that holds a passkey (`WebAuthn` Level 3): written from the specification, with
//! another cryptographic library than the one that verifies it, and none of its code.

use anyhow::{Context, ensure};
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::{SystemRandom, fill},
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// The person is there, is who they should be, and a new key follows (section 6.1).
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;

/// A device with one passkey at most, and the browser beside it.
#[derive(Clone, Default)]
pub struct Device {
    pub passkey: Option<Passkey>,
    /// Whether it counts how often it is used.
    pub counts: bool,
    /// Whether it does not make sure who holds it where it need not.
    pub is_lax: bool,
}

/// What a device keeps of a passkey.
#[derive(Clone)]
pub struct Passkey {
    pub id: [u8; 32],
    pub user_handle: String,
    key: Vec<u8>,
    rp_id: String,
    counter: u32,
}

/// What a device is made to sign; a browser asks it for nothing but the truth.
pub struct Statement<'a> {
    pub kind: &'a str,
    pub challenge: &'a str,
    pub origin: &'a str,
    pub rp_id: &'a str,
    pub is_verified: bool,
}

impl Device {
    /// What `navigator.credentials.create` answers on a page of `origin`, as `toJSON` writes it.
    pub fn create(&mut self, origin: &str, asked: &Value) -> anyhow::Result<Value> {
        let rp_id = host(origin, text(&asked["rp"]["id"]))?;
        let known = self.passkey.as_ref().map(|known| encode(&known.id));
        let is_excluded = |it: &Value| Some(text(&it["id"])) == known.as_deref();
        let excluded = asked["excludeCredentials"].as_array().context("excludeCredentials")?;
        ensure!(!excluded.iter().any(is_excluded), "InvalidStateError: it is registered already");
        let algorithms = asked["pubKeyCredParams"].as_array().context("pubKeyCredParams")?;
        ensure!(algorithms.iter().any(|it| it["alg"] == -7), "NotSupportedError");

        let mut id = [0; 32];
        fill(&mut id)?;
        let key =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())?;
        let user_handle = text(&asked["user"]["id"]).to_owned();
        let (key, rp_id) = (key.as_ref().to_vec(), rp_id.to_owned());
        let passkey = Passkey { id, user_handle, key, rp_id, counter: 0 };
        let wish = text(&asked["authenticatorSelection"]["userVerification"]);
        let verified = if self.verifies(wish) { VERIFIED } else { 0 };
        let mut data = passkey.data(&passkey.rp_id, PRESENT | verified | HAS_KEY);
        data.extend([0; 16]);
        data.extend([0, 32]);
        data.extend(id);
        data.extend(passkey.public_key()?);
        let client = client_data("webauthn.create", text(&asked["challenge"]), origin)?;
        self.passkey = Some(passkey);
        Ok(json!({
            "id": encode(&id),
            "rawId": encode(&id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": encode(&client),
                "attestationObject": encode(&attestation(&data)),
                "authenticatorData": encode(&data),
                "transports": ["internal", "hybrid"],
                "publicKeyAlgorithm": -7,
            },
            "clientExtensionResults": {},
        }))
    }

    /// What `navigator.credentials.get` answers on a page of `origin`, as `toJSON` writes it.
    pub fn get(&mut self, origin: &str, asked: &Value) -> anyhow::Result<Value> {
        let rp_id = host(origin, text(&asked["rpId"]))?;
        let known = self.passkey.as_ref().filter(|known| known.rp_id == rp_id);
        let id = encode(&known.context("NotAllowedError: no passkey")?.id);
        let allowed = asked["allowCredentials"].as_array().context("allowCredentials")?;
        let is_allowed = allowed.is_empty() || allowed.iter().any(|it| text(&it["id"]) == id);
        ensure!(is_allowed, "NotAllowedError: another passkey is asked for");
        let is_verified = self.verifies(text(&asked["userVerification"]));
        let (kind, challenge) = ("webauthn.get", text(&asked["challenge"]));
        self.sign(&Statement { kind, challenge, origin, rp_id, is_verified })
    }

    /// What the device signs for whoever has taken the browser's place.
    pub fn sign(&mut self, statement: &Statement<'_>) -> anyhow::Result<Value> {
        let passkey = self.passkey.as_mut().context("a passkey")?;
        passkey.counter += u32::from(self.counts);
        let verified = if statement.is_verified { VERIFIED } else { 0 };
        let data = passkey.data(statement.rp_id, PRESENT | verified);
        let client = client_data(statement.kind, statement.challenge, statement.origin)?;
        let signed = [&data, digest(&SHA256, &client).as_ref()].concat();
        let signature = passkey.pair()?.sign(&SystemRandom::new(), &signed)?;
        Ok(json!({
            "id": encode(&passkey.id),
            "rawId": encode(&passkey.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": {
                "clientDataJSON": encode(&client),
                "authenticatorData": encode(&data),
                "signature": encode(signature.as_ref()),
                "userHandle": passkey.user_handle,
            },
            "clientExtensionResults": {},
        }))
    }

    fn verifies(&self, wish: &str) -> bool {
        wish == "required" || (wish == "preferred" && !self.is_lax)
    }
}

impl Passkey {
    fn pair(&self) -> anyhow::Result<EcdsaKeyPair> {
        Ok(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.key)?)
    }

    /// Authenticator data, without a key (section 6.1).
    fn data(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// The key as COSE writes it: `{1: 2, 3: -7, -1: 1, -2: x, -3: y}` (RFC 9053, section 7.1).
    fn public_key(&self) -> anyhow::Result<Vec<u8>> {
        let pair = self.pair()?;
        let point = pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let (head, middle) = ([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], [0x22, 0x58, 32]);
        Ok([&head, x, &middle, y].concat())
    }
}

/// `{"fmt": "none", "attStmt": {}, "authData": data}` (section 8.7).
fn attestation(data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).expect("it is short");
    [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58", &[length][..], data].concat()
}

/// What a page was asked, by whom (section 5.8.1).
fn client_data(kind: &str, challenge: &str, origin: &str) -> anyhow::Result<Vec<u8>> {
    let data =
        json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false });
    Ok(serde_json::to_vec(&data)?)
}

/// A page may ask for passkeys of its own host, or of what that ends with.
fn host<'a>(origin: &str, rp_id: &'a str) -> anyhow::Result<&'a str> {
    let host = origin.split("://").nth(1).and_then(|rest| rest.split(':').next());
    let host = host.context("an origin")?;
    let is_its = host == rp_id || host.ends_with(&format!(".{rp_id}"));
    ensure!(is_its, "SecurityError: {origin} may not ask for passkeys of {rp_id}");
    Ok(rp_id)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
