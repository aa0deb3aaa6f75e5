//! What is signed for somebody else, for something else, or with something else.

use serde_json::{Value, json};

use super::{
    super::scene::Scene,
    device::{Device, Statement},
};
use crate::person::Person;

struct Stage {
    scene: Scene,
    telephone: Device,
}

impl Stage {
    async fn set(counts: bool) -> anyhow::Result<Self> {
        let scene = Scene::set().await?;
        let mut telephone = Device { counts, ..Device::default() };
        scene.register(&scene.ada, &mut telephone, "Telephone").await?;
        Ok(Self { scene, telephone })
    }

    /// Ada's telephone is made to sign something for a question, and somebody shows it.
    async fn forge(
        &mut self,
        change: impl Fn(&mut Statement<'_>),
        status: u16,
    ) -> anyhow::Result<Value> {
        let asked = self.scene.asked(&json!({})).await?;
        let origin = self.scene.origin();
        let mut forgery = Statement {
            kind: "webauthn.get",
            challenge: asked["publicKey"]["challenge"].as_str().unwrap_or_default(),
            origin: &origin,
            rp_id: "localhost",
            is_verified: true,
        };
        change(&mut forgery);
        let credential = self.telephone.sign(&forgery)?;
        let body = json!({ "ceremony_token": asked["ceremony_token"], "credential": credential });
        self.scene.shows(&body, status).await
    }

    async fn reasons(&self) -> anyhow::Result<Vec<String>> {
        self.scene.sign_ins("refused").await
    }
}

#[tokio::test]
async fn what_was_signed_for_another_site_question_or_purpose_is_refused_and_written_down()
-> anyhow::Result<()> {
    let mut stage = Stage::set(false).await?;
    let forged = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    stage.forge(|_| {}, 200).await?;
    let evil = "https://evil.example";
    assert_eq!(stage.forge(|it| it.origin = evil, 401).await?["code"], "wrong_passkey");
    stage.forge(|it| it.origin = "http://localhost:1", 401).await?;
    stage.forge(|it| it.rp_id = "evil.example", 401).await?;
    stage.forge(|it| it.challenge = forged, 401).await?;
    stage.forge(|it| it.kind = "webauthn.create", 401).await?;

    assert_eq!(stage.reasons().await?, vec!["wrong_passkey"; 5]);
    Ok(())
}

#[tokio::test]
async fn a_device_that_does_not_know_its_person_is_no_way_in_of_its_own() -> anyhow::Result<()> {
    let mut stage = Stage::set(false).await?;

    stage.forge(|it| it.is_verified = false, 401).await?;

    assert_eq!(stage.reasons().await?, ["passkey_without_verification"]);
    stage.forge(|_| {}, 200).await?;
    Ok(())
}

#[tokio::test]
async fn a_copied_device_is_refused_and_its_owner_told() -> anyhow::Result<()> {
    let mut stage = Stage::set(true).await?;
    let copy = stage.telephone.passkey.clone();
    stage.scene.comes_with(&mut stage.telephone).await?;
    stage.scene.comes_with(&mut stage.telephone).await?;

    let mut copied = Device { passkey: copy, counts: true, ..Device::default() };
    let asked = stage.scene.asked(&json!({})).await?;
    let body = stage.scene.says(&mut copied, &asked)?;
    stage.scene.shows(&body, 401).await?;

    assert_eq!(stage.reasons().await?, ["passkey_counter_went_back"]);
    let ada = super::super::scene::ADA;
    stage.scene.mailbox.mail_about(ada, "A passkey may have been copied").await?;
    stage.scene.comes_with(&mut stage.telephone).await?;
    Ok(())
}

#[tokio::test]
async fn another_persons_passkey_opens_nothing_of_ada() -> anyhow::Result<()> {
    let stage = Stage::set(false).await?;
    let Stage { scene, mut telephone } = stage;
    let eve = Person::verified(&scene.program, &scene.mailbox, "eve@example.org").await?;
    let mut device = Device::default();
    scene.register(&eve, &mut device, "Eve's").await?;

    let origin = scene.origin();
    let challenge = scene.challenge().await?;
    for wish in [json!({}), json!({ "challenge_token": challenge })] {
        let asked = scene.asked(&wish).await?;
        let forgery = Statement {
            kind: "webauthn.get",
            challenge: asked["publicKey"]["challenge"].as_str().unwrap_or_default(),
            origin: &origin,
            rp_id: "localhost",
            is_verified: true,
        };
        let mut credential = device.sign(&forgery)?;
        let handle = telephone.passkey.as_ref().map(|passkey| passkey.user_handle.clone());
        credential["response"]["userHandle"] = json!(handle);
        let body = json!({ "ceremony_token": asked["ceremony_token"], "credential": credential });
        scene.shows(&body, 401).await?;
        // Nor does it help to say that it is Ada's passkey.
        let asked = scene.asked(&wish).await?;
        let theirs = scene.says(&mut telephone, &asked)?;
        let mut body =
            json!({ "ceremony_token": asked["ceremony_token"], "credential": credential });
        body["credential"]["id"] = theirs["credential"]["id"].clone();
        body["credential"]["rawId"] = theirs["credential"]["rawId"].clone();
        scene.shows(&body, 401).await?;
    }
    assert_eq!(scene.comes_with(&mut device).await?["user"]["email"], "eve@example.org");
    Ok(())
}
