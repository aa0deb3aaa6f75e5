//! A log that holds what this program cannot read.

use tests::{Program, Setup};

use super::{listed, old_program::forge};
use crate::{
    archiving::{change, run},
    person::Person,
};

/// Gives what stands in the log another name or form, as if a newer program had written it.
async fn from_the_future(program: &Program) -> anyhow::Result<()> {
    let renamed = "update log.event_type set name = 'invoice.paid' where name = 'session.started'";
    forge(program, renamed).await?;
    let reformed = "update log.event_type set schema_version = 9 where name = 'user.registered'";
    forge(program, reformed).await?;
    // It was given a number, but never written: no reason to refuse anything.
    let unwritten = "insert into log.event_type (name, schema_version) values ('moon.landed', 1)";
    forge(program, unwritten).await
}

/// What a start and other commands answer.
async fn refusals(program: &mut Program) -> anyhow::Result<Vec<String>> {
    let start = program.restart().await.map_err(|error| format!("{error:#}"));
    let mut said = vec![start.expect_err("the program starts")];
    for command in [["projections", "list"], ["log", "tail"], ["log", "verify"]] {
        let output = program.run(&command)?;
        assert!(!output.status.success(), "{command:?}");
        said.push(String::from_utf8(output.stderr)?);
    }
    Ok(said)
}

#[tokio::test]
async fn a_log_of_a_newer_program_is_refused_and_says_what_it_holds() -> anyhow::Result<()> {
    let mut program = Setup::default().start().await?;
    for name in ["ada", "bob", "eve"] {
        Person::register(&program, &format!("{name}@example.org")).await?;
    }
    program.stop().await?;
    from_the_future(&program).await?;

    let said = refusals(&mut program).await?;

    for said in said {
        assert!(said.contains("a newer one wrote them"), "{said}");
        assert!(said.contains("invoice.paid in version 1 (3 events, the first at position 5)"));
        assert!(said.contains("user.registered in version 9 (4 events, the first at position 1)"));
        assert!(said.contains("Run that version of Annals or a later one"), "{said}");
        assert!(!said.contains("moon.landed"), "{said}");
    }
    let paid = listed(&program, "invoice.paid", "1")?;
    assert_eq!(paid, Some(["3", "5", "11", "no"].map(str::to_owned)));
    let asked = listed(&program, "user.verification_requested", "1")?;
    assert_eq!(asked, Some(["3", "4", "10", "yes"].map(str::to_owned)));
    Ok(())
}

#[tokio::test]
async fn archived_events_of_a_newer_program_are_refused_too() -> anyhow::Result<()> {
    let mut program = Setup::default().with("ANNALS_PARTITION_SIZE", "64").start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    change(&program, &ada, 130).await?;
    run(&program, &["log", "archive", "--keep", "0"])?;
    // One more of a type that is archived already.
    Person::register(&program, "eve@example.org").await?;
    program.stop().await?;
    from_the_future(&program).await?;

    let said = refusals(&mut program).await?;

    for said in said {
        let counted = "user.registered in version 9 (3 events, the first at position 1)";
        assert!(said.contains(counted), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_number_without_events_refuses_nothing() -> anyhow::Result<()> {
    let mut program = Setup::default().start().await?;
    Person::register(&program, "ada@example.org").await?;
    let unwritten = "insert into log.event_type (name, schema_version) values ('moon.landed', 1)";
    forge(&program, unwritten).await?;

    program.restart().await?;

    assert_eq!(listed(&program, "moon.landed", "1")?, None);
    Ok(())
}
