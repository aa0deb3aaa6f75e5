//! Guessing passwords: counted however it is disguised, and never a way to lock the owner out.

use futures_util::future::join_all;
use reqwest::{Response, header};
use serde_json::json;
use tests::{Program, Setup, json};

use crate::person::{PASSWORD, Person};

const ADA: &str = "ada@example.org";
const WRONG: &str = "not the right password";

/// Three wrong passwords for an account, and a proxy that says where clients are.
fn setup() -> Setup {
    Setup::default()
        .with("ANNALS_RATE_LIMITS", "sign-in-account=3/900,sign-in-device=3/900")
        .with("ANNALS_TRUSTED_PROXIES", "127.0.0.0/8")
}

async fn program() -> anyhow::Result<Program> {
    let program = setup().start().await?;
    Person::register(&program, ADA).await?;
    Ok(program)
}

/// Somebody tries to sign in from somewhere, with a cookie or without.
async fn attempt(
    program: &Program,
    (email, password): (&str, &str),
    address: &str,
    cookie: Option<&str>,
) -> anyhow::Result<Response> {
    let body = json!({ "email": email, "password": password });
    let request = program.post("/v1/auth/login", &body).header("x-forwarded-for", address);
    let request = cookie.into_iter().fold(request, |it, cookie| it.header(header::COOKIE, cookie));
    Ok(request.send().await?)
}

/// The cookie of a device that signs in.
async fn device(program: &Program) -> anyhow::Result<String> {
    let answer = attempt(program, (ADA, PASSWORD), "198.51.100.1", None).await?;
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()[header::SET_COOKIE].to_str()?;
    assert!(cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}

/// Wrong passwords until strangers are refused, each from another network.
async fn exhaust(program: &Program) -> anyhow::Result<()> {
    for network in 0..3 {
        let address = format!("203.0.113.{network}");
        assert_eq!(attempt(program, (ADA, WRONG), &address, None).await?.status(), 401);
    }
    Ok(())
}

#[tokio::test]
async fn parallel_guesses_cannot_pass_the_limit_together() -> anyhow::Result<()> {
    let program = program().await?;
    let twin = program.twin()?.start().await?;

    let guesses = (0..30).map(|number| {
        let one = if number % 2 == 0 { &program } else { &twin };
        async move { attempt(one, (ADA, WRONG), &format!("203.0.113.{number}"), None).await }
    });
    let answers: Vec<_> = join_all(guesses).await.into_iter().collect::<Result<_, _>>()?;

    let looked_at = answers.iter().filter(|answer| answer.status() == 401).count();
    let refused = answers.iter().filter(|answer| answer.status() == 429).count();
    assert_eq!((looked_at, refused), (3, 27));
    Ok(())
}

#[tokio::test]
async fn an_address_is_one_account_however_it_is_typed() -> anyhow::Result<()> {
    let program = program().await?;

    for typed in ["ada@example.org", "  ADA@Example.ORG ", "Ada@example.org\n"] {
        assert_eq!(attempt(&program, (typed, WRONG), "203.0.113.1", None).await?.status(), 401);
    }

    let refused = attempt(&program, (ADA, WRONG), "203.0.113.2", None).await?;
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(json(refused, 429).await?["code"], "too_many_attempts");
    Ok(())
}

#[tokio::test]
async fn unknown_addresses_are_limited_like_known_ones() -> anyhow::Result<()> {
    let program = program().await?;

    let mut answers = [vec![], vec![]];
    for _ in 0..5 {
        for (email, told) in [ADA, "nobody@example.org"].into_iter().zip(&mut answers) {
            let answer = attempt(&program, (email, WRONG), "203.0.113.1", None).await?;
            told.push(answer.status().as_u16());
        }
    }

    assert_eq!(answers[0], [401, 401, 401, 429, 429]);
    assert_eq!(answers[0], answers[1]);
    Ok(())
}

#[tokio::test]
async fn strangers_cannot_lock_out_a_device_that_is_known() -> anyhow::Result<()> {
    let mut program = program().await?;
    let cookie = device(&program).await?;
    exhaust(&program).await?;

    let stranger = attempt(&program, (ADA, PASSWORD), "203.0.113.99", None).await?;
    assert_eq!(stranger.status(), 429, "also with the right password: it is not looked at");
    program.restart().await?;

    let stranger = attempt(&program, (ADA, PASSWORD), "203.0.113.99", None).await?;
    assert_eq!(stranger.status(), 429, "a restart forgets nothing");
    for _ in 0..5 {
        let owner = attempt(&program, (ADA, PASSWORD), "203.0.113.99", Some(&cookie)).await?;
        assert_eq!(owner.status(), 200);
    }
    Ok(())
}

#[tokio::test]
async fn a_known_device_cannot_guess_for_ever_and_is_of_one_account() -> anyhow::Result<()> {
    let program = program().await?;
    let cookie = device(&program).await?;
    Person::register(&program, "bob@example.org").await?;

    for _ in 0..3 {
        let wrong = attempt(&program, (ADA, WRONG), "203.0.113.1", Some(&cookie)).await?;
        assert_eq!(wrong.status(), 401);
    }
    let refused = attempt(&program, (ADA, PASSWORD), "203.0.113.1", Some(&cookie)).await?;
    assert_eq!(refused.status(), 429);
    // What a stolen cookie used up is not taken from strangers, nor from the account of another.
    let elsewhere = attempt(&program, (ADA, PASSWORD), "203.0.113.1", None).await?;
    assert_eq!(elsewhere.status(), 200);
    for expected in [401, 401, 401, 429] {
        let bob = ("bob@example.org", WRONG);
        assert_eq!(attempt(&program, bob, "203.0.113.1", Some(&cookie)).await?.status(), expected);
    }
    let mut forged = cookie.clone();
    forged.replace_range(cookie.len() - 1.., if cookie.ends_with('A') { "B" } else { "A" });
    forged.replace_range(20..21, if &cookie[20..21] == "A" { "B" } else { "A" });
    exhaust(&program).await?;
    let guess = attempt(&program, (ADA, PASSWORD), "203.0.113.1", Some(&forged)).await?;
    assert_eq!(guess.status(), 429);
    Ok(())
}

#[tokio::test]
async fn whoever_signs_in_is_not_counted() -> anyhow::Result<()> {
    let program = program().await?;

    let attempts = (0..10).map(|_| attempt(&program, (ADA, PASSWORD), "203.0.113.1", None));
    for answer in attempts.collect::<Vec<_>>() {
        assert_eq!(answer.await?.status(), 200);
    }
    Ok(())
}

#[tokio::test]
async fn a_network_that_guesses_at_many_accounts_is_refused() -> anyhow::Result<()> {
    let setup = Setup::default().with("ANNALS_TRUSTED_PROXIES", "127.0.0.0/8");
    let program = setup.with("ANNALS_RATE_LIMITS", "sign-in-network=5/900").start().await?;

    for (number, expected) in [401, 401, 401, 401, 401, 429].into_iter().enumerate() {
        let (email, address) = (format!("p{number}@example.org"), format!("2001:db8::{number:x}"));
        let answer = attempt(&program, (&email, WRONG), &address, None).await?;
        assert_eq!(answer.status(), expected, "{number}");
    }

    let elsewhere = attempt(&program, ("p9@example.org", WRONG), "2001:db8:0:1::1", None).await?;
    assert_eq!(elsewhere.status(), 401);
    Ok(())
}
