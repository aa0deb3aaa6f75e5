//! Clients that send too much or too slowly: they are refused cheaply, and hold nothing for long.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;
use tests::{Program, Setup, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long the program lets itself be kept waiting, and a little more.
const PATIENCE: Duration = Duration::from_secs(45);

/// Sends a beginning, then a byte a second; what was answered until the connection was closed.
async fn drip(program: &Program, beginning: &str) -> anyhow::Result<(String, Duration)> {
    let address = program.url().strip_prefix("http://").context("an address")?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(beginning.as_bytes()).await?;
    let began = Instant::now();
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let read = reading.read_to_end(&mut answer);
    let write = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if writing.write_all(b"a").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let closed = async {
        tokio::select! {
            read = read => drop(read),
            () = write => {}
        }
    };
    timeout(PATIENCE, closed).await.context("the connection is still open")?;
    Ok((String::from_utf8_lossy(&answer).into_owned(), began.elapsed()))
}

#[tokio::test]
async fn whoever_sends_slowly_is_cut_off() -> anyhow::Result<()> {
    let program = Setup::default().start().await?;
    let head = "POST /v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    let body = format!("{head}content-length: 1000\r\n\r\n{{\"email\":\"");
    let form = body.replace("application/json", "application/x-www-form-urlencoded");

    let (nothing, first, head, body, form) = tokio::try_join!(
        drip(&program, ""),
        drip(&program, "P"),
        drip(&program, head),
        drip(&program, &body),
        drip(&program, &form),
    )?;

    for (answer, _) in [nothing, first, head] {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
    for (answer, took) in [body, form] {
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(took < PATIENCE && answer.contains("request_timeout"), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_password_of_a_megabyte_is_refused_at_once() -> anyhow::Result<()> {
    let program = Setup::default().start().await?;

    for length in [1 << 20, 1 << 16, (1 << 16) - 100, 129] {
        let body = json!({ "email": "ada@example.org", "password": "a".repeat(length) });
        for path in ["/v1/auth/login", "/v1/auth/register"] {
            let began = Instant::now();
            let answer = program.post(path, &body).send().await?;
            let expected = match (length, path) {
                (65_536.., _) => 413,
                (_, "/v1/auth/login") => 401,
                (_, _) => 422,
            };
            json(answer, expected).await?;
            assert!(began.elapsed() < Duration::from_secs(1), "{path} {length}");
        }
    }
    Ok(())
}
