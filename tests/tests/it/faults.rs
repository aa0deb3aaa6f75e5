//! What survives when processes are killed.

use std::{collections::HashMap, process::Command, time::Duration};

use serde_json::json;
use tests::{Mailbox, Program, Setup};
use tokio::task::JoinSet;

use crate::person::{PASSWORD, Person};

/// Addresses by how often the log tells of their registration: claims are one per stream.
async fn registrations(program: &Program) -> anyhow::Result<(i64, i64)> {
    let pool = sqlx::PgPool::connect(program.database().unwrap_or_default()).await?;
    let events: i64 = sqlx::query_scalar(
        "select count(*) from log.event e join log.event_type t using (type_id) where t.name = 'user.registered'",
    )
    .fetch_one(&pool)
    .await?;
    let views: i64 = sqlx::query_scalar("select count(*) from user_view").fetch_one(&pool).await?;
    pool.close().await;
    Ok((events, views))
}

#[tokio::test]
async fn every_acknowledged_registration_survives_a_kill_once() -> anyhow::Result<()> {
    if std::env::var_os("ANNALS_TEST_CLUSTER").is_none() {
        eprintln!("needs the cluster of `make test`");
        return Ok(());
    }
    let mut program = Setup::default().start().await?;
    let mut requests = JoinSet::new();
    for number in 0..500 {
        let body = json!({ "email": format!("p{number}@example.org"), "password": PASSWORD });
        let request = program.post("/v1/auth/register", &body);
        requests.spawn(async move {
            let is_acknowledged =
                request.send().await.is_ok_and(|answer| answer.status().as_u16() == 201);
            (number, is_acknowledged)
        });
    }
    let mut acknowledged = Vec::new();
    while let Some(outcome) = requests.join_next().await {
        let (number, is_acknowledged) = outcome?;
        if is_acknowledged {
            acknowledged.push(number);
        }
        if acknowledged.len() == 60 {
            program.kill();
        }
    }

    program.restart().await?;

    assert!(acknowledged.len() < 500, "the kill came too late to prove anything");
    for number in &acknowledged {
        Person::sign_in(&program, &format!("p{number}@example.org"), PASSWORD).await?;
    }
    let verified = program.run(&["log", "verify"])?;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let (events, views) = registrations(&program).await?;
    assert_eq!(events, views);
    let rebuilt = program.run(&["projections", "rebuild", "users"])?;
    assert!(String::from_utf8_lossy(&rebuilt.stdout).contains("identical"));
    Ok(())
}

#[tokio::test]
async fn a_mail_cut_off_by_a_kill_comes_again_under_the_same_message_id() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let mut program = Setup::default().with("SMTP_URL", mailbox.url()).start().await?;
    mailbox.stall()?;
    Person::register(&program, "ada@example.org").await?;
    mailbox.mail_to("ada@example.org").await?;

    program.kill();
    mailbox.answer()?;
    program.restart().await?;

    let mut mails = mailbox.mails()?;
    for _ in 0..600 {
        mails = mailbox.mails()?;
        if mails.len() > 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert!(mails[0].header("Message-ID").is_some());
    Ok(())
}

/// Process ids of children, by what they run.
fn children(of: u32) -> anyhow::Result<HashMap<String, String>> {
    let list = Command::new("ps").args(["-eo", "pid=,ppid=,comm="]).output()?;
    let text = String::from_utf8(list.stdout)?;
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let mut family = vec![of.to_string()];
    let mut found = HashMap::new();
    for _ in 0..4 {
        for row in &rows {
            let [pid, parent, name] = row[..] else { continue };
            if family.iter().any(|member| member == parent) && !family.iter().any(|m| m == pid) {
                family.push(pid.to_owned());
                found.insert(name.to_owned(), pid.to_owned());
            }
        }
    }
    Ok(found)
}

#[tokio::test]
async fn the_relay_and_the_mails_go_on_after_nats_is_killed_and_its_data_wiped()
-> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let mut program = Setup::default().with("SMTP_URL", mailbox.url()).start().await?;
    Person::verified(&program, &mailbox, "before@example.org").await?;

    let nats = children(program.id().unwrap_or_default())?;
    let server = nats.get("nats-server").cloned().unwrap_or_default();
    assert!(Command::new("kill").args(["-9", &server]).status()?.success(), "{nats:?}");
    Person::verified(&program, &mailbox, "killed@example.org").await?;

    program.stop().await?;
    std::fs::remove_dir_all(program.data().join("nats"))?;
    program.restart().await?;
    Person::verified(&program, &mailbox, "wiped@example.org").await?;

    let addresses: Vec<_> =
        mailbox.mails()?.iter().filter_map(|m| m.header("To").map(String::from)).collect();
    assert_eq!(addresses.len(), 3, "each mail once: {addresses:?}");
    Ok(())
}
