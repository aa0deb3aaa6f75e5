//! The audit log: its routes, filters and exports.

use serde_json::{Value, json};
use tests::json;

use super::scene::{ADDRESS, AGENT, Scene, items, texts};

const ROUTES: [&str; 7] = [
    "/v1/admin/audit/logs",
    "/v1/admin/audit/summary",
    "/v1/admin/audit/user/00000000-0000-7000-8000-000000000001",
    "/v1/admin/audit/compliance/report",
    "/v1/admin/audit/compliance/standards",
    "/v1/admin/as-of?model=users",
    "/v1/admin/as-of/diff?from=1&to=2&model=users",
];

#[tokio::test]
async fn only_administrators_see_any_of_it() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    for path in ROUTES {
        scene.ada(path, 403).await?;
        json(scene.program.get(path).send().await?, 401).await?;
    }
    let export = scene.program.post("/v1/admin/audit/export", &json!({}));
    json(scene.ada.asks(export).send().await?, 403).await?;
    let nothing = scene.admin("/v1/admin/audit/logs?action=audit.exported", 200).await?;
    assert_eq!(nothing["total"], 0, "a refused export is none");
    Ok(())
}

#[tokio::test]
async fn an_entry_says_who_what_when_from_where_and_why() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let path = format!("/v1/admin/audit/logs?user_id={}", scene.ada.id);

    let logs = scene.admin(&path, 200).await?;

    let expected = [
        "settings.communication_changed",
        "session.started",
        "session.started",
        "user.verification_requested",
        "user.registered",
    ];
    assert_eq!(texts(&logs, "action"), expected);
    assert_eq!(logs["total"], 5);
    assert_eq!((&logs["page"], &logs["hasMore"]), (&json!(1), &json!(false)));
    let found = items(&logs);
    let [changed, started] = [&found[0], &found[1]];
    assert_eq!(changed["ip_address"], ADDRESS);
    assert_eq!(changed["user_agent"], AGENT, "that of the session");
    assert_eq!(changed["resource_type"], "settings");
    assert_eq!(changed["user_id"], scene.ada.id.as_str());
    let details = &changed["details"];
    assert_eq!(details["credential_id"], started["resource_id"]);
    assert_eq!(details["actor_id"], details["subject_id"]);
    assert_eq!(details["position"].to_string(), changed["id"].as_str().unwrap_or_default());
    assert_eq!(details["proof"], format!("/v1/admin/log/proof/{}", details["position"]));
    assert_eq!(started["details"]["reason"], "sign_in");
    assert_eq!(found[2]["details"]["reason"], "register");
    assert_eq!(found[2]["details"]["correlation_id"], found[4]["details"]["correlation_id"]);
    Ok(())
}

#[tokio::test]
async fn filters_pages_and_dates_narrow_the_list() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let all = scene.admin("/v1/admin/audit/logs", 200).await?;
    let total = all["total"].as_i64().unwrap_or_default();
    let count = async |query: &str| {
        let found = scene.admin(&format!("/v1/admin/audit/logs?{query}"), 200).await?;
        anyhow::Ok(found["total"].as_i64().unwrap_or_default())
    };

    assert_eq!(count("action=user.registered").await?, 2);
    assert_eq!(count("resource_type=settings").await?, 1);
    assert_eq!(count("resource_type=chat").await?, 0);
    assert_eq!(count("action=no.such_event").await?, 0);
    assert_eq!(count(&format!("user_id={}", uuid::Uuid::nil())).await?, 0);
    assert_eq!(count("start_date=2020-01-01&end_date=2020-12-31").await?, 0);
    assert_eq!(count("start_date=2020-01-01&end_date=2199-12-31").await?, total);
    let middle = items(&all)[2].clone();
    let at = middle["timestamp"].as_str().unwrap_or_default();
    let upto = scene.admin(&format!("/v1/admin/audit/logs?end_date={at}"), 200).await?;
    assert_eq!(items(&upto)[0]["timestamp"], middle["timestamp"], "the end is included");

    let mut paged = Vec::new();
    for skip in 0..total {
        let path = format!("/v1/admin/audit/logs?limit=1&skip={skip}");
        let page = scene.admin(&path, 200).await?;
        assert_eq!(page["hasMore"], json!(skip + 1 < total));
        paged.extend(items(&page));
    }
    assert_eq!(paged, items(&all));
    Ok(())
}

