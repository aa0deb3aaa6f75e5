//! Signing in and being signed in: the session check, a login, a storm of logins, a code of an app.

use std::{
    thread::available_parallelism,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, ensure};
use argon2::{Argon2, password_hash::PasswordHasher};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tests::{Program, Setup};
use tokio_util::sync::CancellationToken;
use totp_rs::{Algorithm, Builder, Secret};

use super::{
    cluster::Cluster,
    load::round,
    nats::Nats,
    report::{Row, Target, median, quantile},
};

const DATABASE: &str = "auth";
const EMAIL: &str = "bench@example.org";
const PASSWORD: &str = "a long walk along the river";
/// Limits stay in the way of every request, and are never reached.
const RATES: &str = "sign-in-network=1000000/1,sign-in-account=1000000/1,sign-in-device=1000000/1";
/// Connections of the session check, and how many requests each makes in a round.
const CONNECTIONS: (usize, usize) = (16, 200);
/// The machine is noisy: short rounds of each in turn.
const ROUNDS: usize = 5;
/// Logins one after another, and in a storm.
const LOGINS: (usize, usize) = (30, 60);
/// Storms, one after another.
const STORMS: usize = 5;
/// People with an app.
const APPS: usize = 20;

/// Measures all of it on one program.
pub async fn run(cluster: &Cluster) -> anyhow::Result<Vec<Row>> {
    let nats = Nats::start().await?;
    cluster.database(DATABASE).await?.close().await;
    let program = Setup::default()
        .with("DATABASE_URL", cluster.url(DATABASE))
        .with("NATS_URL", nats.url())
        .with("ANNALS_RATE_LIMITS", RATES)
        .with("RUST_LOG", "warn")
        .start()
        .await?;
    let access = register(&program).await?;
    let mut rows = session_check(&program, &access).await?;
    rows.push(login(&program).await?);
    rows.push(storm(&program, &access).await?);
    rows.push(codes(&program).await?);
    Ok(rows)
}

/// `GET /v1/auth/me` with an access token, held against `/health` of the same program.
async fn session_check(program: &Program, access: &str) -> anyhow::Result<Vec<Row>> {
    let (callers, each) = CONNECTIONS;
    let (check, health) = (program.get("/v1/auth/me").bearer_auth(access), program.get("/health"));
    round(&health, callers, each).await?;
    round(&check, callers, each).await?;
    let (mut latencies, mut rates, mut reference) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        reference.push(round(&health, callers, each).await?.1);
        let (took, rate) = round(&check, callers, each).await?;
        latencies.extend(took);
        rates.push(rate);
    }
    let rate = median(rates);
    let cores = f64::from(u32::try_from(available_parallelism()?.get())?);
    Ok(vec![
        Row::new("session_check", rate, "requests/s")
            .against(median(reference))
            .target(Target::AtLeast(0.25)),
        Row::new("session_check_per_core", rate / cores, "requests/s")
            .target(Target::AtLeast(3000.0)),
        Row::new("session_check_p99_16", quantile(latencies, 0.99), "ms")
            .target(Target::AtMost(5.0)),
    ])
}

/// What a login takes longer than the hash of its password.
async fn login(program: &Program) -> anyhow::Result<Row> {
    let login = login_of(program, EMAIL);
    let mut hashes = Vec::new();
    for _ in 0..LOGINS.0 {
        let began = Instant::now();
        let hash = Argon2::default().hash_password(PASSWORD.as_bytes());
        ensure!(hash.is_ok(), "a password cannot be hashed");
        hashes.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let (took, _) = round(&login, 1, LOGINS.0).await?;
    let added = median(took) - median(hashes);
    Ok(Row::new("login_added_to_argon2", added, "ms").target(Target::AtMost(10.0)))
}

/// How long a cheap request takes while many sign in at once.
async fn storm(program: &Program, access: &str) -> anyhow::Result<Row> {
    let cheap = program.get("/v1/notifications/unread-count").bearer_auth(access);
    let login = login_of(program, EMAIL);
    round(&cheap, 1, 20).await?;
    let over = CancellationToken::new();
    let asking = async {
        let mut latencies = vec![];
        while !over.is_cancelled() {
            latencies.extend(round(&cheap, 1, 1).await?.0);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        anyhow::Ok(latencies)
    };
    let storming = async {
        for _ in 0..STORMS {
            round(&login, LOGINS.1, 1).await?;
        }
        over.cancel();
        anyhow::Ok(())
    };
    let (latencies, ()) = tokio::try_join!(asking, storming)?;
    let p99 = quantile(latencies, 0.99);
    Ok(Row::new("unread_count_p99_in_60_logins", p99, "ms").target(Target::AtMost(100.0)))
}

/// How long a code of an app takes to be verified, each of another person.
async fn codes(program: &Program) -> anyhow::Result<Row> {
    let mut latencies = vec![];
    for number in 0..APPS {
        let email = format!("app{number}@example.org");
        let arguments =
            ["user", "create-admin", "--admin-email", &email, "--admin-password", PASSWORD];
        ensure!(program.run(&arguments)?.status.success(), "an administrator is not made");
        let access = sign_in(program, &email).await?;
        let setup = program.post("/v1/auth/2fa/setup", &json!({ "password": PASSWORD }));
        let setup = tests::json(setup.bearer_auth(&access).send().await?, 200).await?;
        let code = code(setup["secret"].as_str().context("no secret")?)?;
        let verify = program.post("/v1/auth/2fa/verify", &json!({ "code": code }));
        let (took, _) = round(&verify.bearer_auth(&access), 1, 1).await?;
        latencies.extend(took);
    }
    let p95 = quantile(latencies, 0.95);
    Ok(Row::new("totp_verify_p95", p95, "ms").target(Target::AtMost(10.0)))
}

fn code(secret: &str) -> anyhow::Result<String> {
    let secret = Secret::try_from_base32(secret).ok().context("a secret in base32")?;
    let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    Ok(totp.ok().context("a secret for an app")?.generate(now).to_string())
}

fn login_of(program: &Program, email: &str) -> RequestBuilder {
    program.post("/v1/auth/login", &json!({ "email": email, "password": PASSWORD }))
}

async fn register(program: &Program) -> anyhow::Result<String> {
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = program.post("/v1/auth/register", &person).send().await?;
    let answer = tests::json(answer, 201).await?;
    Ok(answer["access_token"].as_str().context("no access token")?.to_owned())
}

async fn sign_in(program: &Program, email: &str) -> anyhow::Result<String> {
    let answer: Value = tests::json(login_of(program, email).send().await?, 200).await?;
    Ok(answer["access_token"].as_str().context("no access token")?.to_owned())
}
