//! The stored form of a meta: one line of ASCII, as short as it can be, for it is written, carried
//! in a header and read with every event.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
    ser::Error as _,
};
use uuid::Uuid;

use super::{Meta, Reason, Sealed};
use crate::Position;

/// What is written. The long names are those of the first events there were.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored<'a> {
    /// Actor and subject where they are the same person.
    #[serde(rename = "p", skip_serializing_if = "Option::is_none")]
    person: Option<ShortId>,
    #[serde(rename = "w", alias = "actor", skip_serializing_if = "Option::is_none")]
    actor: Option<ShortId>,
    #[serde(rename = "s", alias = "subject", skip_serializing_if = "Option::is_none")]
    subject: Option<ShortId>,
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    credential: Option<ShortId>,
    #[serde(rename = "c", alias = "correlation", skip_serializing_if = "Option::is_none")]
    correlation: Option<ShortId>,
    #[serde(rename = "e", alias = "causation", skip_serializing_if = "Option::is_none")]
    causation: Option<Position>,
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    address: Option<Cow<'a, str>>,
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    use_case: Option<Cow<'a, str>>,
    #[serde(rename = "y", skip_serializing_if = "Option::is_none")]
    said: Option<Cow<'a, str>>,
    #[serde(rename = "t", alias = "traceparent", skip_serializing_if = "Option::is_none")]
    traceparent: Option<Cow<'a, str>>,
}

impl Serialize for Meta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let closed = |text: &'_ Sealed| match text.closed() {
            Some(closed) => Ok(closed.to_owned()),
            None => Err(S::Error::custom("a text about a person is only written closed")),
        };
        let is_own = self.actor.is_some() && self.actor == self.subject;
        let other = |id: Option<Uuid>| id.filter(|_| !is_own).map(ShortId);
        let (use_case, said) = match &self.reason {
            Some(Reason::UseCase(name)) => (Some(Cow::Borrowed(name.as_ref())), None),
            Some(Reason::Said(said)) => (None, Some(Cow::Owned(closed(said)?))),
            None => (None, None),
        };
        let stored = Stored {
            person: self.actor.filter(|_| is_own).map(ShortId),
            actor: other(self.actor),
            subject: other(self.subject),
            credential: self.credential.map(ShortId),
            correlation: self.correlation.map(ShortId),
            causation: self.causation,
            address: self.address.as_ref().map(closed).transpose()?.map(Cow::Owned),
            use_case,
            said,
            traceparent: self.traceparent.as_deref().map(Cow::Borrowed),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let said = stored.said.map(|said| Reason::Said(Sealed::from_closed(said.into_owned())));
        let use_case = || stored.use_case.map(|it| Reason::UseCase(Cow::Owned(it.into_owned())));
        Ok(Self {
            actor: stored.person.or(stored.actor).map(|id| id.0),
            credential: stored.credential.map(|id| id.0),
            subject: stored.person.or(stored.subject).map(|id| id.0),
            address: stored.address.map(|closed| Sealed::from_closed(closed.into_owned())),
            reason: said.or_else(use_case),
            correlation: stored.correlation.map(|id| id.0),
            causation: stored.causation,
            traceparent: stored.traceparent.map(Cow::into_owned),
        })
    }
}

/// An id in 22 characters; the usual 36 are read as well.
#[derive(Clone, Copy)]
struct ShortId(Uuid);

impl Serialize for ShortId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; 24];
        let length = URL_SAFE_NO_PAD.encode_slice(self.0.as_bytes(), &mut text);
        let text = length.ok().and_then(|length| std::str::from_utf8(&text[..length]).ok());
        serializer.serialize_str(text.ok_or_else(|| S::Error::custom("an id has 22 characters"))?)
    }
}

impl<'de> Deserialize<'de> for ShortId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;

        impl Visitor<'_> for Id {
            type Value = ShortId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id of 22 or 36 characters")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ShortId, E> {
                if text.len() != 22 {
                    return text.parse().map(ShortId).map_err(E::custom);
                }
                let mut bytes = [0; 18];
                let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(E::custom)?;
                Uuid::from_slice(&bytes[..length]).map(ShortId).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn meta() -> Meta {
        Meta {
            actor: Some(id(1)),
            credential: Some(id(2)),
            subject: Some(id(3)),
            address: Some(Sealed::from_closed("c2VhbGVk".to_owned())),
            reason: Some(Reason::UseCase("register".into())),
            correlation: Some(id(4)),
            causation: Some(5),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        }
    }

    fn written(meta: &Meta) -> String {
        serde_json::to_string(meta).unwrap()
    }

    fn read(stored: &str) -> Meta {
        serde_json::from_str(stored).unwrap()
    }

    #[test]
    fn a_meta_reads_back_as_it_was_written() {
        let said = Some(Reason::Said(Sealed::from_closed("c2FpZA".to_owned())));
        let own = Meta { subject: Some(id(1)), ..meta() };
        for meta in [meta(), own, Meta { reason: said, ..meta() }, Meta::default()] {
            assert_eq!(read(&written(&meta)), meta);
        }
    }

    #[test]
    fn the_first_metas_there_were_still_read() {
        let stored = r#"{"actor":"00000000-0000-0000-0000-000000000001","subject":"00000000-0000-0000-0000-000000000003","correlation":"00000000-0000-0000-0000-000000000004","causation":5,"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#;

        let expected = Meta { credential: None, address: None, reason: None, ..meta() };
        assert_eq!(read(stored), expected);
    }

    #[test]
    fn a_meta_of_one_person_is_short() {
        let own = Meta { subject: Some(id(1)), causation: None, traceparent: None, ..meta() };
        let bare = Meta { credential: None, address: None, reason: None, ..own };

        let expected = r#"{"p":"AAAAAAAAAAAAAAAAAAAAAQ","c":"AAAAAAAAAAAAAAAAAAAABA"}"#;
        assert_eq!(written(&bare), expected);
    }

    #[test]
    fn a_meta_fits_into_a_header() {
        let reason = Some(Reason::UseCase("two\r\nlines".into()));

        let stored = written(&Meta { reason, ..meta() });

        assert!(stored.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{stored}");
    }

    #[test]
    fn nothing_clear_is_written() {
        let address = Some(Sealed::from("192.0.2.1".to_owned()));

        let outcome = serde_json::to_string(&Meta { address, ..meta() });

        assert!(outcome.is_err());
    }

    #[test]
    fn an_id_of_another_length_is_refused() {
        for stored in [r#"{"p":"AAAA"}"#, r#"{"p":"AAAAAAAAAAAAAAAAAAAAA="}"#, r#"{"p":7}"#] {
            assert!(serde_json::from_str::<Meta>(stored).is_err(), "{stored}");
        }
    }
}
