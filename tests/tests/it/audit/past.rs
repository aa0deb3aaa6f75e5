//! As of any moment a read model is what it was then: invented histories, told to a real log.

use std::collections::BTreeSet;

use domain::{Category, Event, api_key, user};
use eventlog::{EventLog, Expected, Position, Recorded};
use projections::{Projection, Queries, Scope, TableAsOf, catch_up};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    log::{database::TestLog, telling::tell},
    projections::history::{Dice, history},
};

/// How many events a story has.
const LENGTH: usize = 600;
/// After how many events the read models are looked at.
const STEP: usize = 60;

/// The read models as they were at a position.
type Picture = Vec<(Projection, Vec<TableAsOf>)>;

struct Story {
    log: TestLog,
    queries: Queries,
    people: BTreeSet<Uuid>,
    pictures: Vec<(Position, Picture)>,
}

impl Story {
    /// Tells a history, and looks at the read models from time to time.
    async fn told(seed: u64) -> anyhow::Result<Self> {
        let log = TestLog::create().await?;
        let queries = Queries::new(EventLog::clone(&log));
        let (people, pictures) = (BTreeSet::new(), Vec::new());
        let mut story = Self { log, queries, people, pictures };
        let told = history(&mut Dice::new(seed), LENGTH)?.into_iter().filter(is_kept);
        for (index, recorded) in told.enumerate() {
            story.people.extend(recorded.meta.subject);
            append(&story.log, recorded).await?;
            if index % STEP == STEP - 1 {
                story.look().await?;
            }
        }
        story.look().await?;
        Ok(story)
    }

    async fn look(&mut self) -> anyhow::Result<()> {
        catch_up(&self.log).await?;
        let mut picture = Vec::new();
        for projection in Projection::ALL {
            picture.push((projection, self.queries.model_now(projection).await?));
        }
        self.pictures.push((self.log.head().await?, picture));
        Ok(())
    }
}

/// An erasure changes the past on purpose; see below.
fn is_kept(recorded: &Recorded) -> bool {
    !recorded.name.contains("eras")
}

async fn append(log: &EventLog, mut recorded: Recorded) -> anyhow::Result<()> {
    let stream = recorded.stream;
    if let Event::User(user::Event::Registered { email, .. }) = &mut recorded.event {
        *email = domain::Email::try_from(format!("{stream}@example.org"))?.into();
    }
    if let Event::ApiKey(
        api_key::Event::Created { prefix, .. }
        | api_key::Event::Activated { prefix }
        | api_key::Event::Rotated { prefix, .. },
    ) = &mut recorded.event
    {
        *prefix = format!("ak_{stream}");
    }
    tell(log, recorded, Expected::Any).await?;
    Ok(())
}

#[tokio::test]
async fn as_of_any_moment_every_read_model_is_what_it_was_then() -> anyhow::Result<()> {
    for seed in [1, 2, 3] {
        let story = Story::told(seed).await?;

        for (position, picture) in &story.pictures {
            for (projection, tables) in picture {
                let past = story.queries.model_as_of(*projection, Scope::Everything, *position);

                assert_eq!(past.await?.tables, *tables, "{seed}: {projection:?} at {position}");
            }
        }
        let (head, now) = story.pictures.last().expect("a picture");
        assert_eq!(*head, story.log.head().await?, "the last picture is of the head");
        for (projection, _) in now {
            let has_rows = |(shown, tables): &(Projection, Vec<TableAsOf>)| {
                shown == projection && !tables[0].rows.is_empty()
            };
            let mut pictures = story.pictures.iter().flat_map(|(_, picture)| picture);
            assert!(pictures.any(has_rows), "{seed}: {projection:?} never shows anything");
        }
    }
    Ok(())
}

/// All rows of some tables, each as text.
fn rows(tables: &[TableAsOf]) -> Vec<BTreeSet<String>> {
    tables.iter().map(|table| table.rows.iter().map(Value::to_string).collect()).collect()
}

#[tokio::test]
async fn the_parts_of_all_people_are_the_whole() -> anyhow::Result<()> {
    let story = Story::told(4).await?;
    let (position, picture) = &story.pictures[1];

    for (projection, tables) in picture {
        if *projection == Projection::Admin {
            continue; // Its rows add people up.
        }
        let mut parts = vec![BTreeSet::new(); tables.len()];
        for person in &story.people {
            let scope = Scope::User(*person);
            let part = story.queries.model_as_of(*projection, scope, *position).await?;
            for (all, part) in parts.iter_mut().zip(rows(&part.tables)) {
                all.extend(part);
            }
        }
        assert_eq!(parts, rows(tables), "{projection:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_diff_is_empty_only_where_nothing_differs() -> anyhow::Result<()> {
    let story = Story::told(5).await?;

    for pair in story.pictures.windows(2) {
        let ((from, before), (to, after)) = (&pair[0], &pair[1]);
        for ((projection, earlier), (_, later)) in before.iter().zip(after) {
            let diff = story.queries.model_diff(*projection, Scope::Everything, (*from, *to));
            let same = story.queries.model_diff(*projection, Scope::Everything, (*to, *to));

            assert_eq!(diff.await?.rows.is_empty(), earlier == later, "{projection:?}");
            assert_eq!(same.await?.rows, []);
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_stream_is_shown_at_every_version() -> anyhow::Result<()> {
    let story = Story::told(6).await?;
    let head = story.log.head().await?;
    let events = story.log.read(0).await?;
    let streams: BTreeSet<Uuid> = events.iter().map(|event| event.stream).collect();

    for stream in streams {
        let now = story.queries.stream_as_of(stream, head).await?;
        let mut last = story.queries.stream_as_of(stream, 0).await?;
        assert_eq!((last.version, last.events.len()), (0, 0));
        for event in &now.events {
            let then = story.queries.stream_as_of(stream, event.position).await?;
            let diff = story.queries.stream_diff(stream, (last.position, event.position)).await?;

            assert_eq!(then.version, event.version);
            assert_eq!(then.events, now.events[..then.events.len()]);
            assert_eq!(diff.differences.is_empty(), last.state == then.state);
            assert_eq!(diff.events, std::slice::from_ref(event));
            last = then;
        }
        assert_eq!(last.state, now.state);
    }
    Ok(())
}

#[tokio::test]
async fn the_past_of_somebody_who_was_erased_shows_nothing_personal() -> anyhow::Result<()> {
    let log = TestLog::create().await?;
    let queries = Queries::new(EventLog::clone(&log));
    let ada = Uuid::now_v7();
    crate::log::database::registration(ada, "ada@example.org").to(&log).await?;
    catch_up(&log).await?;
    let before = queries.model_as_of(Projection::Users, Scope::User(ada), 1).await?;

    sqlx::query("update vault.subject_key set wrapped_key = null, destroyed_at = now()")
        .execute(&log.database.pool)
        .await?;
    let queries = Queries::new(log.database.open().await?);
    let after = queries.model_as_of(Projection::Users, Scope::User(ada), 1).await?;
    let stream = queries.stream_as_of(ada, 1).await?;

    assert!(serde_json::to_string(&before)?.contains("ada@example.org"));
    let shown = format!("{}{}", serde_json::to_string(&after)?, serde_json::to_string(&stream)?);
    assert!(!shown.contains("ada@example.org"), "{shown}");
    assert_eq!(Category::of_event(&stream.events[0].name), Some(Category::User));
    Ok(())
}
