//! Where messages to telephones go: a service that speaks Twilio's interface, or files while there is none.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
use domain::factors::PhoneNumber;
use reqwest::{Client, Url, header::CONTENT_TYPE, redirect};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

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
    Files(PathBuf),
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
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("making the folder {}", folder.display()))?;
        Ok(Self(Route::Files(folder)))
    }

    /// Returns when the message is in the hands of the next in line.
    pub(super) async fn deliver(&self, message: &Message) -> anyhow::Result<()> {
        match &self.0 {
            Route::Twilio(client, url, twilio) => call(client, url, twilio, message).await,
            Route::Files(folder) => {
                let file = folder.join(format!("{}.sms.txt", message.id));
                let draft = folder.join(format!(".{}.sms.draft", message.id));
                let mut options = tokio::fs::OpenOptions::new();
                options.write(true).create(true).truncate(true).mode(0o600);
                let mut paper = options.open(&draft).await.context("writing a message")?;
                let text = format!("To: {}\n\n{}\n", message.to, message.text);
                paper.write_all(text.as_bytes()).await.context("writing a message")?;
                paper.sync_all().await.context("writing a message")?;
                tokio::fs::rename(&draft, &file).await.context("writing a message")?;
                tracing::info!(file = %file.display(), "a message to a telephone was written (TWILIO_ACCOUNT_SID is not set)");
                Ok(())
            }
        }
    }

    /// Throws away what was written to a person, and returns how many messages that were.
    pub async fn forget(&self, person: Uuid) -> anyhow::Result<i64> {
        let Route::Files(folder) = &self.0 else { return Ok(0) };
        let mut entries = tokio::fs::read_dir(folder).await.context("looking through messages")?;
        let mut forgotten = 0;
        while let Some(entry) = entries.next_entry().await.context("looking through messages")? {
            let name = entry.file_name();
            let is_theirs = name.to_str().is_some_and(|name| {
                name.trim_start_matches('.').starts_with(&format!("{person}."))
                    && name.contains(".sms.")
            });
            if is_theirs {
                tokio::fs::remove_file(entry.path()).await.context("throwing a message away")?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
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
