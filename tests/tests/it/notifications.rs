//! Inboxes through the real program: told, heard of at once, handled, and nobody else's business.

mod following;

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use commands::Clock;
use serde_json::{Value, json};
use tests::{Program, Setup, json};

use crate::person::{PASSWORD, Person};
use following::Following;

const ADMIN: &str = "admin@example.org";

struct Setting {
    program: Program,
    admin: Person,
    ada: Person,
}

impl Setting {
    async fn new() -> anyhow::Result<Self> {
        let setup = Setup::default().with("ANNALS_ADMIN_EMAIL", ADMIN);
        let program = setup.with("ANNALS_ADMIN_PASSWORD", PASSWORD).start().await?;
        let admin = Person::sign_in(&program, ADMIN, PASSWORD).await?;
        let ada = Person::register(&program, "ada@example.org").await?;
        Ok(Self { program, admin, ada })
    }

    fn notice(&self, title: &str) -> Value {
        json!({ "user_id": self.ada.id, "title": title, "message": "In full.", "type": "INFO" })
    }

    async fn tell(&self, notice: &Value) -> anyhow::Result<Value> {
        let request = self.admin.asks(self.program.post("/v1/notifications", notice));
        json(request.send().await?, 201).await
    }

    async fn get(&self, path: &str, status: u16) -> anyhow::Result<Value> {
        json(self.ada.asks(self.program.get(path)).send().await?, status).await
    }

    async fn post(&self, path: &str, body: Value, status: u16) -> anyhow::Result<Value> {
        json(self.ada.asks(self.program.post(path, &body)).send().await?, status).await
    }

    async fn unread(&self) -> anyhow::Result<Value> {
        Ok(self.get("/v1/notifications/unread-count", 200).await?["count"].clone())
    }
}

