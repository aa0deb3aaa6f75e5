//! What mails say.

use domain::Email;

use super::Stamp;

/// A mail, before it has a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// To whom.
    pub to: Email,
    /// What it is about.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The local part of its Message-ID, the same however often it is sent.
    pub id: String,
    /// Its date, likewise.
    pub date: chrono::DateTime<chrono::Utc>,
}

/// Asks whether the mailbox belongs to whoever opened the account.
pub(super) fn verification(to: Email, name: Option<&str>, link: &str, stamp: &Stamp) -> Letter {
    let greeting = name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"));
    let text = format!(
        "{greeting}\n\nplease confirm that this mailbox is yours by opening this link within 24 hours:\n\n\
        {link}\n\nIf you did not open an account, ignore this mail: without the link nothing happens.\n",
    );
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Confirm your address</title></head>\n\
        <body style=\"font-family: system-ui, sans-serif; max-width: 36rem; margin: 2rem auto; color: #1a1a2e\">\n\
        <p>{greeting}</p>\n<p>please confirm that this mailbox is yours:</p>\n\
        <p><a href=\"{link}\" style=\"display: inline-block; padding: .75rem 1.5rem; background: #1a1a2e; \
        color: #fff; border-radius: .5rem; text-decoration: none\">Confirm my address</a></p>\n\
        <p>The link is good for 24 hours. If you did not open an account, ignore this mail: \
        without the link nothing happens.</p>\n</body></html>\n",
        greeting = escape(&greeting),
        link = escape(link),
    );
    Letter {
        to,
        subject: "Confirm your e-mail address".to_owned(),
        text,
        html,
        id: stamp.id.clone(),
        date: stamp.date,
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_bring_markup_into_a_mail() {
        let stamp = Stamp { id: "1.2".into(), date: chrono::DateTime::UNIX_EPOCH };
        let to = Email::try_from("ada@example.org".to_owned()).unwrap();

        let letter =
            verification(to, Some("<b onclick='x'>Ada</b>"), "https://a.example/?t=1&u=2", &stamp);

        assert!(letter.html.contains("Hello &lt;b onclick=&#39;x&#39;&gt;Ada"));
        assert!(letter.html.contains("https://a.example/?t=1&amp;u=2"));
        assert!(letter.text.contains("https://a.example/?t=1&u=2"));
    }
}
