//! Devices: seen, named, told of and signed out from elsewhere, at once and everywhere.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    Mailbox, Program, Setup, json,
    provider::{Reply, ScriptedProvider},
};
use tokio::time::{sleep, timeout};

use crate::person::{PASSWORD, Person};

const ADMIN: &str = "admin@example.org";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0";
const NEXT_FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 \
    (KHTML, like Gecko) Version/18.4 Mobile/15E148 Safari/604.1";

/// Processes of one service are known by one address, which their tokens name.
fn shared() -> Setup {
    Setup::default().with("ANNALS_PUBLIC_URL", "https://annals.example")
}

async fn sign_in_with(program: &Program, email: &str, agent: &str) -> anyhow::Result<Person> {
    let body = json!({ "email": email, "password": PASSWORD });
    let answer = program.post("/v1/auth/login", &body).header("user-agent", agent).send().await?;
    Ok(Person::from(email, &json(answer, 200).await?))
}

async fn me(program: &Program, person: &Person, expected: u16) -> anyhow::Result<Value> {
    json(person.asks(program.get("/v1/auth/me")).send().await?, expected).await
}

async fn refresh(program: &Program, person: &Person, expected: u16) -> anyhow::Result<Value> {
    let body = json!({ "refresh_token": person.refresh });
    json(program.post("/v1/auth/refresh", &body).send().await?, expected).await
}

async fn sessions(program: &Program, person: &Person) -> anyhow::Result<Vec<Value>> {
    let answer = person.asks(program.get("/v1/auth/sessions?status=active")).send().await?;
    Ok(json(answer, 200).await?["sessions"].as_array().cloned().unwrap_or_default())
}

