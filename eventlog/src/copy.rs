//! Rows of the log as `COPY .. TO STDOUT (format binary)` streams them: nothing is copied twice.

use anyhow::{Context, ensure};
use bytes::{Buf, Bytes};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use sqlx::{PgPool, postgres::PgPoolCopyExt};
use uuid::Uuid;

use crate::{Position, follow::Row};

/// What every binary copy begins with (Postgres manual, COPY, "Binary Format").
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags and the length of an extension that nobody uses yet.
const HEADER_REST: usize = 8;
/// Columns of a row; the trailer has -1.
const COLUMNS: i16 = 10;
/// Microseconds from 1970 to 2000, where Postgres begins to count.
const EPOCH: i64 = 946_684_800_000_000;

/// The rows after `after` up to `upto`, whatever is missing among them.
pub(crate) async fn rows(
    pool: &PgPool,
    after: Position,
    upto: Position,
) -> anyhow::Result<Vec<Row>> {
    // COPY takes no parameters; these are numbers.
    let statement = format!(
        "copy (select position, stream_id, version, recorded_at, command_id, type_id, bucket, \
        payload, meta, mac from log.event where position > {after} and position <= {upto} \
        order by position) to stdout (format binary)"
    );
    let mut messages = pool.copy_out_raw(&statement).await?;
    let mut rows = Vec::with_capacity(usize::try_from(upto - after).unwrap_or(0).min(1 << 16));
    while let Some(mut message) = messages.try_next().await? {
        if message.starts_with(SIGNATURE) {
            ensure!(message.len() >= SIGNATURE.len() + HEADER_REST, "a copy without a header");
            message.advance(SIGNATURE.len() + HEADER_REST);
        }
        while message.has_remaining() {
            let columns = message.try_get_i16()?;
            if columns == -1 {
                break;
            }
            ensure!(columns == COLUMNS, "{columns} columns where {COLUMNS} were asked for");
            rows.push(row(&mut message).context("reading a row of a copy")?);
        }
    }
    Ok(rows)
}

/// A row after its number of columns.
pub(crate) fn row(message: &mut Bytes) -> anyhow::Result<Row> {
    Ok(Row {
        position: field(message)?.try_get_i64()?,
        stream_id: id(&field(message)?)?,
        version: field(message)?.try_get_i64()?,
        recorded_at: moment(field(message)?.try_get_i64()?)?,
        command_id: id(&field(message)?)?,
        type_id: field(message)?.try_get_i32()?,
        bucket: field(message)?.try_get_i16()?,
        payload: field(message)?,
        meta: field(message)?,
        mac: field(message)?,
    })
}

/// The next column; none of them is null.
fn field(message: &mut Bytes) -> anyhow::Result<Bytes> {
    let length = usize::try_from(message.try_get_i32()?).context("a null")?;
    ensure!(length <= message.len(), "a row that ends early");
    Ok(message.split_to(length))
}

fn id(bytes: &[u8]) -> anyhow::Result<Uuid> {
    Ok(Uuid::from_slice(bytes)?)
}

fn moment(microseconds: i64) -> anyhow::Result<DateTime<Utc>> {
    let since_1970 = TimeDelta::microseconds(microseconds + EPOCH);
    DateTime::UNIX_EPOCH.checked_add_signed(since_1970).context("a time out of range")
}
