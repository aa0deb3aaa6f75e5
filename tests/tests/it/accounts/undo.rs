//! Moving to another address, and "this was not me".

use serde_json::{Value, json};
use tests::json;

use super::{ADMIN, NEW, Scene};
use crate::person::{PASSWORD, Person};

#[tokio::test]
async fn an_account_moves_when_the_new_mailbox_answers_and_the_old_one_is_told()
-> anyhow::Result<()> {
    let scene = Scene::open().await?;
    let wrong = json!({ "new_email": "ada@new.example", "password": "wrong and long enough" });
    scene.ada_posts("/v1/auth/change-email", &wrong, 403).await?;
    let eve = Person::register(&scene.program, "eve@example.org").await?;
    let taken = json!({ "new_email": "EVE@example.org", "password": PASSWORD });
    let refused = scene.ada_posts("/v1/auth/change-email", &taken, 409).await?;
    assert_eq!(refused["code"], "email_taken");

    scene.move_to("ada@new.example", PASSWORD).await?;

    let me = json(scene.ada.asks(scene.program.get("/v1/auth/me")).send().await?, 200).await?;
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("ada@new.example"), &json!(true)));
    assert_eq!(scene.sign_in("ada@new.example", PASSWORD).await?, 200);
    assert_eq!(scene.sign_in("ada@example.org", PASSWORD).await?, 401);
    scene.mail("ada@example.org", "Your e-mail address was changed").await?;
    // The old address stays hers as long as she can go back.
    let register = json!({ "email": "ada@example.org", "password": PASSWORD });
    scene.post("/v1/auth/register", &register, 409).await?;
    let grab = json!({ "new_email": "ada@example.org", "password": PASSWORD });
    let grab = eve.asks(scene.program.post("/v1/auth/change-email", &grab));
    json(grab.send().await?, 409).await?;
    Ok(())
}

#[tokio::test]
async fn a_thief_who_changes_everything_twice_is_undone_by_the_first_notice() -> anyhow::Result<()>
{
    let scene = Scene::open().await?;
    let thief = Person::sign_in(&scene.program, "ada@example.org", PASSWORD).await?;
    scene.move_to("eve@one.example", PASSWORD).await?;
    let made = scene.ada_posts("/v1/settings/api-keys", &json!({ "name": "evil" }), 201).await?;
    scene.change_password(PASSWORD, NEW).await?;
    scene.move_to("eve@two.example", NEW).await?;
    let late = scene.token("eve@one.example", "Your password was changed").await?;
    let token = scene.token("ada@example.org", "Your e-mail address was changed").await?;
    let page = scene.program.get(&format!("/v1/auth/undo?token={token}")).send().await?;
    assert!(page.text().await?.contains("This was not me"));
    assert_eq!(scene.sign_in("eve@two.example", NEW).await?, 200, "looking undoes nothing");

    let tries =
        (0..10).map(|_| scene.program.post("/v1/auth/undo", &json!({ "token": token })).send());
    let answers = futures_util::future::join_all(tries).await;
    let won = answers.into_iter().filter(|it| it.as_ref().is_ok_and(|it| it.status() == 200));

    assert_eq!(won.count(), 1);
    assert_eq!(scene.sign_in("ada@example.org", PASSWORD).await?, 200);
    for (email, password) in
        [("eve@two.example", NEW), ("eve@one.example", NEW), ("ada@example.org", NEW)]
    {
        assert_eq!(scene.sign_in(email, password).await?, 401, "{email}");
    }
    for session in [&scene.ada, &thief] {
        assert!(!scene.is_signed_in(session).await?);
    }
    let key = made["api_key"].as_str().unwrap_or_default();
    let by_key = scene.program.get("/v1/auth/me").header("X-API-Key", key);
    json(by_key.send().await?, 401).await?;
    scene.post("/v1/auth/undo", &json!({ "token": late }), 422).await?;
    scene.mail("ada@example.org", "Your account is as it was before").await?;
    // What the thief used is free again.
    Person::register(&scene.program, "eve@two.example").await?;
    settled(&scene).await
}

/// There is one case, which an administrator settles.
async fn settled(scene: &Scene) -> anyhow::Result<()> {
    let admin = Person::sign_in(&scene.program, ADMIN, PASSWORD).await?;
    let ada = Person::sign_in(&scene.program, "ada@example.org", PASSWORD).await?;
    let list = || scene.program.get("/v1/admin/cases?status=open");
    json(ada.asks(list()).send().await?, 403).await?;
    json(list().send().await?, 401).await?;
    let open = json(admin.asks(list()).send().await?, 200).await?;
    assert_eq!(open["data"]["total"], 1, "{open}");
    let case = &open["data"]["items"][0];
    assert_eq!((&case["user_id"], &case["status"]), (&json!(scene.ada.id), &json!("open")));
    let path = format!("/v1/admin/cases/{}/resolve", case["id"].as_str().unwrap_or_default());
    json(ada.asks(scene.program.post(&path, &json!({}))).send().await?, 403).await?;

    json(admin.asks(scene.program.post(&path, &json!({}))).send().await?, 200).await?;

    json(admin.asks(scene.program.post(&path, &json!({}))).send().await?, 404).await?;
    let open: Value = json(admin.asks(list()).send().await?, 200).await?;
    assert_eq!(open["data"]["total"], 0);
    let nonsense = admin.asks(scene.program.get("/v1/admin/cases?status=x")).send().await?;
    json(nonsense, 422).await?;
    Ok(())
}
