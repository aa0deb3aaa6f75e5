//! Personal data inside events: sealed with the key of the person it tells of, forgotten with it.

use std::{cell::RefCell, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use uuid::Uuid;

/// A value that tells something of a person.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Personal<T> {
    /// The person's key exists.
    Known(T),
    /// The person was erased, and nobody can read it any more.
    Erased,
}

impl<T> Personal<T> {
    /// The value, unless it was erased.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }

    /// The value itself, unless it was erased.
    pub fn into_known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

/// Never shows the value: debug output ends in logs.
impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "Known(..)",
            Self::Erased => "Erased",
        })
    }
}

/// The lock on one person's data.
pub trait Seal {
    /// Closes `clear`; `context` must be the same again when it is opened.
    fn seal(&self, clear: &[u8], context: &[u8]) -> Result<String, String>;
    /// Opens what [`Seal::seal`] closed; `None` once the key is gone.
    fn open(&self, sealed: &str, context: &[u8]) -> Result<Option<Vec<u8>>, String>;
    /// What is written in place of a value that was erased; null where this says nothing.
    fn erased(&self) -> Option<String> {
        None
    }
}

thread_local! {
    static SCOPE: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

enum Scope {
    /// Each field is sealed by itself.
    Fields { seal: Arc<dyn Seal>, stream: Uuid, field: u16 },
    /// All that is written is sealed as one.
    Whole,
}

/// Runs `work` so that every [`Personal`] field it reads or writes goes through `seal`, bound to
/// `stream` and to the field's place among the sealed fields of its event.
pub fn with_seal<R>(seal: Arc<dyn Seal>, stream: Uuid, work: impl FnOnce() -> R) -> R {
    within(Scope::Fields { seal, stream, field: 0 }, work)
}

/// Runs `work` so that every [`Personal`] field is written and read in clear: for what is sealed as a
/// whole, and only for that.
pub fn sealed_as_one<R>(work: impl FnOnce() -> R) -> R {
    within(Scope::Whole, work)
}

fn within<R>(scope: Scope, work: impl FnOnce() -> R) -> R {
    struct Reset(Option<Scope>);
    impl Drop for Reset {
        fn drop(&mut self) {
            SCOPE.set(self.0.take());
        }
    }

    let _outer = Reset(SCOPE.replace(Some(scope)));
    work()
}

fn is_sealed_as_one() -> bool {
    SCOPE.with_borrow(|scope| matches!(scope, Some(Scope::Whole)))
}

fn erased() -> Option<String> {
    SCOPE.with_borrow(|scope| match scope {
        Some(Scope::Fields { seal, .. }) => seal.erased(),
        Some(Scope::Whole) | None => None,
    })
}

fn next_field() -> Option<(Arc<dyn Seal>, [u8; 18])> {
    SCOPE.with_borrow_mut(|scope| {
        let Some(Scope::Fields { seal, stream, field }) = scope else { return None };
        let mut context = [0; 18];
        context[..16].copy_from_slice(stream.as_bytes());
        context[16..].copy_from_slice(&field.to_be_bytes());
        *field += 1;
        Some((Arc::clone(seal), context))
    })
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;

        if is_sealed_as_one() {
            // In a list, so that what was erased is told from what is null and from what is absent.
            return serializer.collect_seq(self.known());
        }
        let Self::Known(value) = self else {
            return match erased() {
                Some(erased) => serializer.serialize_str(&erased),
                None => serializer.serialize_none(),
            };
        };
        let Some((seal, context)) = next_field() else {
            return Err(S::Error::custom("personal data is only written under a seal"));
        };
        let clear = serde_json::to_vec(value).map_err(S::Error::custom)?;
        serializer.serialize_str(&seal.seal(&clear, &context).map_err(S::Error::custom)?)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        if is_sealed_as_one() {
            let kept = Vec::<T>::deserialize(deserializer)?.pop();
            return Ok(kept.map_or(Self::Erased, Self::Known));
        }
        let Some(sealed) = Option::<String>::deserialize(deserializer)? else {
            return Ok(Self::Erased);
        };
        let Some((seal, context)) = next_field() else {
            return Err(D::Error::custom("personal data is only read under a seal"));
        };
        match seal.open(&sealed, &context).map_err(D::Error::custom)? {
            Some(clear) => {
                Ok(Self::Known(serde_json::from_slice(&clear).map_err(D::Error::custom)?))
            }
            None => Ok(Self::Erased),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    use super::{Personal, Seal, sealed_as_one, with_seal};
    use crate::testing::id;

    /// Writes its person and the context beside the clear text, and opens nothing else.
    struct BoundSeal(&'static str);

    impl BoundSeal {
        fn prefix(&self, context: &[u8]) -> String {
            format!("{} {context:?} ", self.0)
        }
    }

    impl Seal for BoundSeal {
        fn seal(&self, clear: &[u8], context: &[u8]) -> Result<String, String> {
            Ok(format!("{}{}", self.prefix(context), String::from_utf8_lossy(clear)))
        }

        fn open(&self, sealed: &str, context: &[u8]) -> Result<Option<Vec<u8>>, String> {
            let clear = sealed.strip_prefix(&self.prefix(context)).ok_or("wrong key or context")?;
            Ok(Some(clear.as_bytes().to_vec()))
        }
    }

    /// Its person was erased.
    struct LostSeal;

    impl Seal for LostSeal {
        fn seal(&self, _clear: &[u8], _context: &[u8]) -> Result<String, String> {
            Err("the key is gone".to_owned())
        }

        fn open(&self, _sealed: &str, _context: &[u8]) -> Result<Option<Vec<u8>>, String> {
            Ok(None)
        }
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        first: Option<Personal<String>>,
        second: Personal<u32>,
    }

    fn note() -> Note {
        Note { first: Some("hello".to_owned().into()), second: 42.into() }
    }

    fn write(stream: Uuid, note: &Note) -> String {
        with_seal(Arc::new(BoundSeal("ada")), stream, || serde_json::to_string(note)).unwrap()
    }

    fn read(seal: impl Seal + 'static, stream: Uuid, stored: &str) -> serde_json::Result<Note> {
        with_seal(Arc::new(seal), stream, || serde_json::from_str(stored))
    }

    #[test]
    fn what_was_sealed_opens_again() {
        let stored = write(id(1), &note());

        let opened = read(BoundSeal("ada"), id(1), &stored).unwrap();

        assert_eq!(opened, note());
    }

    #[test]
    fn an_absent_field_does_not_move_the_others() {
        let sparse = Note { first: None, ..note() };
        let stored = write(id(1), &sparse);

        let opened = read(BoundSeal("ada"), id(1), &stored).unwrap();

        assert_eq!(opened, sparse);
    }

    #[test]
    fn an_erased_field_does_not_move_the_others() {
        let stored = write(id(1), &Note { first: Some(Personal::Erased), ..note() });

        let opened = read(BoundSeal("ada"), id(1), &stored).unwrap();

        assert_eq!(opened.second, note().second);
    }

    #[test]
    fn nothing_personal_is_written_without_a_seal() {
        let outcome = serde_json::to_string(&note());

        assert!(outcome.is_err());
    }

    #[test]
    fn nothing_personal_is_read_without_a_seal() {
        let stored = write(id(1), &note());

        let outcome = serde_json::from_str::<Note>(&stored);

        assert!(outcome.is_err());
    }

    #[test]
    fn nothing_personal_is_written_for_an_erased_person() {
        let outcome = with_seal(Arc::new(LostSeal), id(1), || serde_json::to_string(&note()));

        assert!(outcome.is_err());
    }

    #[test]
    fn what_an_erased_person_left_reads_as_erased() {
        let stored = write(id(1), &note());

        let opened = read(LostSeal, id(1), &stored).unwrap();

        let erased = Note { first: Some(Personal::Erased), second: Personal::Erased };
        assert_eq!(opened, erased);
    }

    #[test]
    fn erased_stays_erased() {
        let stored = write(id(1), &Note { first: None, second: Personal::Erased });

        let opened = read(BoundSeal("ada"), id(1), &stored).unwrap();

        assert_eq!(opened.second, Personal::Erased);
    }

    #[test]
    fn a_sealed_field_does_not_open_in_another_stream() {
        let stored = write(id(1), &note());

        let outcome = read(BoundSeal("ada"), id(2), &stored);

        assert!(outcome.is_err());
    }

    #[test]
    fn a_sealed_field_does_not_open_in_the_place_of_another() {
        let stored = with_seal(Arc::new(BoundSeal("ada")), id(1), || {
            serde_json::to_string(&[Personal::Known(1), Personal::Known(2)])
        })
        .unwrap();
        let [first, second]: [String; 2] = serde_json::from_str(&stored).unwrap();

        let swapped = serde_json::to_string(&[second, first]).unwrap();
        let outcome = with_seal(Arc::new(BoundSeal("ada")), id(1), || {
            serde_json::from_str::<[Personal<u32>; 2]>(&swapped)
        });

        assert!(outcome.is_err());
    }

    #[test]
    fn an_inner_seal_gives_way_to_the_outer_one() {
        let [before, inner, after] = with_seal(Arc::new(BoundSeal("ada")), id(1), || {
            let personal = Personal::Known(7);
            let before = serde_json::to_string(&personal).unwrap();
            let inner = with_seal(Arc::new(BoundSeal("bob")), id(2), || {
                serde_json::to_string(&personal).unwrap()
            });
            [before, inner, serde_json::to_string(&personal).unwrap()]
        });

        let whose = [&before, &inner, &after].map(|sealed| &sealed[1..4]);
        assert_eq!(whose, ["ada", "bob", "ada"]);
    }

    #[test]
    fn no_seal_is_left_after_the_work() {
        write(id(1), &note());

        let outcome = serde_json::to_string(&note());

        assert!(outcome.is_err());
    }

    #[test]
    fn what_is_sealed_as_one_reads_as_it_was() {
        let erased = [None, Some(Personal::<Option<u8>>::Erased), Some(Personal::Known(None))];
        let note = (erased, note());

        let stored = sealed_as_one(|| serde_json::to_string(&note)).unwrap();
        let read = sealed_as_one(|| serde_json::from_str(&stored)).unwrap();

        assert_eq!(note, read);
    }

    #[test]
    fn debug_output_does_not_show_the_value() {
        let shown = format!("{:?}", note());

        assert_eq!(shown, "Note { first: Some(Known(..)), second: Known(..) }");
    }
}
