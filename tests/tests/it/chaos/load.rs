//! People at work: they register, change settings, sign in and chat all the time, and keep a ledger
//! of what they were told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tests::Dice;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::person::PASSWORD;

/// How long a request may take: longer than the program may wait for anything.
const PATIENCE: Duration = Duration::from_secs(25);
/// The least and the most between two writes of one visitor.
const PAUSE: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(80)];
/// How long it may take until people can work again.
const RECOVERY: Duration = Duration::from_secs(90);
/// Minutes of a day: values of a setting that a person goes through.
const MINUTES: u64 = 24 * 60;

/// A kind of write, each with a trace of its own in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Registration,
    Settings,
    Login,
    Chat,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Registration, Self::Settings, Self::Login, Self::Chat];
}

/// A write that somebody tried.
#[derive(Clone, Debug)]
pub struct Write {
    pub kind: Kind,
    /// What stands in the log if it happened, and nowhere else.
    pub key: String,
    /// Whether they were told that it happened.
    pub is_acknowledged: bool,
}

/// All that was tried, and what went wrong in a way that nothing excuses.
#[derive(Default)]
pub struct Ledger {
    pub writes: Vec<Write>,
    pub complaints: Vec<String>,
}

/// People at work on one program, until they are sent home.
pub struct Load {
    ledger: Arc<Mutex<Ledger>>,
    stop: CancellationToken,
    visitors: JoinSet<anyhow::Result<()>>,
}

impl Load {
    /// Sends them to a program's address; `name` tells their writes from those of others.
    pub fn start(url: &str, name: &str, seed: u64) -> anyhow::Result<Self> {
        let ledger: Arc<Mutex<Ledger>> = Arc::default();
        let stop = CancellationToken::new();
        let mut visitors = JoinSet::new();
        for (number, kind) in (0..).zip(Kind::ALL) {
            let visitor = Visitor {
                name: format!("{name}{number}"),
                url: url.to_owned(),
                client: Client::builder().timeout(PATIENCE).build()?,
                dice: Dice::of(seed, number),
                ledger: Arc::clone(&ledger),
                stop: stop.clone(),
            };
            visitors.spawn(visitor.work(kind));
        }
        Ok(Self { ledger, stop, visitors })
    }