fn path(notice: &Value) -> String {
    format!("/v1/notifications/{}", notice["id"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_notice_is_listed_counted_read_and_thrown_away() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let mut rich = setting.notice("Invoice 7 is due");
    rich["category"] = json!("Billing");
    rich["action_url"] = json!("/billing/7");
    rich["metadata"] = json!({ "invoice": 7, "odd": "a\u{0}b" });
    let made = setting.tell(&rich).await?;
    setting.tell(&setting.notice("Welcome")).await?;

    let list = setting.get("/v1/notifications?type=Info&category=BILLING", 200).await?;
    assert_eq!((&list["total"], &list["unread"]), (&json!(1), &json!(2)), "{list}");
    assert_eq!(list["notifications"][0], made);
    assert_eq!(made["metadata"], rich["metadata"]);
    assert_eq!((&made["read"], &made["actionUrl"]), (&json!(false), &json!("/billing/7")));

    let seen = setting.get(&path(&made), 200).await?;
    assert_eq!(seen["read"], true);
    assert!(seen["readAt"].is_string());
    assert_eq!(setting.unread().await?, 1);
    let unread = setting.ada.asks(setting.program.put(&path(&made), &json!({ "read": false })));
    assert_eq!(json(unread.send().await?, 200).await?["read"], false);
    assert_eq!(setting.unread().await?, 2);

    let stats = setting.get("/v1/notifications/stats", 200).await?;
    assert_eq!(stats["byCategory"], json!({ "billing": 1, "system": 1 }));
    let delete = || setting.ada.asks(setting.program.delete(&path(&made)));
    assert_eq!(json(delete().send().await?, 200).await?["success"], true);
    json(delete().send().await?, 404).await?;
    setting.get(&path(&made), 404).await?;
    Ok(())
}

#[tokio::test]
async fn everything_is_read_at_once_and_what_was_read_is_cleared() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let first = setting.tell(&setting.notice("First")).await?;
    setting.tell(&setting.notice("Second")).await?;

    let read = setting.post("/v1/notifications/mark-all-read", json!({}), 200).await?;
    assert_eq!((&read["count"], &setting.unread().await?), (&json!(2), &json!(0)));
    let unread = setting.program.put(&path(&first), &json!({ "read": false }));
    json(setting.ada.asks(unread).send().await?, 200).await?;
    setting.tell(&setting.notice("Third")).await?;
    let clear = setting.ada.asks(setting.program.delete("/v1/notifications/delete-all-read"));
    assert_eq!(json(clear.send().await?, 200).await?["count"], 1);

    let left = setting.get("/v1/notifications", 200).await?;
    let titles: Vec<_> = left["notifications"].as_array().into_iter().flatten().collect();
    let titles: Vec<_> = titles.iter().map(|notice| notice["title"].as_str()).collect();
    assert_eq!(titles, [Some("Third"), Some("First")]);
    Ok(())
}

#[tokio::test]
async fn a_notice_hides_is_put_away_and_ends() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let soon = Clock::System.now() + TimeDelta::seconds(2);
    let mut brief = setting.notice("Brief");
    brief["expires_at"] = json!(soon);
    let brief = setting.tell(&brief).await?;
    let late = setting.tell(&setting.notice("Late")).await?;
    let away = setting.tell(&setting.notice("Away")).await?;

    setting.post(&format!("{}/snooze", path(&late)), json!({ "until": soon }), 200).await?;
    setting.post(&format!("{}/archive", path(&away)), json!({}), 200).await?;
    assert_eq!(setting.unread().await?, 1);
    let hidden = setting.get("/v1/notifications?snoozed=true", 200).await?;
    assert_eq!(hidden["notifications"][0]["title"], "Late");
    tokio::time::sleep(Duration::from_millis(2100)).await;

    let list = setting.get("/v1/notifications", 200).await?;
    assert_eq!((&list["total"], &list["notifications"][0]["title"]), (&json!(1), &json!("Late")));
    setting.get(&path(&brief), 404).await?;
    let archive = setting.get("/v1/notifications?archived=true", 200).await?;
    assert_eq!(archive["notifications"][0]["title"], "Away");
    let past = json!({ "until": "2020-01-01T00:00:00Z" });
    let refused = setting.post(&format!("{}/snooze", path(&late)), past, 422).await?;
    assert_eq!(refused["errors"][0]["pointer"], "/until");
    Ok(())
}

#[tokio::test]
async fn another_persons_notice_is_not_there() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let notice = setting.tell(&setting.notice("For Ada")).await?;
    let eve = Person::register(&setting.program, "eve@example.org").await?;
    let program = &setting.program;

    let path = path(&notice);
    json(eve.asks(program.get(&path)).send().await?, 404).await?;
    json(eve.asks(program.put(&path, &json!({ "read": true }))).send().await?, 404).await?;
    json(eve.asks(program.delete(&path)).send().await?, 404).await?;
    for action in ["snooze", "archive", "unarchive"] {
        let request = program.post(&format!("{path}/{action}"), &json!({ "until": null }));
        json(eve.asks(request).send().await?, 404).await?;
    }
    let ids = json!({ "notification_ids": [notice["id"], "nothing"] });
    for action in ["mark-read", "delete"] {
        let request = program.post(&format!("/v1/notifications/bulk/{action}"), &ids);
        let outcome = json(eve.asks(request).send().await?, 200).await?;
        assert_eq!((&outcome["success_count"], &outcome["failed_count"]), (&json!(0), &json!(2)));
    }
    json(eve.asks(program.post("/v1/notifications", &setting.notice("x"))).send().await?, 403)
        .await?;
    let many = json!({ "notifications": [setting.notice("x")] });
    json(eve.asks(program.post("/v1/notifications/bulk/create", &many)).send().await?, 403).await?;
    assert_eq!(setting.unread().await?, 1);
    Ok(())
}