/// The id of the session that a person's requests come from.
async fn current(program: &Program, person: &Person) -> anyhow::Result<String> {
    let all = sessions(program, person).await?;
    let current = all.iter().find(|session| session["current"] == true);
    Ok(current.and_then(|session| session["id"].as_str()).unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_device_that_is_signed_out_is_out_in_every_process_and_after_a_restart()
-> anyhow::Result<()> {
    let mut program = shared().start().await?;
    let twin = program.twin()?.start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let lost = Person::sign_in(&twin, &ada.email, PASSWORD).await?;
    let path = format!("/v1/auth/sessions/{}", current(&program, &lost).await?);
    me(&program, &lost, 200).await?;

    json(ada.asks(program.delete(&path)).send().await?, 200).await?;

    for process in [&program, &twin] {
        me(process, &lost, 401).await?;
        me(process, &ada, 200).await?;
    }
    program.restart().await?;
    me(&program, &lost, 401).await?;
    refresh(&program, &lost, 401).await?;
    let again = json(ada.asks(program.delete(&path)).send().await?, 200).await?;
    assert_eq!(again["message"], "Session revoked", "ending it twice is no mistake");
    Ok(())
}

#[tokio::test]
async fn nobody_signs_anybody_else_out_and_ids_of_sessions_open_nothing() -> anyhow::Result<()> {
    let program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let eve = Person::register(&program, "eve@example.org").await?;
    let id = current(&program, &ada).await?;
    let made = ada.asks(program.post("/v1/settings/api-keys", &json!({ "name": "ci" })));
    let key = json(made.send().await?, 201).await?["api_key"].clone();

    for (path, expected) in [
        (format!("/v1/auth/sessions/{id}"), 404),
        (format!("/v1/auth/sessions/{}", ada.id), 404),
        (format!("/v1/auth/sessions/{id}%00"), 404),
        (format!("/v1/admin/users/{}/sessions/{id}", ada.id), 403),
        (format!("/v1/admin/users/{}/sessions", ada.id), 403),
    ] {
        json(eve.asks(program.delete(&path)).send().await?, expected).await?;
    }
    let list = program.get(&format!("/v1/admin/users/{}/sessions", ada.id));
    json(eve.asks(list).send().await?, 403).await?;
    for path in [format!("/v1/auth/sessions/{id}"), "/v1/auth/sessions".to_owned()] {
        let by_key = program.delete(&path).bearer_auth(key.as_str().unwrap_or_default());
        json(by_key.send().await?, 403).await?;
    }
    json(program.get("/v1/auth/me").bearer_auth(&id).send().await?, 401).await?;
    let as_refresh = program.post("/v1/auth/refresh", &json!({ "refresh_token": id }));
    json(as_refresh.send().await?, 401).await?;
    me(&program, &ada, 200).await?;
    Ok(())
}

#[tokio::test]
async fn all_devices_are_signed_out_or_all_others() -> anyhow::Result<()> {
    let program = Setup::default().start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let eve = Person::register(&program, "eve@example.org").await?;
    let phone = Person::sign_in(&program, &ada.email, PASSWORD).await?;
    let laptop = Person::sign_in(&program, &ada.email, PASSWORD).await?;

    let others = program.delete("/v1/auth/sessions?keep_current=true");
    let others = json(phone.asks(others).send().await?, 200).await?;

    assert_eq!(others["revoked"], 2);
    me(&program, &ada, 401).await?;
    refresh(&program, &laptop, 401).await?;
    me(&program, &phone, 200).await?;
    let listed = sessions(&program, &phone).await?;
    assert_eq!((listed.len(), &listed[0]["current"]), (1, &json!(true)));
    let wrong = program.delete("/v1/auth/sessions?keep_current=perhaps");
    json(phone.asks(wrong).send().await?, 422).await?;
    let all = json(phone.asks(program.delete("/v1/auth/sessions")).send().await?, 200).await?;
    assert_eq!(all["revoked"], 1);
    me(&program, &phone, 401).await?;
    me(&program, &eve, 200).await?;
    Ok(())
}

#[tokio::test]
async fn sessions_end_when_nothing_happens_and_at_the_latest_after_their_lifetime()
-> anyhow::Result<()> {
    let idle = Setup::default().with("ANNALS_SESSION_IDLE", "2s").start().await?;
    let mut ada = Person::register(&idle, "ada@example.org").await?;
    sleep(Duration::from_millis(1300)).await;
    ada.refresh = text(&refresh(&idle, &ada, 200).await?["refresh_token"]);
    sleep(Duration::from_millis(2100)).await;

    me(&idle, &ada, 401).await?;
    assert_eq!(refresh(&idle, &ada, 401).await?["code"], "session_ended");

    let short = Setup::default().with("ANNALS_SESSION_LIFETIME", "2s").start().await?;
    let mut bob = Person::register(&short, "bob@example.org").await?;
    sleep(Duration::from_millis(1300)).await;
    let next = refresh(&short, &bob, 200).await?;
    assert!(next["expires_in"].as_i64() <= Some(1), "no token outlives its session: {next}");
    bob = Person::from("bob@example.org", &next);
    sleep(Duration::from_secs(1)).await;
    me(&short, &bob, 401).await?;
    refresh(&short, &bob, 401).await?;
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn it_is_told_when_a_device_was_last_seen_and_no_event_is_made_of_it() -> anyhow::Result<()> {
    let program = shared().with("ANNALS_ADMIN_EMAIL", ADMIN);
    let program = program.with("ANNALS_ADMIN_PASSWORD", PASSWORD).start().await?;
    let twin = program.twin()?.start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let phone = sign_in_with(&program, &ada.email, SAFARI).await?;
    let id = current(&program, &phone).await?;
    let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
    let first = seen(&program, &admin, &ada, &id).await?;
    let events = program.run(&["log", "show", &id])?.stdout;

    sleep(Duration::from_millis(1100)).await;
    me(&twin, &phone, 200).await?;

    let mut last = first.clone();
    for _ in 0..100 {
        last = seen(&program, &admin, &ada, &id).await?;
        if last["last_seen_at"] != first["last_seen_at"] {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert!(last["last_seen_at"].as_str() > first["last_seen_at"].as_str(), "{first} {last}");
    assert_eq!(last["device"], "Safari on iPhone");
    assert!(program.run(&["log", "show", &id])?.stdout == events, "something was appended");
    Ok(())
}

/// A session as an administrator sees it.
async fn seen(
    program: &Program,
    admin: &Person,
    person: &Person,
    id: &str,
) -> anyhow::Result<Value> {
    let list = program.get(&format!("/v1/admin/users/{}/sessions", person.id));
    let list = json(admin.asks(list).send().await?, 200).await?;
    let all = list["data"]["sessions"].as_array().cloned().unwrap_or_default();
    Ok(all.into_iter().find(|session| session["id"] == id).unwrap_or_default())
}

#[tokio::test]
async fn a_person_is_told_of_a_new_device_and_of_a_copied_token() -> anyhow::Result<()> {
    let mailbox = Mailbox::start()?;
    let program = Setup::default().with("SMTP_URL", mailbox.url()).start().await?;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD });
    let register = program.post("/v1/auth/register", &body).header("user-agent", FIREFOX);
    let ada = Person::from("ada@example.org", &json(register.send().await?, 201).await?);
    sign_in_with(&program, &ada.email, NEXT_FIREFOX).await?;

    let phone = sign_in_with(&program, &ada.email, SAFARI).await?;
    sign_in_with(&program, &ada.email, SAFARI).await?;

    let new = "A new device signed in to your account";
    let mail = mailbox.mail_about(&ada.email, new).await?;
    assert!(mail.text().contains("Safari on iPhone"), "{}", mail.text());
    let second = refresh(&program, &phone, 200).await?;
    let next = json!({ "refresh_token": second["refresh_token"] });
    json(program.post("/v1/auth/refresh", &next).send().await?, 200).await?;
    refresh(&program, &phone, 401).await?;
    mailbox.mail_about(&ada.email, "One of your devices was signed out").await?;
    let told = mailbox.mails()?.iter().filter(|it| it.header("Subject") == Some(new)).count();
    assert_eq!(told, 1, "known devices are not told of");
    Ok(())
}

/// A chat that is told of a tool at once and answered in a minute.
fn long_chat(provider: &ScriptedProvider) -> Value {
    let late = Box::new(Reply::Text("much later".into()));
    let list = vec![("a".to_owned(), "zerodb_list_tables".to_owned(), "{}".to_owned())];
    provider.script([Reply::ToolCalls(list), Reply::After { milliseconds: 60_000, reply: late }]);
    json!({
        "provider": "openai", "model": "m", "stream": true,
        "messages": [{ "role": "user", "content": "hello" }],
        "tool_subset": ["zerodb_list_tables"],
    })
}

#[tokio::test]
async fn open_streams_end_when_their_device_is_signed_out_through_another_process()
-> anyhow::Result<()> {
    let provider = ScriptedProvider::start().await;
    let program = shared()
        .with("OPENAI_BASE_URL", provider.openai_url())
        .with("OPENAI_API_KEY", "sk-test")
        .start()
        .await?;
    let twin = program.twin()?.start().await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let phone = Person::sign_in(&program, &ada.email, PASSWORD).await?;
    let body = long_chat(&provider);
    let chat = phone.asks(program.post("/v1/chat/completions", &body)).send().await?;
    let inbox = phone.asks(program.get("/v1/notifications/stream")).send().await?;
    assert_eq!((chat.status().as_u16(), inbox.status().as_u16()), (200, 200));

    let path = format!("/v1/auth/sessions/{}", current(&program, &phone).await?);
    json(ada.asks(twin.delete(&path)).send().await?, 200).await?;

    let chat = timeout(Duration::from_secs(5), chat.text()).await??;
    assert!(!chat.contains("much later") && chat.contains("authentication_required"), "{chat}");
    timeout(Duration::from_secs(5), inbox.text()).await??;
    Ok(())
}

#[tokio::test]
async fn who_listens_when_claims_cannot_be_read_is_not_called_a_stranger() -> anyhow::Result<()> {
    let provider = ScriptedProvider::start().await;
    let program = Setup::default()
        .with("OPENAI_BASE_URL", provider.openai_url())
        .with("OPENAI_API_KEY", "sk-test")
        .start()
        .await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let body = long_chat(&provider);
    let chat = ada.asks(program.post("/v1/chat/completions", &body)).send().await?;
    assert_eq!(chat.status(), 200);

    let pool = sqlx::PgPool::connect(program.database().unwrap_or_default()).await?;
    sqlx::query("alter table log.claim rename to claim_elsewhere").execute(&pool).await?;

    let told = timeout(Duration::from_secs(5), chat.text()).await??;
    assert!(told.contains(r#""code":"unavailable""#), "{told}");
    assert!(!told.contains("authentication_required"), "{told}");
    Ok(())
}

#[tokio::test]
async fn an_administrator_signs_people_out() -> anyhow::Result<()> {
    let program = Setup::default().with("ANNALS_ADMIN_EMAIL", ADMIN);
    let program = program.with("ANNALS_ADMIN_PASSWORD", PASSWORD).start().await?;
    let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
    let ada = Person::register(&program, "ada@example.org").await?;
    let phone = Person::sign_in(&program, &ada.email, PASSWORD).await?;
    let path = format!("/v1/admin/users/{}/sessions", ada.id);
    let listed = json(admin.asks(program.get(&path)).send().await?, 200).await?;
    assert_eq!(listed["data"]["total"], 2);

    let one = format!("{path}/{}", current(&program, &phone).await?);
    json(admin.asks(program.delete(&one)).send().await?, 200).await?;
    me(&program, &phone, 401).await?;
    me(&program, &ada, 200).await?;
    let foreign = format!("{path}/{}", current(&program, &admin).await?);
    json(admin.asks(program.delete(&foreign)).send().await?, 404).await?;
    let all = json(admin.asks(program.delete(&path)).send().await?, 200).await?;
    assert_eq!(all["data"]["revoked"], 1);
    me(&program, &ada, 401).await?;

    let nobody = "/v1/admin/users/00000000-0000-7000-8000-000000000001/sessions";
    json(admin.asks(program.get(nobody)).send().await?, 404).await?;
    json(admin.asks(program.delete(nobody)).send().await?, 404).await?;
    Ok(())
}
