//! What was true when, through the API.

use serde_json::{Value, json};

use super::scene::Scene;

/// The one row of a table.
fn row<'a>(answer: &'a Value, table: &str) -> &'a Value {
    let tables = answer["tables"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = tables.iter().find(|it| it["name"] == table).unwrap_or(&Value::Null);
    &found["rows"][0]
}

#[tokio::test]
async fn a_stream_is_shown_as_it_was_with_the_events_that_led_there() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let stream = uuid::Uuid::new_v5(&scene.ada.id.parse()?, b"settings");
    let german = scene.speak("de").await?;
    let french = scene.speak("fr").await?;
    let ask = async |query: &str, status| {
        scene.admin(&format!("/v1/admin/as-of?stream={stream}&{query}"), status).await
    };

    let now = ask("", 200).await?;
    let before = ask(&format!("position={}", french - 1), 200).await?;
    let at_first = ask("position=0", 200).await?;

    assert_eq!(now["state"]["communication"]["preferred_language"], "fr");
    assert_eq!((&now["version"], &before["version"]), (&json!(2), &json!(1)));
    assert_eq!(before["state"]["communication"]["preferred_language"], "de");
    assert_eq!(before["events"][0]["event"]["change"]["preferred_language"], "de");
    assert_eq!(before["events"][0]["actor"], scene.ada.id.as_str());
    assert!(german < french);
    assert_eq!((&at_first["version"], &at_first["events"]), (&json!(0), &json!([])));
    Ok(())
}

#[tokio::test]
async fn a_moment_may_be_a_time() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let french = scene.speak("fr").await?;
    let logs = scene.admin("/v1/admin/audit/logs?action=settings.communication_changed", 200);
    let logs = logs.await?;
    let at = logs["items"][0]["timestamp"].as_str().unwrap_or_default().to_owned();
    let user = format!("model=settings&user_id={}", scene.ada.id);

    let then = scene.admin(&format!("/v1/admin/as-of?{user}&time={at}"), 200).await?;
    let early = scene.admin(&format!("/v1/admin/as-of?{user}&time=2001-01-01"), 200).await?;
    let late = scene.admin(&format!("/v1/admin/as-of?{user}&time=2199-01-01"), 200).await?;

    assert_eq!(then["position"], json!(french));
    assert_eq!(row(&then, "settings_view")["change"]["preferred_language"], "fr");
    assert_eq!((&early["position"], &early["tables"][0]["total"]), (&json!(0), &json!(0)));
    assert_eq!(row(&late, "settings_view"), row(&then, "settings_view"));
    Ok(())
}

#[tokio::test]
async fn read_models_are_shown_as_they_were() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let ask = async |query: &str| scene.admin(&format!("/v1/admin/as-of?{query}"), 200).await;
    let ada = &scene.ada.id;
    let logs = scene.admin(&format!("/v1/admin/audit/logs?user_id={ada}"), 200).await?;
    let registered: i64 = logs["items"][4]["id"].as_str().unwrap_or_default().parse()?;

    let then = ask(&format!("model=users&user_id={ada}&position={registered}")).await?;
    let now = ask(&format!("model=users&user_id={ada}")).await?;
    let before = ask(&format!("model=users&user_id={ada}&position={}", registered - 1)).await?;

    assert_eq!(row(&then, "user_view")["email"], "ada@example.org");
    assert_eq!(row(&then, "user_view")["last_login_at"], Value::Null);
    assert!(row(&now, "user_view")["last_login_at"].is_string(), "{now}");
    assert_eq!(before["tables"][0]["total"], 0);
    for model in ["users", "sessions", "api_keys", "settings", "chat_sessions", "usage", "admin"] {
        let whole = ask(&format!("model={model}")).await?;
        assert_eq!(whole["model"], model);
    }
    assert_eq!(ask("model=users").await?["tables"][0]["total"], 2);
    let live = scene.ada("/v1/auth/sessions", 200).await?;
    let sessions = ask(&format!("model=sessions&user_id={ada}")).await?;
    assert_eq!(sessions["tables"][0]["total"], live["total"]);
    Ok(())
}

#[tokio::test]
async fn a_diff_says_field_by_field_what_became_of_it() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let german = scene.speak("de").await?;
    let french = scene.speak("fr").await?;
    let stream = uuid::Uuid::new_v5(&scene.ada.id.parse()?, b"settings");
    let span = format!("/v1/admin/as-of/diff?from={german}&to={french}");

    let of_stream = scene.admin(&format!("{span}&stream={stream}"), 200).await?;
    let query = format!("{span}&model=settings&user_id={}", scene.ada.id);
    let of_model = scene.admin(&query, 200).await?;
    let begun = format!("/v1/admin/as-of/diff?from=2001-01-01&to={french}&stream={stream}");
    let begun = scene.admin(&begun, 200).await?;

    let changed = json!([{
        "field": "/communication/preferred_language", "from": "de", "to": "fr",
    }]);
    assert_eq!(of_stream["differences"], changed);
    assert_eq!(of_stream["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(of_model["rows"][0]["change"], "changed");
    let fields = of_model["rows"][0]["fields"].as_array().cloned().unwrap_or_default();
    let language = fields.iter().find(|it| it["field"] == "/change/preferred_language");
    assert_eq!(language.map(|it| &it["to"]), Some(&json!("fr")), "{of_model}");
    assert_eq!((&begun["from"], &begun["from_version"]), (&json!(0), &json!(0)));
    Ok(())
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() -> anyhow::Result<()> {
    let scene = Scene::set().await?;
    let nobody = uuid::Uuid::now_v7();
    let ada = &scene.ada.id;

    for (query, status) in [
        ("as-of".to_owned(), 422),
        ("as-of?model=user_view".to_owned(), 422),
        ("as-of?model=users;drop table user_view".to_owned(), 422),
        (format!("as-of?model=users&stream={ada}"), 422),
        (format!("as-of?model=users&user_id={ada}&id={ada}"), 422),
        (format!("as-of?stream={ada}&position=99999999"), 422),
        (format!("as-of?stream={ada}&position=-1"), 422),
        (format!("as-of?stream={ada}&position=1e3"), 422),
        (format!("as-of?stream={ada}&position=1&time=2026-01-01"), 422),
        (format!("as-of?stream={ada}&time=whenever"), 422),
        (format!("as-of?stream={nobody}"), 404),
        (format!("as-of?model=users&user_id={nobody}"), 404),
        (format!("as-of?model=chat_sessions&id={nobody}"), 404),
        (format!("as-of/diff?from=3&to=1&stream={ada}"), 422),
        (format!("as-of/diff?from=1&to=99999999&stream={ada}"), 422),
        (format!("as-of/diff?from=1&stream={ada}"), 422),
        (format!("as-of/diff?from=1&to=2&stream={nobody}"), 404),
    ] {
        scene.admin(&format!("/v1/admin/{query}"), status).await?;
    }
    Ok(())
}