#[tokio::test]
async fn of_many_at_once_the_good_ones_are_done() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let mut wrong = setting.notice("Click me");
    wrong["action_url"] = json!("javascript:alert(1)");
    let nobody = json!({ "user_id": "00000000-0000-7000-8000-000000000009", "title": "x",
        "message": "x", "type": "info" });
    let all = json!({ "notifications": [setting.notice("One"), wrong, nobody, {}, setting.notice("Two")] });

    let create = setting.program.post("/v1/notifications/bulk/create", &all);
    let outcome = json(setting.admin.asks(create).send().await?, 200).await?;

    assert_eq!((&outcome["success_count"], &outcome["failed_count"]), (&json!(2), &json!(3)));
    let places: Vec<_> = outcome["errors"].as_array().into_iter().flatten().collect();
    let places: Vec<_> = places.iter().map(|error| error["id"].as_str()).collect();
    assert_eq!(places, [Some("1"), Some("2"), Some("3")], "{outcome}");
    let ids = json!({ "notification_ids": [outcome["ids"][0], outcome["ids"][0], "x"] });
    let read = setting.post("/v1/notifications/bulk/mark-read", ids, 200).await?;
    assert_eq!((&read["success_count"], &setting.unread().await?), (&json!(2), &json!(1)));
    let many = json!({ "notification_ids": vec!["x"; 101] });
    setting.post("/v1/notifications/bulk/delete", many, 422).await?;
    Ok(())
}

#[tokio::test]
async fn a_stream_tells_what_is_new_and_goes_on_where_it_broke_off() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let mut following = Following::begin(&setting.program, &setting.ada, None).await?;
    assert_eq!(following.next().await?.kind, "counts");

    let began = Instant::now();
    let notice = setting.tell(&setting.notice("News")).await?;
    let news = following.next().await?;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((news.kind.as_str(), &news.data["title"]), ("notification", &json!("News")));
    assert_eq!(following.next().await?.data, json!({ "total": 1, "unread": 1 }));
    drop(following);

    setting.get(&path(&notice), 200).await?;
    setting.tell(&setting.notice("More")).await?;
    let mut again = Following::begin(&setting.program, &setting.ada, Some(&news.id)).await?;
    let kinds = [again.next().await?, again.next().await?]
        .map(|event| (event.kind, event.data["title"].as_str().unwrap_or_default().to_owned()));
    let expected =
        [("update", "News"), ("notification", "More")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(kinds, expected);
    Ok(())
}

#[tokio::test]
async fn a_stream_ends_within_a_second_of_signing_out() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let mut following = Following::begin(&setting.program, &setting.ada, None).await?;
    following.next().await?;

    setting.post("/v1/auth/logout", json!({}), 200).await?;
    let began = Instant::now();

    assert!(following.next().await.is_err(), "the stream goes on");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test]
async fn who_missed_too_much_is_told_to_list_anew() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    for _ in 0..2 {
        let notices: Vec<_> = (0..60).map(|n| setting.notice(&format!("Notice {n}"))).collect();
        let body = json!({ "notifications": notices });
        let create = setting.program.post("/v1/notifications/bulk/create", &body);
        json(setting.admin.asks(create).send().await?, 200).await?;
    }

    let mut following = Following::begin(&setting.program, &setting.ada, Some("0")).await?;

    let reset = following.next().await?;
    assert_eq!((reset.kind.as_str(), &reset.data["unread"]), ("reset", &json!(120)));
    Ok(())
}

#[tokio::test]
async fn one_person_cannot_open_streams_without_end() -> anyhow::Result<()> {
    let setting = Setting::new().await?;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(Following::begin(&setting.program, &setting.ada, None).await?);
    }

    setting.get("/v1/notifications/stream", 429).await?;
    Following::begin(&setting.program, &setting.admin, None).await?;
    open.clear();

    let began = Instant::now();
    while Following::begin(&setting.program, &setting.ada, None).await.is_err() {
        anyhow::ensure!(began.elapsed() < Duration::from_secs(5), "a closed stream counts");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
