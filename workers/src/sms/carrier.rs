//! Where messages to telephones go: a service that speaks Twilio's interface, or files while there is none.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
use domain::factors::PhoneNumber;
use reqwest::{Client, Url, header::CONTENT_TYPE, redirect};
use uuid::Uuid;

use crate::folder::Folder;

/// The longest a call may take; a claim lasts longer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A message to a telephone.
pub(super) struct Message {
    pub to: PhoneNumber,
    pub text: String,
    /// The same however often it is sent; begins with its person.
    pub id: String,
}

/// A way for messages to telephones.
pub struct Carrier(Route);

enum Route {
    Twilio(Client, Url, Twilio),
    Files(Folder),
}

/// How to reach a service that speaks Twilio's interface.
#[derive(Clone)]
pub struct Twilio {
    /// Where it is, without a slash at the end.
    pub base_url: String,
    /// The account.
    pub account_sid: String,
    /// What it wants to see from us.
    pub auth_token: String,
    /// Our number.
    pub from: String,
}

impl Carrier {
    /// Hands messages to a service.
    pub fn twilio(twilio: Twilio) -> anyhow::Result<Self> {
        let Twilio { base_url, account_sid, .. } = &twilio;
        let url = format!("{base_url}/2010-04-01/Accounts/{account_sid}/Messages.json");
        let url = Url::parse(&url).context("TWILIO_BASE_URL and TWILIO_ACCOUNT_SID")?;
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("annals/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self(Route::Twilio(client, url, twilio)))
    }

    /// Writes messages to files in a folder.
    pub fn files(folder: PathBuf) -> anyhow::Result<Self> {
        Ok(Self(Route::Files(Folder::make(folder)?)))
    }

    /// Returns when the message is in the hands of the next in line.
    pub(super) async fn deliver(&self, message: &Message) -> anyhow::Result<()> {
        match &self.0 {
            Route::Twilio(client, url, twilio) => call(client, url, twilio, message).await,
            Route::Files(folder) => {
                let text = format!("To: {}\n\n{}\n", message.to, message.text);
                let file =
                    folder.write(&format!("{}.sms.txt", message.id), text.as_bytes()).await?;
                tracing::info!(file = %file.display(), "a message to a telephone was written (TWILIO_ACCOUNT_SID is not set)");
                Ok(())
            }
        }
    }

    /// Throws away what was written to a person, and returns how many messages that were.
    pub async fn forget(&self, person: Uuid) -> anyhow::Result<i64> {
        match &self.0 {
            Route::Twilio(..) => Ok(0),
            Route::Files(folder) => folder.forget(person).await,
        }
    }
}

/// What went wrong is told without what the service said: it may repeat the number.
async fn call(
    client: &Client,
    url: &Url,
    twilio: &Twilio,
    message: &Message,
) -> anyhow::Result<()> {
    let mut form = Url::parse("form:")?;
    form.query_pairs_mut()
        .append_pair("To", &message.to.to_string())
        .append_pair("From", &twilio.from)
        .append_pair("Body", &message.text);
    let request = client
        .post(url.clone())
        .basic_auth(&twilio.account_sid, Some(&twilio.auth_token))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.query().unwrap_or_default().to_owned());
    let answer = request.send().await.map_err(|error| {
        let what = if error.is_timeout() { "does not answer in time" } else { "cannot be reached" };
        anyhow::anyhow!("the service for messages {what}")
    })?;
    let status = answer.status();
    ensure!(status.is_success(), "the service for messages answered {}", status.as_u16());
    Ok(())
}