    /// Waits until people were told of so many more writes of each kind.
    pub async fn progress(&mut self, more: usize) -> anyhow::Result<()> {
        let before = self.acknowledged();
        let began = Instant::now();
        loop {
            let now = self.acknowledged();
            let is_enough =
                |kind| now.get(&kind) >= Some(&(before.get(&kind).unwrap_or(&0) + more));
            if Kind::ALL.into_iter().all(is_enough) {
                return Ok(());
            }
            if let Some(gone) = self.visitors.try_join_next() {
                gone??;
            }
            ensure!(began.elapsed() < RECOVERY, "nobody gets on: {before:?}, then {now:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn acknowledged(&self) -> HashMap<Kind, usize> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = HashMap::new();
        for write in ledger.writes.iter().filter(|write| write.is_acknowledged) {
            *counts.entry(write.kind).or_default() += 1;
        }
        counts
    }

    /// Sends everybody home, once they have heard what became of their last write.
    pub async fn stop(mut self) -> anyhow::Result<Ledger> {
        self.stop.cancel();
        while let Some(gone) = self.visitors.join_next().await {
            gone??;
        }
        Ok(std::mem::take(&mut *self.ledger.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// What a program said to a write.
enum Told {
    Done(Value),
    /// Nothing, or that it cannot be done now.
    Nothing,
    Refused(u16, String),
}

struct Visitor {
    name: String,
    url: String,
    client: Client,
    dice: Dice,
    ledger: Arc<Mutex<Ledger>>,
    stop: CancellationToken,
}

impl Visitor {
    async fn work(mut self, kind: Kind) -> anyhow::Result<()> {
        let mut number = 0;
        let mut token = String::new();
        while !self.stop.is_cancelled() {
            if kind != Kind::Registration && number % MINUTES == 0 {
                token = self.arrive(number).await?;
            }
            let write = match kind {
                Kind::Registration => self.register(number).await.map(drop),
                Kind::Settings => self.change_settings(number, &token).await,
                Kind::Login => self.sign_in(number).await,
                Kind::Chat => self.chat(number, &token).await,
            };
            write?;
            number += 1;
            self.pause().await;
        }
        Ok(())
    }

    async fn pause(&mut self) {
        sleep(self.dice.between(PAUSE[0], PAUSE[1])).await;
    }

    fn email(&self, number: u64) -> String {
        format!("{}-{}@example.org", self.name, number)
    }

    /// Opens an account for what follows; answers its access token.
    async fn arrive(&mut self, number: u64) -> anyhow::Result<String> {
        let mut token = self.register(number).await?;
        while token.is_empty() && !self.stop.is_cancelled() {
            let body = json!({ "email": self.email(number), "password": PASSWORD });
            if let Told::Done(answer) = self.tell(self.post("/v1/auth/login", &body)).await {
                token = text(&answer["access_token"]);
            }
            self.pause().await;
        }
        Ok(token)
    }

    /// Registers, again and again until it is clear that it is done; answers the token, if it came.
    async fn register(&mut self, number: u64) -> anyhow::Result<String> {
        let key = self.email(number);
        let place = self.try_to(Kind::Registration, &key);
        let body = json!({ "email": key, "password": PASSWORD });
        let mut is_tried = false;
        while !self.stop.is_cancelled() {
            match self.tell(self.post("/v1/auth/register", &body)).await {
                Told::Done(answer) => {
                    self.acknowledge(place);
                    return Ok(text(&answer["access_token"]));
                }
                // What was asked for first is done, and says so now.
                Told::Refused(409, _) if is_tried => {
                    self.acknowledge(place);
                    return Ok(String::new());
                }
                Told::Nothing => is_tried = true,
                Told::Refused(status, answer) => self.complain("registration", status, &answer),
            }
            self.pause().await;
        }
        Ok(String::new())
    }

    async fn change_settings(&mut self, number: u64, token: &str) -> anyhow::Result<()> {
        let minute = number % MINUTES;
        let value = format!("{:02}:{:02}", minute / 60, minute % 60);
        let key = format!("{} {value}", self.email(number - minute));
        let body = json!({ "quiet_hours_start": value });
        let request =
            self.client.put(format!("{}/v1/settings/communication", self.url)).json(&body);
        self.write(Kind::Settings, &key, request.bearer_auth(token)).await.map(drop)
    }

    async fn sign_in(&mut self, number: u64) -> anyhow::Result<()> {
        let key = format!("{}/{number}", self.name);
        let account = self.email(number - number % MINUTES);
        let body = json!({ "email": account, "password": PASSWORD });
        let request = self.post("/v1/auth/login", &body).header("user-agent", &key);
        self.write(Kind::Login, &key, request).await.map(drop)
    }

    async fn chat(&mut self, number: u64, token: &str) -> anyhow::Result<()> {
        let key = format!("{} says {number}", self.name);
        let messages = json!([{ "role": "user", "content": key }]);
        let body = json!({ "provider": "openai", "model": "m", "messages": messages });
        let request = self.post("/v1/chat/completions", &body).bearer_auth(token);
        if let Some(answer) = self.write(Kind::Chat, &key, request).await? {
            let said = &answer["choices"][0]["message"]["content"];
            ensure!(*said == key, "{key} was answered {answer}");
        }
        Ok(())
    }

    /// Tries a write once, and notes what it was told.
    async fn write(
        &mut self,
        kind: Kind,
        key: &str,
        request: RequestBuilder,
    ) -> anyhow::Result<Option<Value>> {
        let place = self.try_to(kind, key);
        match self.tell(request).await {
            Told::Done(answer) => {
                self.acknowledge(place);
                Ok(Some(answer))
            }
            Told::Nothing => Ok(None),
            Told::Refused(status, answer) => {
                self.complain(key, status, &answer);
                Ok(None)
            }
        }
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).json(body)
    }

    async fn tell(&self, request: RequestBuilder) -> Told {
        let Ok(answer) = request.send().await else { return Told::Nothing };
        let status = answer.status().as_u16();
        let Ok(text) = answer.text().await else { return Told::Nothing };
        match (status, serde_json::from_str(&text).context("JSON")) {
            (200 | 201, Ok(answer)) => Told::Done(answer),
            (503, Ok(_)) => Told::Nothing,
            _ => Told::Refused(status, text),
        }
    }

    fn try_to(&self, kind: Kind, key: &str) -> usize {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.writes.push(Write { kind, key: key.to_owned(), is_acknowledged: false });
        ledger.writes.len() - 1
    }

    fn acknowledge(&self, place: usize) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.writes[place].is_acknowledged = true;
    }

    fn complain(&self, what: &str, status: u16, answer: &str) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.complaints.push(format!("{what}: {status} {answer}"));
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
