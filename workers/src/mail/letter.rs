//! A mail: what it says, as text and as HTML.

use anyhow::Context;
use chrono::{DateTime, Utc};
use domain::Email;
use minijinja::{Environment, context, value::Serde};
use serde::Serialize;

/// The HTML part; the name makes the engine escape what is put into it.
const TEMPLATE: (&str, &str) = ("letter.html", include_str!("letter.html"));

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
    pub date: DateTime<Utc>,
}

/// What a mail says, before it has a form.
#[derive(Default)]
pub(super) struct Draft {
    /// What it is about.
    pub subject: &'static str,
    /// What stands before the button.
    pub before: Vec<String>,
    /// Something to follow.
    pub button: Option<Button>,
    /// What stands behind it.
    pub after: Vec<String>,
}

/// A link in a mail.
#[derive(Serialize)]
pub(super) struct Button {
    /// What it does.
    pub label: &'static str,
    /// Where it leads.
    pub link: String,
}

/// Who gets a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addressee {
    /// Where it goes.
    pub email: Email,
    /// What to call them.
    pub name: Option<String>,
}

/// What makes a letter the same letter when it is written again.
pub(super) struct Stamp {
    /// The local part of its Message-ID.
    pub id: String,
    /// Its date.
    pub date: DateTime<Utc>,
}

impl Draft {
    /// Gives it its two forms.
    pub(super) fn write(self, to: Addressee, stamp: Stamp) -> anyhow::Result<Letter> {
        let Self { subject, before, button, after } = self;
        let greeting = to.name.map_or_else(|| "Hello,".to_owned(), |name| format!("Hello {name},"));
        let link = button.as_ref().map(|button| format!("{}:\n{}", button.label, button.link));
        let parts = std::iter::once(&greeting).chain(&before).chain(&link).chain(&after);
        let text = parts.map(|part| format!("{part}\n")).collect::<Vec<_>>().join("\n");
        let said = context! {
            subject, greeting, before, after, button => Serde(&button),
        };
        let html = Environment::new()
            .render_named_str(TEMPLATE.0, TEMPLATE.1, said)
            .context("writing a mail as HTML")?;
        let subject = subject.to_owned();
        Ok(Letter { to: to.email, subject, text, html, id: stamp.id, date: stamp.date })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_bring_markup_into_a_mail() {
        let stamp = Stamp { id: "1.2".into(), date: DateTime::UNIX_EPOCH };
        let email = Email::try_from("ada@example.org".to_owned()).unwrap();
        let to = Addressee { email, name: Some("<b onclick='x'>Ada</b>".into()) };
        let link = "https://a.example/?t=1&u=2".to_owned();
        let draft = Draft { button: Some(Button { label: "Go", link }), ..Draft::default() };

        let letter = draft.write(to, stamp).unwrap();

        assert!(
            letter.html.contains("Hello &lt;b onclick=&#x27;x&#x27;&gt;Ada"),
            "{}",
            letter.html
        );
        assert!(letter.html.contains("t=1&amp;u=2"), "{}", letter.html);
        assert!(letter.text.contains("Go:\nhttps://a.example/?t=1&u=2\n"), "{}", letter.text);
    }
}
