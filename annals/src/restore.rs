//! Restoring a backup: into an empty database, to a new epoch, and verified at the end.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use eventlog::Backup;
use sqlx::{PgPool, postgres::PgPoolOptions, raw_sql};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    cli::Restore,
    config::Config,
    embedded::Embedded,
    master_key, prove,
    system::{MIGRATIONS, System},
};

/// How often a word is said while read models are filled.
const WORD: Duration = Duration::from_secs(10);
/// Takes away everything in a database of ours. What belongs to extensions stays.
const WIPE: &str = include_str!("wipe.sql");

/// Restores a backup on the servers of the configuration, on which nothing else may run.
pub(crate) async fn restore(
    config: &Config,
    plan: &Restore,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    say("reading the backup");
    let backup = Backup::open(&plan.folder, plan.keys.as_deref(), plan.without_keys)?;
    backup.opens_with(&master_key::load(config)?)?;
    backup.bring_archives(&config.archive_dir, say).await?;
    let embedded = Embedded::reach(config, shutdown).await?;
    let outcome = fill(config, plan, &backup, &embedded).await;
    embedded.stop().await;
    outcome
}

async fn fill(
    config: &Config,
    plan: &Restore,
    backup: &Backup,
    embedded: &Embedded,
) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect(embedded.database_url())
        .await
        .context("connecting to Postgres")?;
    let erased = erased(&pool).await?;
    prepare(&pool, plan, backup).await?;
    backup.load(&pool, say).await?;
    MIGRATIONS.run(&pool).await.context("bringing the database up to date")?;
    forget(&pool, &erased).await?;
    pool.close().await;
    say("filling the read models");
    let system = System::open(config, embedded, &master_key::load(config)?, None).await?;
    system.log.assert_readable().await?;
    if let Err(error) = fill_read_models(&system).await {
        say(format_args!("the rest of the read models waits for `annals serve`: {error:#}"));
    }
    say("verifying the log");
    prove::check(&system.log, vec![]).await?;
    let sealed = &backup.manifest().tree_head;
    system.log.seal_now().await?;
    let root = system.log.root_at(sealed.size).await?;
    ensure!(root == sealed.root, "the log is not the one whose tree head the manifest has");
    conclude(plan, backup);
    Ok(())
}

/// Who was erased, as the log says that is about to be replaced.
async fn erased(pool: &PgPool) -> anyhow::Result<Vec<Uuid>> {
    let is_there: bool = sqlx::query_scalar("select to_regclass('log.erased') is not null")
        .fetch_one(pool)
        .await
        .context("looking at what is to be replaced")?;
    if !is_there {
        return Ok(vec![]);
    }
    let erased = sqlx::query_scalar("select subject_id from log.erased order by erased_at");
    erased.fetch_all(pool).await.context("reading who was erased")
}

/// Whoever was erased after the backup was made is not brought back by it.
async fn forget(pool: &PgPool, erased: &[Uuid]) -> anyhow::Result<()> {
    let returned: Vec<Uuid> = sqlx::query_scalar(
        "select e.id from unnest($1::uuid[]) with ordinality e(id, o)
        where not exists (select from log.erased known where known.subject_id = e.id) order by e.o",
    )
    .bind(erased)
    .fetch_all(pool)
    .await?;
    sqlx::query("select vault.destroy_key($1)").bind(&returned).execute(pool).await?;
    for id in returned {
        println!(
            "{id} was erased after the backup: the key is destroyed again; erase them once more"
        );
    }
    Ok(())
}

/// Takes the log into the read models, and says how far that has come.
async fn fill_read_models(system: &System) -> anyhow::Result<()> {
    let filling = projections::catch_up(&system.log);
    tokio::pin!(filling);
    loop {
        tokio::select! {
            filled = &mut filling => return filled,
            () = tokio::time::sleep(WORD) => {
                for status in system.queries.projections().await? {
                    say(format_args!("{}: {} events to go", status.name, status.lag_events));
                }
            }
        }
    }
}

/// Makes the empty tables that the backup was taken from.
async fn prepare(pool: &PgPool, plan: &Restore, backup: &Backup) -> anyhow::Result<()> {
    let migration = backup.manifest().migration;
    ensure!(
        MIGRATIONS.version_exists(migration),
        "the backup was made by a later version of Annals: restore it with that one"
    );
    let others: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity
        where datname = current_database() and application_name like 'annals%'",
    )
    .fetch_one(pool)
    .await?;
    ensure!(others == 0, "Annals is running on this database: stop it first");
    if !plan.overwrite && !Backup::fits_into(pool).await? {
        bail!("the database holds a log already; --overwrite would drop it");
    }
    raw_sql(WIPE).execute(pool).await.context("emptying the database")?;
    MIGRATIONS.run_to(migration, pool).await.context("making the tables of the backup")
}

fn conclude(plan: &Restore, backup: &Backup) {
    let manifest = backup.manifest();
    println!(
        "restored positions 1 to {} as of {}; the epoch is {} now",
        manifest.position,
        manifest.created_at.format("%Y-%m-%d %H:%M:%S UTC"),
        manifest.epoch + 1,
    );
    if plan.without_keys {
        println!(
            "the keys were not restored: all personal data reads as erased, nobody can sign in with \
            an old account, and what was written is proved by no MAC"
        );
    }
}

fn say(step: impl std::fmt::Display) {
    eprintln!("{step}");
}
