//! A batch of commands as the arrays that the two append functions take.

use domain::ClaimScope;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{AppendError, Appended, encode::Encoded};

/// What became of one command.
pub(crate) type Outcome = Result<Appended, AppendError>;

/// Commands side by side, column by column.
#[derive(Default)]
pub(crate) struct Batch {
    /// Whether every command says how far its stream has come.
    pub is_trusting: bool,
    ids: Vec<Uuid>,
    fingerprints: Vec<Vec<u8>>,
    streams: Vec<Uuid>,
    categories: Vec<i16>,
    buckets: Vec<i16>,
    expected: Vec<i64>,
    counts: Vec<i32>,
    before: Vec<i32>,
    event_commands: Vec<i32>,
    event_indexes: Vec<i32>,
    types: Vec<i32>,
    payloads: Vec<Vec<u8>>,
    metas: Vec<Vec<u8>>,
    macs: Vec<Vec<u8>>,
    takes: Claims,
    releases: Claims,
    secret_commands: Vec<i32>,
    secret_names: Vec<String>,
    secret_values: Vec<Option<Vec<u8>>>,
}

#[derive(Default)]
struct Claims {
    commands: Vec<i32>,
    scopes: Vec<i16>,
    keys: Vec<Vec<u8>>,
}

impl Batch {
    pub(crate) fn new(commands: &[Encoded]) -> Self {
        let is_trusting = commands.iter().all(|command| command.expected.is_some());
        let mut batch = Self { is_trusting, ..Self::default() };
        for (ordinal, command) in (1..).zip(commands) {
            batch.push(ordinal, command);
        }
        batch
    }

    /// How many events it holds.
    pub(crate) fn events(&self) -> i64 {
        i64::try_from(self.payloads.len()).unwrap_or(i64::MAX)
    }

    fn push(&mut self, ordinal: i32, command: &Encoded) {
        self.before.push(count(self.payloads.len()));
        self.ids.push(command.id);
        self.fingerprints.push(command.fingerprint.clone());
        self.streams.push(command.stream);
        self.categories.push(command.category);
        self.buckets.push(command.bucket);
        self.expected.push(command.expected.unwrap_or(-1));
        self.counts.push(count(command.events.len()));
        for (index, event) in (0..).zip(&command.events) {
            self.event_commands.push(ordinal);
            self.event_indexes.push(index);
            self.types.push(event.type_id);
            self.payloads.push(event.payload.clone());
            self.metas.push(event.meta.clone());
            self.macs.push(event.mac.to_vec());
        }
        for (claims, changes) in
            [(&mut self.takes, &command.takes), (&mut self.releases, &command.releases)]
        {
            for claim in changes {
                claims.commands.push(ordinal);
                claims.scopes.push(claim.scope);
                claims.keys.push(claim.key.to_vec());
            }
        }
        for secret in &command.secrets {
            self.secret_commands.push(ordinal);
            self.secret_names.push(secret.name().into_owned());
            self.secret_values.push(secret.value());
        }
    }

    /// Writes all or nothing, and looks nothing up.
    pub(crate) async fn append_trusting(
        &self,
        connection: &mut PgConnection,
    ) -> sqlx::Result<Vec<Outcome>> {
        let base = sqlx::query_scalar!(
            r#"select log.append_trusting($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
            $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) as "base!""#,
            &self.ids,
            &self.fingerprints,
            &self.streams,
            &self.categories,
            &self.buckets,
            &self.expected,
            &self.counts,
            &self.before,
            &self.event_commands,
            &self.event_indexes,
            &self.types,
            &self.payloads,
            &self.metas,
            &self.macs,
            &self.takes.commands,
            &self.takes.scopes,
            &self.takes.keys,
            &self.releases.commands,
            &self.releases.scopes,
            &self.releases.keys,
            &self.secret_commands,
            &self.secret_names,
            &self.secret_values as &[Option<Vec<u8>>],
        )
        .fetch_one(connection)
        .await?;
        let written = |((before, count), expected): ((&i32, &i32), &i64)| {
            let first = base + i64::from(*before) + 1;
            let count = i64::from(*count);
            let (last, version) = (first + count - 1, expected + count);
            Ok(Appended { first, last, version, is_repeated: false })
        };
        Ok(self.before.iter().zip(&self.counts).zip(&self.expected).map(written).collect())
    }

    /// Looks at every command and writes the good ones.
    pub(crate) async fn append_checked(
        &self,
        connection: &mut PgConnection,
    ) -> sqlx::Result<Vec<Outcome>> {
        let rows = sqlx::query!(
            r#"select outcome as "outcome!", version as "version!", first_position as "first!",
            last_position as "last!", scope as "scope!"
            from log.append_checked($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
            $15, $16, $17, $18, $19, $20, $21, $22)"#,
            &self.ids,
            &self.fingerprints,
            &self.streams,
            &self.categories,
            &self.buckets,
            &self.expected,
            &self.counts,
            &self.event_commands,
            &self.event_indexes,
            &self.types,
            &self.payloads,
            &self.metas,
            &self.macs,
            &self.takes.commands,
            &self.takes.scopes,
            &self.takes.keys,
            &self.releases.commands,
            &self.releases.scopes,
            &self.releases.keys,
            &self.secret_commands,
            &self.secret_names,
            &self.secret_values as &[Option<Vec<u8>>],
        )
        .fetch_all(connection)
        .await?;
        let outcomes = rows.into_iter().map(|row| match row.outcome {
            0 | 1 => Ok(Appended {
                first: row.first,
                last: row.last,
                version: row.version,
                is_repeated: row.outcome == 1,
            }),
            2 => Err(AppendError::StreamMoved),
            3 => Err(claimed(row.scope)),
            _ => Err(AppendError::CommandReused),
        });
        Ok(outcomes.collect())
    }
}

fn claimed(scope: i16) -> AppendError {
    match ClaimScope::ALL.into_iter().find(|known| *known as i16 == scope) {
        Some(scope) => AppendError::Claimed(scope),
        None => AppendError::Unavailable(anyhow::anyhow!("the log knows no claim scope {scope}")),
    }
}

/// Postgres counts in signed numbers.
fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
