//! What the program says when it is ready.

use crate::{config::Config, embedded::Embedded, first_admin::FirstAdmin, system::System};

/// Tells a newcomer where everything is.
pub(crate) fn announce(
    config: &Config,
    system: &System,
    embedded: &Embedded,
    admin: Option<&FirstAdmin>,
) {
    let url = &config.public_url;
    println!("\nAnnals {} is ready\n", env!("CARGO_PKG_VERSION"));
    println!("  address    {url}");
    println!("  API        {url}/docs");
    println!("  admin      {url}/v1/admin/monitoring/dashboard");
    match admin {
        Some(FirstAdmin { email, password: Some(password) }) => {
            println!("             {email} with the one-time password {password}");
            println!("             (shown this once; `annals user create-admin` makes another)");
        }
        Some(FirstAdmin { email, password: None }) => {
            println!("             {email} with ANNALS_ADMIN_PASSWORD");
        }
        None => println!("             sign in with the administrator's account you have"),
    }
    println!("  mails      {}", mails(config));
    println!("  models     {}", models(system, embedded));
    println!("  data       {}\n", config.data_dir.display());
}

fn mails(config: &Config) -> String {
    match &config.smtp_url {
        Some(_) => "through SMTP_URL".to_owned(),
        None => format!("files in {}", config.data_dir.join("mail").display()),
    }
}

fn models(system: &System, embedded: &Embedded) -> String {
    if embedded.local_model_url().is_some() {
        return "a small local one (set a provider key for real ones)".to_owned();
    }
    let names: Vec<_> =
        system.commands.policy().providers.iter().map(|provider| provider.name()).collect();
    if names.is_empty() {
        return "none (set ANTHROPIC_API_KEY, LLAMA_API_KEY or OPENAI_API_KEY)".to_owned();
    }
    names.join(", ")
}
