//! What a session alone does not open, as time goes by.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    Caller, Clock, Commands, Credentials, Error, NewAdmin, NewApiKey, Origin, Policy, Proof, SignIn,
};
use domain::{Email, Text};
use eventlog::{EventLog, Live, MasterKey};

use crate::{
    log::database::{Database, MASTER},
    person::PASSWORD,
};

const EMAIL: &str = "root@example.org";

/// The same service at different moments.
struct Scene {
    log: EventLog,
    _database: Database,
}

impl Scene {
    async fn set() -> anyhow::Result<Self> {
        let database = Database::create().await?;
        let log = database.open_with(&MasterKey::from_bytes(MASTER), Live::default()).await?;
        Ok(Self { log, _database: database })
    }

    async fn after(&self, minutes: i64) -> anyhow::Result<Commands> {
        let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse()?;
        let policy = Policy {
            public_url: "http://localhost".to_owned(),
            password_minimum: 8,
            breach_url: None,
            hides_addresses: false,
            rates: "registration=off".parse()?,
            providers: vec![],
            sessions: commands::SessionLimits::default(),
            idempotency_lifetime: Duration::from_hours(1),
        };
        let clock = Clock::Fixed(now + TimeDelta::minutes(minutes));
        Commands::open(self.log.clone(), &MasterKey::from_bytes(MASTER), clock, policy, None).await
    }

    /// Somebody with a verified account who has just signed in.
    async fn caller(&self) -> anyhow::Result<Caller> {
        let commands = self.after(0).await?;
        let email = Email::try_from(EMAIL.to_owned())?;
        commands.create_admin(NewAdmin { email, password: PASSWORD.to_owned() }).await?;
        let credentials = Credentials { email: EMAIL.to_owned(), password: PASSWORD.to_owned() };
        let signed_in = commands.sign_in(credentials, &Origin::default()).await?.value;
        let SignIn::Complete(signed_in) = signed_in else { anyhow::bail!("a challenge") };
        Ok(commands.authenticate(&signed_in.access_token, Origin::default()).await?)
    }
}

fn password(text: &str) -> Proof {
    Proof { password: Some(text.to_owned()), code: None }
}

fn refusal<T>(outcome: Result<T, Error>) -> Option<&'static str> {
    match outcome {
        Err(Error::Rejected(rejection)) => Some(rejection.code),
        Ok(_)
        | Err(Error::Limited(_) | Error::Overloaded | Error::Unavailable(_) | Error::Internal(_)) => {
            None
        }
    }
}

#[tokio::test]
async fn a_session_is_fresh_for_five_minutes() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let caller = scene.caller().await?;
    let set_up = async |minutes, proof: Proof| {
        let commands = scene.after(minutes).await?;
        anyhow::Ok(refusal(commands.set_up_totp(&caller, &proof, "Annals").await))
    };

    assert_eq!(set_up(5, Proof::default()).await?, None);
    assert_eq!(set_up(6, Proof::default()).await?, Some("step_up_required"));
    assert_eq!(set_up(6, password("wrong and long enough")).await?, Some("wrong_password"));
    assert_eq!(set_up(6, password(PASSWORD)).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_session_of_an_hour_makes_no_key_without_the_password() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let caller = scene.caller().await?;
    let make = async |minutes, proof: Proof| {
        let commands = scene.after(minutes).await?;
        let name = Text::try_from("ci".to_owned())?;
        let new = NewApiKey { name, scopes: vec![], expires_at: None, proof };
        anyhow::Ok(refusal(commands.create_api_key(&caller, new).await))
    };

    assert_eq!(make(60, Proof::default()).await?, None);
    assert_eq!(make(61, Proof::default()).await?, Some("step_up_required"));
    assert_eq!(make(61, password(PASSWORD)).await?, None);
    Ok(())
}
