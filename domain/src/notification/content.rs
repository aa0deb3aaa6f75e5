//! What a notice says, and how it is sorted.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;
use url::Url;

use crate::{Kind, Rejection, Text, serde_as_string};

/// Characters of a message at most.
const LONGEST: usize = 4000;
/// Bytes of an address at most.
const LONGEST_URL: usize = 2000;
/// Bytes of metadata at most, as JSON.
const MOST_METADATA: usize = 8 << 10;

/// What a notice says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// In a line.
    pub title: Text,
    /// In full.
    pub message: Body,
    /// Where to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<ActionUrl>,
    /// What the way there is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_label: Option<Text>,
    /// What its sender's programs want to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// How urgent a notice is: `type` in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Good to know.
    Info,
    /// Something went well.
    Success,
    /// Something may go wrong.
    Warning,
    /// Something went wrong.
    Error,
    /// The product changed.
    Update,
    /// An offer.
    Promotion,
}

/// What a notice is about: `category` in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// The service itself.
    System,
    /// Money.
    Billing,
    /// The safety of the account.
    Security,
    /// Something that the product can do.
    Feature,
    /// Offers.
    Marketing,
}

impl Urgency {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Info, Self::Success, Self::Warning, Self::Error, Self::Update, Self::Promotion];

    /// The word that the API has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Update => "update",
            Self::Promotion => "promotion",
        }
    }
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::System, Self::Billing, Self::Security, Self::Feature, Self::Marketing];

    /// The word that the API has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Billing => "billing",
            Self::Security => "security",
            Self::Feature => "feature",
            Self::Marketing => "marketing",
        }
    }
}

/// A part of a notice breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContent {
    /// The message.
    #[error("a message has 1 to 4000 characters, and no control characters but line breaks")]
    Body,
    /// The address.
    #[error(
        "an action leads to a path such as /billing or to an https address of at most 2000 bytes"
    )]
    ActionUrl,
    /// The metadata.
    #[error("metadata is a JSON object of at most 8 KiB")]
    Metadata,
}

impl From<InvalidContent> for Rejection {
    fn from(error: InvalidContent) -> Self {
        Self::new(Kind::Invalid, "invalid_notification", error.to_string())
    }
}

/// 1 to 4000 characters, NFC, trimmed, with line breaks but without other control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(String);

impl TryFrom<String> for Body {
    type Error = InvalidContent;

    fn try_from(text: String) -> Result<Self, InvalidContent> {
        let text: String = text.replace("\r\n", "\n").trim().nfc().collect();
        let is_plain = !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t');
        let is_short = (1..=LONGEST).contains(&text.chars().count());
        if is_plain && is_short { Ok(Self(text)) } else { Err(InvalidContent::Body) }
    }
}

impl std::fmt::Display for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_string!(Body);

/// A path of the product, or an http(s) address: nothing that runs when it is clicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionUrl(String);

impl TryFrom<String> for ActionUrl {
    type Error = InvalidContent;

    fn try_from(text: String) -> Result<Self, InvalidContent> {
        let is_path = text.starts_with('/') && !text.starts_with("//") && !text.contains('\\');
        let is_plain = !text.contains(|c: char| c.is_control() || c.is_whitespace());
        let is_web = || {
            let url = Url::parse(&text).ok();
            url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        };
        if text.len() <= LONGEST_URL && is_plain && (is_path || is_web()) {
            Ok(Self(text))
        } else {
            Err(InvalidContent::ActionUrl)
        }
    }
}

impl std::fmt::Display for ActionUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_string!(ActionUrl);

/// What the sender's programs want to know, of a size that a list can carry.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

impl TryFrom<Map<String, Value>> for Metadata {
    type Error = InvalidContent;

    fn try_from(fields: Map<String, Value>) -> Result<Self, InvalidContent> {
        let size = serde_json::to_vec(&fields).map_or(usize::MAX, |json| json.len());
        if size <= MOST_METADATA { Ok(Self(fields)) } else { Err(InvalidContent::Metadata) }
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Map::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
