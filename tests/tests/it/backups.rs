//! Backups made under load, and what they are good for: another place, the same place, and lost keys.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::{Value, json};
use tests::{Mailbox, Program, Setup, json};

use crate::{
    archiving::{change, run},
    person::{PASSWORD, Person},
};

/// The key that the installations of a test share.
const MASTER_KEY: &str = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
const OTHER_KEY: &str = "EjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8=";

fn setup(mailbox: &Mailbox) -> Setup {
    Setup::default()
        .with("SMTP_URL", mailbox.url())
        .with("ANNALS_MASTER_KEY", MASTER_KEY)
        // Tokens are good wherever the service is known by the same address.
        .with("ANNALS_PUBLIC_URL", "http://annals.example")
        .with("ANNALS_PARTITION_SIZE", "64")
}

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("annals-{}", uuid::Uuid::new_v4().simple())))
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// All that a person reads of themselves.
async fn everything(program: &Program, person: &Person) -> anyhow::Result<Vec<Value>> {
    let mut answers = Vec::new();
    for path in
        ["/v1/auth/me", "/v1/settings/communication", "/v1/settings/notifications/preferences"]
    {
        answers.push(json(person.asks(program.get(path)).send().await?, 200).await?);
    }
    Ok(answers)
}

/// What a command that must fail says.
fn refusal(program: &Program, arguments: &[&str]) -> anyhow::Result<String> {
    let output = program.run(arguments)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(!output.status.success(), "{arguments:?} worked");
    Ok(said)
}

async fn number(program: &Program, sql: &'static str) -> anyhow::Result<i64> {
    let pool = sqlx::PgPool::connect(program.database().unwrap_or_default()).await?;
    let number = sqlx::query_scalar(sql).fetch_one(&pool).await?;
    pool.close().await;
    Ok(number)
}

#[tokio::test]
async fn a_backup_made_under_load_comes_up_elsewhere_and_sends_nothing_twice() -> anyhow::Result<()>
{
    let mailbox = Mailbox::start()?;
    let program = setup(&mailbox).start().await?;
    let (ada, bob) = (
        Person::verified(&program, &mailbox, "ada@example.org").await?,
        Person::verified(&program, &mailbox, "bob@example.org").await?,
    );
    change(&program, &ada, 200).await?;
    run(&program, &["log", "archive", "--keep", "0"])?;
    let (folder, keys) = (Scratch::new(), Scratch::new());
    std::fs::create_dir(&keys.0)?;
    let keys_file = keys.file("keys.annals");

    let load = change(&program, &ada, 150);
    let backup = async {
        let keys = keys_file.to_string_lossy().into_owned();
        let arguments = ["backup", folder.text(), "--keys", &keys, "--with-archives"];
        let mut child = program.begin(&arguments)?;
        while child.try_wait()?.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        anyhow::ensure!(child.wait()?.success(), "the backup failed");
        Ok(())
    };
    tokio::try_join!(load, backup)?;
    let before = everything(&program, &bob).await?;

    let mut other = setup(&mailbox).prepare().await?;
    let keys_text = keys_file.to_string_lossy().into_owned();
    let said = run(&other, &["restore", folder.text(), "--keys", &keys_text])?;
    assert!(said.contains("the epoch is 2 now") && said.contains("\"fault\": null"), "{said}");
    other.restart().await?;

    // Bob's session stands in the log: his token is good here, too.
    assert_eq!(everything(&other, &bob).await?, before);
    Person::sign_in(&other, &ada.email, PASSWORD).await?;
    Person::verified(&other, &mailbox, "carol@example.org").await?;
    let addresses: Vec<_> =
        mailbox.mails()?.iter().filter_map(|mail| mail.header("To").map(String::from)).collect();
    assert_eq!(addresses.len(), 3, "each mail once: {addresses:?}");
    assert_eq!(number(&other, "select epoch from log.head").await?, 2);
    for projection in ["users", "sessions", "settings", "admin"] {
        let said = run(&other, &["projections", "rebuild", projection])?;
        assert!(said.contains("identical"), "{said}");
    }
    assert!(run(&other, &["log", "partitions"])?.contains("event_000000.annals"));
    change(&other, &bob, 100).await?;
    assert!(run(&other, &["log", "verify"])?.contains("\"fault\": null"));
    Ok(())
}

