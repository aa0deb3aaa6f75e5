//! A batch leads to the same tables as its events one by one.

use std::collections::HashSet;

use eventlog::Recorded;
use projections::Projection;
use sqlx::{AssertSqlSafe, PgConnection};

use super::history::{Dice, history};
use crate::log::database::Database;

const EVENTS: usize = 600;

/// All rows of a projection's tables.
async fn rows(db: &mut PgConnection, projection: Projection) -> anyhow::Result<Vec<String>> {
    let mut rows = Vec::new();
    for table in projection.tables() {
        let select = format!("select '{table} ' || t::text from {table} t order by 1");
        rows.extend(sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(&mut *db).await?);
    }
    Ok(rows)
}

/// The tables after events that come in batches of so many at most.
async fn applied(
    database: &Database,
    projection: Projection,
    events: &[Recorded],
    (dice, most): (&mut Dice, usize),
) -> anyhow::Result<Vec<String>> {
    let mut transaction = database.pool.begin().await?;
    let mut rest = events;
    while !rest.is_empty() {
        let (batch, others) = rest.split_at((dice.below(most) + 1).min(rest.len()));
        projection.apply(&mut transaction, batch).await?;
        rest = others;
    }
    let rows = rows(&mut transaction, projection).await?;
    transaction.rollback().await?;
    Ok(rows)
}

#[tokio::test]
async fn batches_of_any_size_lead_to_the_same_rows() -> anyhow::Result<()> {
    let database = Database::create().await?;
    let mut shown = HashSet::new();

    for seed in 0..6 {
        let mut dice = Dice::new(seed);
        let events = history(&mut dice, EVENTS)?;
        for projection in Projection::ALL {
            let one_by_one = applied(&database, projection, &events, (&mut dice, 1)).await?;
            let some = applied(&database, projection, &events, (&mut dice, 40)).await?;
            let all = applied(&database, projection, &events, (&mut dice, EVENTS * 2)).await?;

            if !one_by_one.is_empty() {
                shown.insert(projection);
            }
            assert_eq!(some, one_by_one, "{projection:?}, seed {seed}");
            assert_eq!(all, one_by_one, "{projection:?}, seed {seed}");
        }
    }
    assert_eq!(shown.len(), Projection::ALL.len(), "only these show anything: {shown:?}");
    Ok(())
}

#[tokio::test]
async fn events_that_a_projection_does_not_want_change_nothing() -> anyhow::Result<()> {
    let database = Database::create().await?;
    let mut dice = Dice::new(7);
    let events = history(&mut dice, EVENTS)?;

    for projection in Projection::ALL {
        let wanted: Vec<Recorded> =
            events.iter().filter(|event| projection.wants(&event.name)).cloned().collect();

        let all = applied(&database, projection, &events, (&mut dice, 40)).await?;
        let some = applied(&database, projection, &wanted, (&mut dice, 40)).await?;

        assert_eq!(some, all, "{projection:?}");
    }
    Ok(())
}
