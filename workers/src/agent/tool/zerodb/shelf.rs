//! One person's tables, as the database keeps them.

use anyhow::Context;
use chrono::{DateTime, Utc};
use eventlog::{EventLog, Gone, Keeper};
use serde_json::{Map, Value};
use sqlx::PgPool;
use uuid::Uuid;

use super::{Card, Failure, matching::plain};

/// Rows that are opened at a time.
const PAGE: i64 = 500;

/// One person's tables.
pub(super) struct Shelf<'a> {
    pool: &'a PgPool,
    owner: Uuid,
    keeper: Keeper,
}

/// The place of a row in its table: when it came, and its id.
#[derive(Clone, Copy, Default)]
pub(super) struct Cursor {
    at: DateTime<Utc>,
    pub row: Uuid,
}

/// A row, opened.
pub(super) struct Row {
    pub place: Cursor,
    pub data: Value,
}

impl<'a> Shelf<'a> {
    pub(super) async fn open(log: &'a EventLog, owner: Uuid) -> Result<Self, Failure> {
        match log.keeper(owner).await {
            Ok(keeper) => Ok(Self { pool: log.pool(), owner, keeper }),
            Err(error) if error.is::<Gone>() => {
                Err(Failure::Refused("the person has left".to_owned()))
            }
            Err(error) => Err(Failure::Internal(error)),
        }
    }

    /// Adds a table; false where there is one of the name, or no room for another.
    pub(super) async fn add_table(&self, card: &Card, most: i64) -> Result<bool, Failure> {
        let key = self.table_key(&card.name)?;
        let clear = serde_json::to_vec(card).context("writing a table's card")?;
        let added = sqlx::query!(
            "insert into work.zerodb_sealed_table (owner_id, table_key, sealed, created_at)
            select $1, $2, $3, clock_timestamp()
            where (select count(*) from work.zerodb_sealed_table where owner_id = $1) < $4
            on conflict on constraint zerodb_sealed_table_pkey do nothing",
            self.owner,
            &key[..],
            self.keeper.seal(&clear, &key)?,
            most,
        )
        .execute(self.pool)
        .await?;
        Ok(added.rows_affected() == 1)
    }

    pub(super) async fn has_table(&self, name: &str) -> Result<bool, Failure> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from work.zerodb_sealed_table
                where owner_id = $1 and table_key = $2) as "exists!""#,
            self.owner,
            &self.table_key(name)?[..],
        )
        .fetch_one(self.pool)
        .await?)
    }

    /// All tables, and how many rows each has.
    pub(super) async fn tables(&self) -> Result<Vec<(Card, i64)>, Failure> {
        let rows = sqlx::query!(
            r#"select t.table_key, t.sealed, (select count(*) from work.zerodb_sealed_row r
                where r.owner_id = t.owner_id and r.table_key = t.table_key) as "rows!"
            from work.zerodb_sealed_table t where t.owner_id = $1"#,
            self.owner,
        )
        .fetch_all(self.pool)
        .await?;
        let open = |sealed: &[u8], key: &[u8]| -> anyhow::Result<Card> {
            Ok(serde_json::from_slice(&self.keeper.open(sealed, key)?)?)
        };
        let cards = rows.iter().map(|row| Ok((open(&row.sealed, &row.table_key)?, row.rows)));
        Ok(cards.collect::<anyhow::Result<_>>()?)
    }

    /// Adds rows; those that are there already stay as they are.
    pub(super) async fn add_rows(
        &self,
        table: &str,
        rows: &[(Uuid, Map<String, Value>)],
    ) -> Result<(), Failure> {
        let key = self.table_key(table)?;
        let (mut ids, mut sealed, mut terms) = (vec![], vec![], vec![]);
        for (id, row) in rows {
            let clear = serde_json::to_vec(row).context("writing a row")?;
            ids.push(*id);
            sealed.push(self.keeper.seal(&clear, id.as_bytes())?);
            terms.push(self.terms(&key, row)?.iter().map(i64::to_string).collect::<Vec<_>>());
        }
        let terms: Vec<String> = terms.iter().map(|terms| terms.join(" ")).collect();
        sqlx::query!(
            "insert into work.zerodb_sealed_row
                (row_id, owner_id, table_key, sealed, terms, created_at)
            select r.id, $1, $2, r.sealed,
                coalesce(string_to_array(nullif(r.terms, ''), ' ')::bigint[], '{}'),
                clock_timestamp()
            from unnest($3::uuid[], $4::bytea[], $5::text[]) r(id, sealed, terms)
            on conflict (row_id) do nothing",
            self.owner,
            &key[..],
            &ids,
            &sealed,
            &terms,
        )
        .execute(self.pool)
        .await?;
        Ok(())
    }

    /// The next rows after a place that may be what is asked for, in the order in which they came.
    pub(super) async fn rows(
        &self,
        table: &str,
        filters: &Map<String, Value>,
        after: Cursor,
    ) -> Result<Vec<Row>, Failure> {
        let key = self.table_key(table)?;
        let rows = sqlx::query!(
            "select row_id, sealed, created_at from work.zerodb_sealed_row
            where owner_id = $1 and table_key = $2 and terms @> $3
                and (created_at, row_id) > ($4, $5)
            order by created_at, row_id limit $6",
            self.owner,
            &key[..],
            &self.terms(&key, filters)?,
            after.at,
            after.row,
            PAGE,
        )
        .fetch_all(self.pool)
        .await?;
        let open = |id: Uuid, sealed: &[u8]| -> anyhow::Result<Value> {
            Ok(serde_json::from_slice(&self.keeper.open(sealed, id.as_bytes())?)?)
        };
        let rows = rows.iter().map(|row| {
            let place = Cursor { at: row.created_at, row: row.row_id };
            Ok(Row { place, data: open(row.row_id, &row.sealed)? })
        });
        Ok(rows.collect::<anyhow::Result<_>>()?)
    }

    fn table_key(&self, name: &str) -> anyhow::Result<[u8; 32]> {
        self.keeper.term(&[b"table", name.as_bytes()])
    }

    /// A number for every field with a plain value: equal values of a table have equal numbers.
    fn terms(&self, table: &[u8; 32], fields: &Map<String, Value>) -> anyhow::Result<Vec<i64>> {
        let plain = fields.iter().filter_map(|(name, value)| Some((name, plain(value)?)));
        plain
            .map(|(name, value)| {
                let parts = [&b"field"[..], table, name.as_bytes(), value.as_bytes()];
                let term = self.keeper.term(&parts)?;
                let (number, _) = term.split_first_chunk().context("a term is 32 bytes")?;
                Ok(i64::from_be_bytes(*number))
            })
            .collect()
    }
}