#[tokio::test]
async fn a_restore_in_place_takes_the_log_back_and_the_broker_with_it() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let mut program = setup(&mailbox).start().await?;
    let ada = Person::verified(&program, &mailbox, "ada@example.org").await?;
    let folder = Scratch::new();
    run(&program, &["backup", folder.text()])?;
    let lost = Person::verified(&program, &mailbox, "lost@example.org").await?;
    change(&program, &lost, 40).await?;

    let running = refusal(&program, &["restore", folder.text(), "--overwrite"])?;
    assert!(running.contains("stop it first"), "{running}");
    program.stop().await?;
    let used = refusal(&program, &["restore", folder.text()])?;
    assert!(used.contains("--overwrite"), "{used}");
    run(&program, &["restore", folder.text(), "--overwrite"])?;
    program.restart().await?;

    Person::sign_in(&program, &ada.email, PASSWORD).await?;
    let body = json!({ "email": lost.email, "password": PASSWORD });
    json(program.post("/v1/auth/login", &body).send().await?, 401).await?;
    // The broker carries the new log: mails follow from it, for the same address as well.
    let again = Person::register(&program, &lost.email).await?;
    assert_ne!(again.id, lost.id);
    Person::verified(&program, &mailbox, "carol@example.org").await?;
    assert!(program.log().contains("making its stream anew"), "the relay starts over");
    let projections = run(&program, &["projections", "list"])?;
    let mut standings = projections.lines().skip(1);
    assert!(standings.all(|line| line.trim_end().ends_with(" 0")), "{projections}");
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused_and_changes_nothing() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let program = setup(&mailbox).start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    change(&program, &ada, 100).await?;
    run(&program, &["log", "archive", "--keep", "0"])?;
    let (one, two) = (Scratch::new(), Scratch::new());
    run(&program, &["backup", one.text()])?;
    run(&program, &["backup", two.text()])?;
    let full = refusal(&program, &["backup", one.text()])?;
    assert!(full.contains("is not empty"), "{full}");

    let other = setup(&mailbox).prepare().await?;
    let elsewhere = refusal(&other, &["restore", one.text()])?;
    assert!(elsewhere.contains("event_000000.annals, which is needed"), "{elsewhere}");
    let archive = program.data().join("archive").to_string_lossy().into_owned();
    let other = setup(&mailbox).with("ANNALS_ARCHIVE_DIR", archive.as_str()).prepare().await?;
    let keys = two.file("keys.annals").to_string_lossy().into_owned();
    let mixed = refusal(&other, &["restore", one.text(), "--keys", &keys])?;
    assert!(mixed.contains("is of another backup"), "{mixed}");
    cut_off(&two.file("log.annals"), 100)?;
    let short = refusal(&other, &["restore", two.text()])?;
    assert!(short.contains("cut off"), "{short}");
    std::fs::remove_file(two.file("manifest.json"))?;
    let unfinished = refusal(&other, &["restore", two.text()])?;
    assert!(unfinished.contains("no whole backup without its manifest"), "{unfinished}");
    let stranger = setup(&mailbox)
        .with("ANNALS_MASTER_KEY", OTHER_KEY)
        .with("ANNALS_ARCHIVE_DIR", archive.as_str())
        .prepare()
        .await?;
    let locked = refusal(&stranger, &["restore", one.text()])?;
    assert!(locked.contains("not the master key"), "{locked}");

    let said = run(&other, &["restore", one.text()])?;
    assert!(said.contains("the epoch is 2 now"), "after all that: {said}");
    Ok(())
}

fn cut_off(file: &Path, bytes: u64) -> anyhow::Result<()> {
    let file = std::fs::File::options().write(true).open(file)?;
    Ok(file.set_len(file.metadata()?.len() - bytes)?)
}

