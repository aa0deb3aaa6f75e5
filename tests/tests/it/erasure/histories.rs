//! Whatever people did: after some of them were erased the log is whole, and read models made anew
//! from it are what is left of the live ones.

use std::{sync::Arc, time::Duration};

use commands::{
    Caller, Clock, Commands, Credential, Done, NewAccount, NewApiKey, Origin, Policy, Proof,
    Registered, SignIn,
};
use domain::{Email, Text, settings::CommunicationChange, user::Role};
use eventlog::{EventLog, Live, MasterKey};
use projections::{Options, Queries};
use tokio_util::sync::CancellationToken;
use workers::{Eraser, mail::Post, sms::Carrier};

use crate::{
    log::database::{Database, MASTER},
    person::PASSWORD,
};

/// People of one history.
const PEOPLE: u64 = 4;

/// What somebody does is drawn from this.
struct Dice(u64);

impl Dice {
    fn draw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

struct Scene {
    log: EventLog,
    commands: Commands,
    eraser: Eraser,
    mails: std::path::PathBuf,
    _database: Database,
}

impl Scene {
    async fn set() -> anyhow::Result<Self> {
        let database = Database::create().await?;
        let master = MasterKey::from_bytes(MASTER);
        let log = database.open_with(&master, Live::default()).await?;
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
        let commands = Commands::open(log.clone(), &master, Clock::System, policy, None).await?;
        let mails = std::env::temp_dir().join(format!("annals-{}", uuid::Uuid::new_v4()));
        let post = Arc::new(Post::files(mails.clone(), "Annals <no-reply@localhost>")?);
        let carrier = Arc::new(Carrier::files(mails.clone())?);
        let eraser = Eraser::new(commands.clone(), Queries::new(log.clone()), post, carrier);
        Ok(Self { log, commands, eraser, mails, _database: database })
    }

    async fn register(&self, number: u64) -> anyhow::Result<Caller> {
        let email = Email::try_from(format!("p{number}@example.org"))?;
        let name = Some(Text::try_from(format!("Person {number}"))?);
        let new = NewAccount { email, name, password: PASSWORD.to_owned() };
        let registered = self.commands.register(new, &Origin::default()).await?;
        let Registered::SignedIn(Done { value: SignIn::Complete(signed_in), .. }) = registered
        else {
            anyhow::bail!("a new account is asked for a code")
        };
        let token = signed_in.access_token;
        let caller = self.commands.authenticate(&token, Origin::default()).await?;
        assert!(matches!(caller.credential, Credential::Session(_)) && caller.role == Role::User);
        Ok(caller)
    }

    /// Something that people do.
    async fn act(&self, caller: &Caller, dice: &mut Dice) -> anyhow::Result<()> {
        match dice.draw(4) {
            0 => {
                let slack_notifications = Some(dice.draw(2) == 1);
                let change = CommunicationChange { slack_notifications, ..Default::default() };
                self.commands.change_communication(caller, change).await?;
            }
            1 => {
                let name = Text::try_from("a key".to_owned())?;
                let proof = Proof::default();
                let new = NewApiKey { name, scopes: vec![], expires_at: None, proof };
                let made = self.commands.create_api_key(caller, new).await?.value;
                if dice.draw(2) == 1 {
                    self.commands.revoke_api_key(caller, made.id).await?;
                }
            }
            _ => {
                let title = Some(Text::try_from("a talk".to_owned())?);
                let chat = self.commands.open_chat(caller, title).await?.value;
                let said = domain::chat::Message::text(domain::chat::Role::User, "hello");
                self.commands.add_messages(caller, chat, vec![said]).await?;
                if dice.draw(3) == 0 {
                    self.commands.delete_chat(caller, chat).await?;
                }
            }
        }
        Ok(())
    }

    /// Keeps the read models up while the erasures go on.
    async fn finish_erasures(&self) -> anyhow::Result<()> {
        let over = CancellationToken::new();
        let keep_up = async {
            while !over.is_cancelled() {
                projections::catch_up(&self.log).await?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            projections::catch_up(&self.log).await
        };
        let erase = async {
            let outcome = self.eraser.run_once().await;
            over.cancel();
            outcome
        };
        let (kept_up, erased) = tokio::join!(keep_up, erase);
        kept_up?;
        erased
    }
}

#[tokio::test]
async fn any_history_with_erasures_is_whole_and_replays_to_what_is_left() -> anyhow::Result<()> {
    for seed in 1..=3 {
        let mut dice = Dice(seed);
        let scene = Scene::set().await?;
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(scene.register(number).await?);
        }
        for _ in 0..24 {
            let who = usize::try_from(dice.draw(PEOPLE))?;
            scene.act(&people[who], &mut dice).await?;
        }
        let leaving = people.split_off(usize::try_from(1 + dice.draw(PEOPLE - 1))?);
        for caller in &leaving {
            let proof = Proof { password: Some(PASSWORD.to_owned()), code: None };
            scene.commands.erase_account(caller, &proof, None).await?;
        }
        scene.finish_erasures().await?;
        for caller in &people {
            scene.act(caller, &mut dice).await?;
        }
        projections::catch_up(&scene.log).await?;

        assert!(scene.commands.pending_erasures().await?.is_empty(), "seed {seed}");
        assert_eq!(scene.log.verify(drop).await?.fault, None, "seed {seed}");
        for projection in projections::Projection::ALL {
            let name = projection.name();
            let report = projections::rebuild(&scene.log, name, Options::default(), |_| ()).await?;
            assert!(report.is_identical, "seed {seed}: {report:?}");
        }
        std::fs::remove_dir_all(&scene.mails)?;
    }
    Ok(())
}