#[tokio::test]
async fn forged_input_is_refused_and_reaches_no_query() -> anyhow::Result<()> {
    let scene = Scene::set().await?;

    for query in [
        "action=' or 1=1 --",
        "action=",
        "resource_type=user; drop table audit_view",
        "user_id=1",
        "user_id=' or '1'='1",
        "limit=-1",
        "limit=99999999999999",
        "skip=10001",
        "start_date=yesterday",
        "start_date=2026-02-30",
        "start_date=2026-02-01&end_date=2026-01-01",
        "end_date=%00",
    ] {
        scene.admin(&format!("/v1/admin/audit/logs?{query}"), 422).await?;
    }
    let huge = scene.admin("/v1/admin/audit/logs?limit=4000000000", 200).await?;
    assert_eq!(huge["limit"], 100);
    scene.admin("/v1/admin/audit/summary?period=1 or 1=1", 422).await?;
    scene.admin(&format!("/v1/admin/audit/user/{}", uuid::Uuid::nil()), 404).await?;
    scene.admin("/v1/admin/audit/user/none", 404).await?;
    for body in [json!({ "limit": 0 }), json!({ "format": "exe" }), json!({ "action": "=1" })] {
        let request = scene.admin.asks(scene.program.post("/v1/admin/audit/export", &body));
        json(request.send().await?, 422).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_export_is_safe_in_a_spreadsheet_and_is_written_down() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let order = json!({ "format": "csv", "user_id": scene.ada.id });

    let request = scene.admin.asks(scene.program.post("/v1/admin/audit/export", &order));
    let answer = request.header("x-reason", "Ada asked for it").send().await?;

    let kind = answer.headers()["content-type"].to_str()?.to_owned();
    assert_eq!(kind, "text/csv; charset=utf-8");
    assert!(answer.headers()["content-disposition"].to_str()?.starts_with("attachment;"));
    let text = answer.text().await?;
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 6, "{text}");
    assert!(lines[0].starts_with("\"position\",\"timestamp\""), "{text}");
    assert!(lines[1].contains(&format!("\"'{AGENT}\"")), "{text}");
    let recorded = scene.admin("/v1/admin/audit/logs?action=audit.exported", 200).await?;
    let recorded = &items(&recorded)[0];
    assert_eq!(recorded["user_id"], scene.admin.id.as_str());
    assert_eq!(recorded["details"]["reason"], "Ada asked for it");
    Ok(())
}

#[tokio::test]
async fn an_export_in_json_holds_the_same_entries_as_the_list() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let listed = scene.admin("/v1/admin/audit/logs?limit=100", 200).await?;

    let order = json!({ "format": "jsonl" });
    let request = scene.admin.asks(scene.program.post("/v1/admin/audit/export", &order));
    let text = request.send().await?.text().await?;

    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    assert_eq!(lines, items(&listed));
    Ok(())
}

#[tokio::test]
async fn summary_and_report_state_what_happened() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    scene.fail_to_sign_in("198.51.100.1").await?;
    scene.fail_to_sign_in("198.51.100.2").await?;

    let logs = scene.admin("/v1/admin/audit/logs", 200).await?;
    let summary = scene.admin("/v1/admin/audit/summary?period=24h", 200).await?;
    let report = scene.admin("/v1/admin/audit/compliance/report", 200).await?;
    let standards = scene.admin("/v1/admin/audit/compliance/standards", 200).await?;

    assert_eq!(summary["total_events"], logs["total"]);
    assert_eq!(summary["failed_logins"], 2);
    assert_eq!(summary["by_resource_type"]["login"], 2);
    assert_eq!(report["period"]["failed_logins"], 2);
    assert_eq!(report["period"]["registrations"], 2);
    assert_eq!(report["period"]["logins"], 3);
    assert_eq!(report["log"]["audited_upto"], report["log"]["head"]);
    assert_eq!(report["people"], json!({ "readable": 2, "erased": 0 }));
    let sealed = &report["log"];
    let number = |name: &str| sealed[name].as_i64().unwrap_or(-1);
    assert_eq!(number("sealed_upto") + number("unsealed_events"), number("head"), "{report}");
    assert!(standards.as_array().is_some_and(|all| all.len() > 5), "{standards}");
    Ok(())
}
