//! Moving parts of the log to files while the program serves, and whatever kills it.

use std::io::{BufRead, BufReader};

use serde_json::json;
use tests::{Program, Setup, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::person::{PASSWORD, Person};

async fn program() -> anyhow::Result<Program> {
    Setup::default().with("ANNALS_PARTITION_SIZE", "64").start().await
}

/// Changes somebody's settings over and over; each change is an event.
pub async fn change(program: &Program, person: &Person, times: usize) -> anyhow::Result<()> {
    for number in 0..times {
        let language = if number % 2 == 0 { "de" } else { "fr" };
        let body = json!({ "preferred_language": language });
        let request = person.asks(program.put("/v1/settings/communication", &body));
        json(request.send().await?, 200).await?;
    }
    Ok(())
}

/// Runs a command of the program and fails with what it said.
pub fn run(program: &Program, arguments: &[&str]) -> anyhow::Result<String> {
    let output = program.run(arguments)?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{arguments:?}: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Kills an archive as soon as it has said a word.
fn kill_at(program: &Program, word: &str) -> anyhow::Result<bool> {
    let mut child = program.begin(&["log", "archive", "--keep", "0"])?;
    let said = BufReader::new(child.stderr.take().expect("it is piped"));
    let is_said = said.lines().map_while(Result::ok).any(|line| line.contains(word));
    child.kill()?;
    child.wait()?;
    Ok(is_said)
}

async fn names(program: &Program, person: &Person) -> anyhow::Result<serde_json::Value> {
    let request = person.asks(program.get("/v1/settings/communication"));
    let settings = json(request.send().await?, 200).await?;
    let me = json(person.asks(program.get("/v1/auth/me")).send().await?, 200).await?;
    Ok(json!([settings, me]))
}

#[tokio::test]
async fn an_archive_killed_at_any_step_under_load_loses_nothing() -> anyhow::Result<()> {
    let mut program = program().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    change(&program, &ada, 400).await?;
    let mut killed = 0;

    // The same person changes settings all the time.
    let stop = CancellationToken::new();
    let mut load = JoinSet::new();
    let body = json!({ "product_updates": true });
    let request = ada.asks(program.put("/v1/settings/notifications/preferences", &body));
    let stopped = stop.clone();
    load.spawn(async move {
        let mut answered = 0_u64;
        while !stopped.is_cancelled() {
            let again = request.try_clone().expect("its body is in memory");
            anyhow::ensure!(again.send().await?.status().is_success(), "refused under load");
            answered += 1;
        }
        Ok(answered)
    });
    for word in ["writing", "written", "verified", "listed", "dropped", "done"] {
        killed += u32::from(kill_at(&program, word)?);
        change(&program, &ada, 70).await?;
        assert!(run(&program, &["log", "verify"])?.contains("\"fault\": null"), "{word}");
    }
    stop.cancel();
    while let Some(answered) = load.join_next().await {
        assert!(answered?? > 0);
    }

    assert_eq!(killed, 6, "every step was reached");
    let before = names(&program, &ada).await?;
    // The next start finishes what is open.
    program.restart().await?;
    run(&program, &["log", "archive", "--keep", "0"])?;
    let partitions = run(&program, &["log", "partitions"])?;
    assert!(partitions.matches("event_").count() >= 6, "{partitions}");
    assert!(run(&program, &["log", "verify"])?.contains("\"fault\": null"));
    for projection in ["users", "sessions", "settings", "admin"] {
        let said = run(&program, &["projections", "rebuild", projection])?;
        assert!(said.contains("identical"), "{said}");
    }
    assert_eq!(names(&program, &ada).await?, before);
    Person::sign_in(&program, &ada.email, PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn partitions_go_and_come_back_by_command() -> anyhow::Result<()> {
    let program = program().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    change(&program, &ada, 300).await?;

    let types = run(&program, &["log", "types"])?;
    let moved = run(&program, &["log", "archive", "--before", "130"])?;
    assert!(moved.contains("positions 64 to 127 are in event_000001.annals"), "{moved}");
    let again = run(&program, &["log", "archive", "--before", "130"])?;
    assert!(again.contains("nothing to move"), "{again}");
    let shown = run(&program, &["log", "show", &ada.id])?;
    assert!(shown.contains("user.registered"), "{shown}");

    assert_eq!(run(&program, &["log", "types"])?, types);
    let back = run(&program, &["log", "restore-partition", "0"])?;
    assert!(back.contains("positions 1 to 63 are back in the table"), "{back}");
    assert!(!run(&program, &["log", "partitions"])?.contains(".annals"));
    assert!(run(&program, &["log", "verify"])?.contains("\"fault\": null"));
    Ok(())
}

#[tokio::test]
async fn a_missing_archive_file_is_said_and_stops_nothing_else() -> anyhow::Result<()> {
    let program = program().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    change(&program, &ada, 300).await?;
    run(&program, &["log", "archive", "--keep", "0"])?;
    let file = program.data().join("archive/event_000001.annals");
    std::fs::rename(&file, file.with_extension("away"))?;

    let verified = program.run(&["log", "verify"])?;
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(!verified.status.success());
    assert!(said.contains("position 64") && said.contains("ANNALS_ARCHIVE_DIR"), "{said}");
    let rebuilt = program.run(&["projections", "rebuild", "users"])?;
    let said = String::from_utf8_lossy(&rebuilt.stderr).into_owned();
    assert!(!rebuilt.status.success() && said.contains("event_000001.annals"), "{said}");
    Person::register(&program, "bob@example.org").await?;

    std::fs::rename(file.with_extension("away"), &file)?;
    assert!(run(&program, &["projections", "rebuild", "users"])?.contains("identical"));
    Ok(())
}

#[tokio::test]
async fn what_was_withheld_is_unreadable_everywhere_and_the_log_still_verifies()
-> anyhow::Result<()> {
    let program = program().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    change(&program, &ada, 200).await?;
    run(&program, &["log", "archive", "--keep", "0"])?;
    let before = sessions(&program, &ada).await?;
    assert!(before[0]["ip"].is_string(), "{before}");
    let said = run(&program, &["log", "retention"])?;
    assert!(said.contains("sessions: keep") && !said.contains("due"), "{said}");

    let until = ["log", "retention", "--until", "2999-01-01", "--kind", "sessions"];
    let due = run(&program, &until)?;
    assert_eq!(due.matches("  due").count(), 2, "this month and the next: {due}");
    assert_eq!(sessions(&program, &ada).await?, before, "it was only asked");
    let applied = run(&program, &[&until[..], &["--apply"]].concat())?;
    assert_eq!(applied.matches("withheld since").count(), 2, "{applied}");

    let after = sessions(&program, &ada).await?;
    assert_eq!(after[0]["id"], before[0]["id"]);
    assert!(after[0]["ip"].is_null(), "{after}");
    assert!(run(&program, &["log", "verify"])?.contains("\"fault\": null"));
    for projection in ["users", "sessions", "settings", "admin"] {
        let said = run(&program, &["projections", "rebuild", projection])?;
        assert!(said.contains("identical"), "{said}");
    }
    json(ada.asks(program.get("/v1/auth/me")).send().await?, 200).await?;
    // The running program still knows the old key for a minute; one that starts does not.
    let mut program = program;
    program.stop().await?;
    program.restart().await?;
    let ada = Person::sign_in(&program, &ada.email, PASSWORD).await?;
    let now = sessions(&program, &ada).await?;
    let addresses = now.as_array().into_iter().flatten().filter(|it| it["ip"].is_string());
    assert_eq!(addresses.count(), 1, "the new one: {now}");
    Ok(())
}

async fn sessions(program: &Program, person: &Person) -> anyhow::Result<serde_json::Value> {
    let answer = json(person.asks(program.get("/v1/auth/sessions")).send().await?, 200).await?;
    let mut sessions = answer["sessions"].clone();
    for session in sessions.as_array_mut().into_iter().flatten() {
        // Looking at it is using it.
        session["last_seen_at"] = serde_json::Value::Null;
    }
    Ok(sessions)
}

#[tokio::test]
async fn events_of_one_type_are_listed_wherever_they_are() -> anyhow::Result<()> {
    let setup = Setup::default().with("ANNALS_PARTITION_SIZE", "64");
    let setup = setup.with("ANNALS_ADMIN_EMAIL", "admin@example.org");
    let program = setup.with("ANNALS_ADMIN_PASSWORD", PASSWORD).start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    change(&program, &ada, 150).await?;
    let eve = Person::register(&program, "eve@example.org").await?;
    let list = async |query: &str| {
        let admin = Person::sign_in(&program, "admin@example.org", PASSWORD).await?;
        let request = admin.asks(program.get(&format!("/v1/admin/log?{query}")));
        json(request.send().await?, 200).await
    };
    let streams = |page: &serde_json::Value| -> Vec<String> {
        let events = page["events"].as_array().cloned().unwrap_or_default();
        events.iter().map(|it| it["stream"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let before = list("type=user.registered").await?;

    run(&program, &["log", "archive", "--keep", "0"])?;

    let after = list("type=user.registered").await?;
    assert_eq!(after["events"], before["events"]);
    assert_eq!(streams(&after)[1..], [ada.id.clone(), eve.id.clone()]);
    // Page by page over the border between file and table.
    let (mut paged, mut from) = (Vec::new(), 0);
    loop {
        let page = list(&format!("type=user.registered&limit=1&after={from}")).await?;
        paged.extend(streams(&page));
        let Some(next) = page["next"].as_i64() else { break };
        from = next;
    }
    assert_eq!(paged, streams(&after));
    let changes = list("type=settings.communication_changed&limit=500").await?;
    assert_eq!(streams(&changes).len(), 150);
    Ok(())
}
