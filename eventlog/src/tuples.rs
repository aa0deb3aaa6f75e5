//! The binary form of Postgres' COPY, cut into rows and fields.

use anyhow::{Context, anyhow, ensure};
use bytes::{Buf, Bytes, BytesMut};
use uuid::Uuid;

use crate::{copy, follow::Row};

/// What stands before the rows: signature, flags and length of an extension, both zero.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands after them.
pub(crate) const TRAILER: &[u8] = &[0xff, 0xff];
/// The columns of an event, as archive files hold them.
pub(crate) const EVENT: &str = "position, stream_id, version, recorded_at, command_id, type_id, \
    bucket, payload, meta, mac";

/// Rows out of the pieces in which they arrive.
#[derive(Default)]
pub(crate) struct Tuples {
    rest: BytesMut,
    has_begun: bool,
    has_ended: bool,
}

impl Tuples {
    /// Takes the next piece in.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
    }

    /// The next row, once all of it has arrived.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        if !self.has_begun {
            if self.rest.len() < HEADER.len() {
                return Ok(None);
            }
            ensure!(self.rest.starts_with(HEADER), "not what COPY sends");
            self.rest.advance(HEADER.len());
            self.has_begun = true;
        }
        if self.has_ended || self.rest.starts_with(TRAILER) {
            self.has_ended = true;
            return Ok(None);
        }
        Ok(length(&self.rest).map(|length| self.rest.split_to(length).freeze()))
    }

    /// Whether nothing is missing at the end.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        ensure!(self.has_ended, "COPY ended in the middle");
        Ok(())
    }
}

/// How long the first row is, if it is there.
fn length(bytes: &[u8]) -> Option<usize> {
    let fields = i16::from_be_bytes(bytes.get(..2)?.try_into().ok()?);
    let mut at = 2;
    for _ in 0..fields {
        let field = i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
        at += 4 + usize::try_from(field).unwrap_or(0);
    }
    (at <= bytes.len()).then_some(at)
}

/// Rows out of a whole frame.
pub(crate) struct Rows(pub Bytes);

impl Iterator for Rows {
    type Item = anyhow::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let Some(length) = length(&self.0) else {
            self.0.clear();
            return Some(Err(anyhow!("a row is cut off")));
        };
        Some(Ok(self.0.split_to(length)))
    }
}

/// The fields of a row.
pub(crate) struct Fields(Bytes);

impl Fields {
    pub(crate) fn of(mut tuple: Bytes) -> anyhow::Result<Self> {
        ensure!(tuple.len() >= 2, "a row is cut off");
        tuple.advance(2);
        Ok(Self(tuple))
    }

    /// The next field, which is not null.
    pub(crate) fn bytes(&mut self) -> anyhow::Result<Bytes> {
        ensure!(self.0.len() >= 4, "a row has too few fields");
        let length = usize::try_from(self.0.get_i32()).context("a field is null")?;
        ensure!(self.0.len() >= length, "a field is cut off");
        Ok(self.0.split_to(length))
    }

    fn array<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        let bytes = self.bytes()?;
        bytes[..].try_into().map_err(|_| anyhow!("a field of {} bytes, not {N}", bytes.len()))
    }

    pub(crate) fn i64(&mut self) -> anyhow::Result<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn uuid(&mut self) -> anyhow::Result<Uuid> {
        self.array().map(Uuid::from_bytes)
    }
}

/// The position of an event's row.
pub(crate) fn position(tuple: &Bytes) -> anyhow::Result<i64> {
    Fields::of(tuple.clone())?.i64()
}

/// An event's row.
pub(crate) fn event(mut tuple: Bytes) -> anyhow::Result<Row> {
    ensure!(tuple.len() >= 2, "a row is cut off");
    tuple.advance(2);
    copy::row(&mut tuple)
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};

    use super::{Fields, HEADER, Rows, TRAILER, Tuples};

    fn row(fields: &[Option<&[u8]>]) -> Bytes {
        let mut row = BytesMut::new();
        row.put_i16(i16::try_from(fields.len()).unwrap());
        for field in fields {
            row.put_i32(field.map_or(-1, |field| i32::try_from(field.len()).unwrap()));
            row.put_slice(field.unwrap_or_default());
        }
        row.freeze()
    }

    #[test]
    fn rows_are_found_however_they_arrive() {
        let rows = [row(&[Some(b"abc"), None]), row(&[Some(b""), Some(b"\xff\xff")])];
        let all = [HEADER, &rows[0], &rows[1], TRAILER].concat();

        for piece in [1, 2, 5, 1000] {
            let mut tuples = Tuples::default();
            let mut found = vec![];
            for piece in all.chunks(piece) {
                tuples.push(piece);
                while let Some(tuple) = tuples.next().unwrap() {
                    found.push(tuple);
                }
            }
            tuples.finish().unwrap();
            assert_eq!(found, rows);
        }
    }

    #[test]
    fn an_end_in_the_middle_is_noticed() {
        let mut tuples = Tuples::default();
        tuples.push(HEADER);
        tuples.push(&row(&[Some(b"abc")])[..5]);

        assert!(tuples.next().unwrap().is_none());
        assert!(tuples.finish().is_err());
        assert!(Rows(row(&[Some(b"abc")]).slice(..5)).next().unwrap().is_err());
    }

    #[test]
    fn a_null_or_missing_field_is_no_value() {
        let mut fields = Fields::of(row(&[Some(&7_i64.to_be_bytes()), None])).unwrap();

        assert_eq!(fields.i64().unwrap(), 7);
        assert!(fields.bytes().is_err());
        assert!(fields.bytes().is_err());
    }
}
