//! The first administrator, without whom nobody could look at anything.

use anyhow::Context;
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use commands::{Commands, NewAdmin};
use domain::Email;

use crate::config::Config;

/// The address where none was configured.
const ADDRESS: &str = "admin@annals.local";

/// An administrator that was just made.
pub(crate) struct FirstAdmin {
    /// The address to sign in with.
    pub(crate) email: Email,
    /// The password, where it was made up here; it is shown this once.
    pub(crate) password: Option<String>,
}

/// Opens the administrator's account at the first start; `None` where it was opened before.
pub(crate) async fn ensure(
    config: &Config,
    commands: &Commands,
) -> anyhow::Result<Option<FirstAdmin>> {
    let address = config.admin_email.clone().unwrap_or_else(|| ADDRESS.to_owned());
    let email = Email::try_from(address).context("ANNALS_ADMIN_EMAIL")?;
    if commands.is_registered(&email).await? {
        return Ok(None);
    }
    let made_up = match &config.admin_password {
        Some(_) => None,
        None => Some(one_time_password()?),
    };
    let password = config.admin_password.clone().or_else(|| made_up.clone()).unwrap_or_default();
    let new = NewAdmin { email: email.clone(), password };
    match commands.create_admin(new).await {
        Ok(_) => Ok(Some(FirstAdmin { email, password: made_up })),
        // Another process that starts beside this one was faster.
        Err(commands::Error::Rejected(refusal)) if refusal.code == "email_taken" => Ok(None),
        Err(error) => Err(error).context("opening the administrator's account"),
    }
}

/// Opens another administrator's account and prints how to sign in.
pub(crate) async fn create(config: &Config, commands: &Commands) -> anyhow::Result<()> {
    match ensure(config, commands).await? {
        Some(FirstAdmin { email, password: Some(password) }) => {
            println!("{email} with the one-time password {password}");
        }
        Some(FirstAdmin { email, password: None }) => println!("{email} with the given password"),
        None => anyhow::bail!("that address has an account already; set ANNALS_ADMIN_EMAIL"),
    }
    Ok(())
}

fn one_time_password() -> anyhow::Result<String> {
    let mut bytes = [0; 15];
    rand::fill(&mut bytes).ok().context("the machine gives no random bytes")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
