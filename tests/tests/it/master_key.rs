//! The master key is changed while the program runs.

use serde_json::Value;
use tests::{Program, Setup, json};

use crate::person::{PASSWORD, Person};

async fn name_of(program: &Program, person: &Person) -> anyhow::Result<Value> {
    let me = person.asks(program.get("/v1/auth/me"));
    Ok(json(me.send().await?, 200).await?["name"].clone())
}

/// Runs the command that changes the master key, and returns what it says.
fn rotate(program: &Program) -> anyhow::Result<Value> {
    let done = program.run(&["keys", "rotate-master"])?;
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    anyhow::ensure!(done.status.success(), "{errors}");
    Ok(serde_json::from_slice(&done.stdout)?)
}

#[tokio::test]
async fn the_program_goes_on_while_the_master_key_changes() -> anyhow::Result<()> {
    let mut program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let file = program.data().join("master.key");
    let before = std::fs::read_to_string(&file)?;

    let first = rotate(&program)?;

    assert_eq!(first["is_finished"], false, "the program began with the old key: {first}");
    assert!(first["subject_keys"].as_i64() >= Some(2), "{first}");
    assert_ne!(std::fs::read_to_string(&file)?, before);
    let bob = Person::register(&program, "bob@example.org").await?;
    for person in [&ada, &bob] {
        assert_eq!(name_of(&program, person).await?, "Ada Lovelace");
    }
    program.restart().await?;
    let second = rotate(&program)?;
    assert_eq!(second["is_finished"], true, "{second}");
    assert_eq!(std::fs::read_dir(program.data())?.filter(is_key).count(), 1);
    program.restart().await?;
    for email in ["ada@example.org", "bob@example.org"] {
        let person = Person::sign_in(&program, email, PASSWORD).await?;
        assert_eq!(name_of(&program, &person).await?, "Ada Lovelace");
    }
    let verified = program.run(&["log", "verify"])?;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    Ok(())
}

fn is_key(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    let name = entry.as_ref().map(std::fs::DirEntry::file_name).unwrap_or_default();
    name.to_string_lossy().starts_with("master.key")
}
