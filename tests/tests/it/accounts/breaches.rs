//! Passwords that became known in breaches are refused wherever one is chosen, and nobody is told them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde_json::json;
use tests::{Mailbox, Setup, json};
use tokio::sync::Mutex;

use super::{NEW, Scene};
use crate::person::{PASSWORD, Person};

/// Known to attackers, and nothing else is wrong with it.
const BREACHED: &str = "correct horse battery staple";
/// Its SHA-1.
const HASH: (&str, &str) = ("ABF7A", "AD6438836DBE526AA231ABDE2D0EEF74D42");

/// How the service is at present.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Failing,
    Silent,
    Endless,
}

/// A service with the range interface of "Have I Been Pwned", and all that it was asked.
#[derive(Clone)]
struct Ranges(Arc<Mutex<(Mood, Vec<String>)>>);

impl Ranges {
    async fn start() -> anyhow::Result<(Self, String)> {
        let ranges = Self(Arc::new(Mutex::new((Mood::Well, vec![]))));
        let app = Router::new().route("/range/{told}", get(answer)).with_state(ranges.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok((ranges, url))
    }

    async fn is(&self, mood: Mood) {
        self.0.lock().await.0 = mood;
    }

    async fn asked(&self) -> Vec<String> {
        self.0.lock().await.1.clone()
    }
}

async fn answer(
    State(ranges): State<Ranges>,
    Path(told): Path<String>,
    headers: HeaderMap,
) -> (StatusCode, String) {
    let padding = headers.get("add-padding").and_then(|it| it.to_str().ok()).unwrap_or("none");
    let mut known = ranges.0.lock().await;
    known.1.push(format!("{told} {padding}"));
    let mood = known.0;
    drop(known);
    let padded = "0018A45C4D1DEF81644B54AB7F969B88D65:0\r\n";
    match mood {
        Mood::Failing => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        Mood::Silent => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            (StatusCode::OK, String::new())
        }
        Mood::Endless => (StatusCode::OK, padded.repeat(100_000)),
        Mood::Well if told == HASH.0 => (StatusCode::OK, format!("{padded}{}:4242\r\n", HASH.1)),
        Mood::Well => (StatusCode::OK, padded.to_owned()),
    }
}

async fn open() -> anyhow::Result<(Scene, Ranges)> {
    let (ranges, url) = Ranges::start().await?;
    let mailbox = Mailbox::start()?;
    let setup = Setup::default().with("SMTP_URL", mailbox.url()).with("ANNALS_BREACH_URL", url);
    let program = setup.start().await?;
    let ada = Person::verified(&program, &mailbox, "ada@example.org").await?;
    Ok((Scene { program, mailbox, ada }, ranges))
}

#[tokio::test]
async fn a_breached_password_is_refused_at_registering_changing_and_resetting() -> anyhow::Result<()>
{
    let (scene, ranges) = open().await?;

    let bob = json!({ "email": "bob@example.org", "password": BREACHED });
    let registering = scene.post("/v1/auth/register", &bob, 422).await?;
    let change = json!({ "current_password": PASSWORD, "new_password": BREACHED });
    let changing = scene.ada_posts("/v1/auth/change-password", &change, 422).await?;
    let reset = json!({ "token": scene.reset_token().await?, "new_password": BREACHED });
    let resetting = scene.post("/v1/auth/reset-password", &reset, 422).await?;

    for refused in [registering, changing, resetting] {
        assert_eq!(refused["code"], "weak_password", "{refused}");
        assert!(refused["detail"].as_str().is_some_and(|it| it.contains("breach")), "{refused}");
    }
    scene.change_password(PASSWORD, NEW).await?;
    let asked = ranges.asked().await;
    assert_eq!(asked.iter().filter(|it| **it == format!("{} true", HASH.0)).count(), 3);
    assert!(asked.iter().all(|it| it.len() == "00000 true".len()), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn nobody_is_kept_out_while_breaches_cannot_be_looked_up() -> anyhow::Result<()> {
    let (scene, ranges) = open().await?;

    for (number, mood) in [Mood::Failing, Mood::Silent, Mood::Endless].into_iter().enumerate() {
        ranges.is(mood).await;
        let began = std::time::Instant::now();
        let body = json!({ "email": format!("p{number}@example.org"), "password": BREACHED });
        json(scene.program.post("/v1/auth/register", &body).send().await?, 201).await?;
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }
    Ok(())
}