#[tokio::test]
async fn without_its_keys_the_log_is_there_and_its_people_are_not() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let program = setup(&mailbox).start().await?;
    let ada = Person::verified(&program, &mailbox, "ada@example.org").await?;
    let folder = Scratch::new();
    run(&program, &["backup", folder.text()])?;
    std::fs::remove_file(folder.file("keys.annals"))?;

    let mut other = setup(&mailbox).with("ANNALS_MASTER_KEY", OTHER_KEY).prepare().await?;
    let missing = refusal(&other, &["restore", folder.text()])?;
    assert!(missing.contains("the file of the keys"), "{missing}");
    let said = run(&other, &["restore", folder.text(), "--without-keys"])?;
    assert!(said.contains("all personal data reads as erased"), "{said}");
    other.restart().await?;

    let body = json!({ "email": ada.email, "password": PASSWORD });
    json(other.post("/v1/auth/login", &body).send().await?, 401).await?;
    let again = Person::register(&other, &ada.email).await?;
    assert_ne!(again.id, ada.id);
    Person::verified(&other, &mailbox, "bob@example.org").await?;
    assert!(run(&other, &["log", "show", &ada.id])?.contains("user.registered"));
    assert!(run(&other, &["log", "verify"])?.contains("\"fault\": null"));
    Ok(())
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_nothing_and_is_begun_again() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let program = setup(&mailbox).start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    change(&program, &ada, 50).await?;
    let folder = Scratch::new();
    run(&program, &["backup", folder.text()])?;

    let mut other = setup(&mailbox).prepare().await?;
    let mut child = other.begin(&["restore", folder.text()])?;
    let said = BufReader::new(child.stderr.take().context("it is piped")?);
    let is_said = said.lines().map_while(Result::ok).any(|line| line.starts_with("log.event: "));
    child.kill()?;
    child.wait()?;
    assert!(is_said, "it came as far as the events");

    let said = run(&other, &["restore", folder.text(), "--overwrite"])?;
    assert!(said.contains("the epoch is 2 now"), "{said}");
    other.restart().await?;
    Person::sign_in(&other, &ada.email, PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn a_newcomers_installation_moves_to_another_machine() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let newcomer = || Setup::default().embedded().with("SMTP_URL", mailbox.url());
    let mut program = newcomer().start().await?;
    let ada = Person::verified(&program, &mailbox, "ada@example.org").await?;
    let folder = Scratch::new();
    run(&program, &["backup", folder.text()])?;
    program.stop().await?;

    let mut other = newcomer().prepare().await?;
    let keyless = refusal(&other, &["restore", folder.text()])?;
    assert!(keyless.contains("not the master key"), "{keyless}");
    std::fs::copy(program.data().join("master.key"), other.data().join("master.key"))?;
    let said = run(&other, &["restore", folder.text()])?;
    assert!(said.contains("the epoch is 2 now"), "{said}");
    other.restart().await?;

    Person::sign_in(&other, &ada.email, PASSWORD).await?;
    Person::verified(&other, &mailbox, "bob@example.org").await?;
    assert_eq!(mailbox.mails()?.len(), 2, "each mail once");
    Ok(())
}

async fn execute(program: &Program, sql: &'static str) -> anyhow::Result<u64> {
    let pool = sqlx::PgPool::connect(program.database().unwrap_or_default()).await?;
    let done = sqlx::query(sql).execute(&pool).await?;
    pool.close().await;
    Ok(done.rows_affected())
}

/// Starts the program on a broker that has lost everything: all events come again.
async fn start_with_an_empty_broker(program: &mut Program) -> anyhow::Result<()> {
    program.stop().await?;
    std::fs::remove_dir_all(program.data().join("nats"))?;
    program.restart().await
}

#[tokio::test]
async fn what_was_purged_is_not_done_again() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let mut program = setup(&mailbox).with("ANNALS_RETENTION", "effects=1").start().await?;
    Person::register(&program, "ada@example.org").await?;
    mailbox.mail_to("ada@example.org").await?;
    let settled = "select count(*) from work.effect where state = 'settled'";
    while number(&program, settled).await? == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    execute(&program, "update work.effect set updated_at = updated_at - interval '2 days'").await?;
    program.stop().await?;
    program.restart().await?;
    while number(&program, settled).await? > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // As if a day had gone by since.
    execute(&program, "update work.horizon set before = clock_timestamp()").await?;
    start_with_an_empty_broker(&mut program).await?;
    Person::verified(&program, &mailbox, "bob@example.org").await?;
    assert_eq!(mailbox.mails()?.len(), 2, "each mail once");

    // Without the horizon it would be: the question is still open.
    execute(&program, "delete from work.horizon").await?;
    start_with_an_empty_broker(&mut program).await?;
    Person::verified(&program, &mailbox, "carol@example.org").await?;
    let to_ada = mailbox.mails()?.iter().filter(|mail| mail.is_to("ada@example.org")).count();
    assert_eq!(to_ada, 2);
    Ok(())
}
