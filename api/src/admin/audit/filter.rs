//! Which entries are asked for: checked here, before any of it comes near a query.

use domain::Category;
use projections::AuditFilter;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    App,
    moment::{self, Edge},
    problem::Problem,
};

/// The longest name of an event.
const LONGEST_ACTION: usize = 64;

/// Which entries to list; nothing means all.
#[derive(Clone, Default, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// The name of an event.
    #[schema(example = "session.started")]
    pub action: Option<String>,
    /// Done by this person, or about them.
    pub user_id: Option<Uuid>,
    /// What kind of thing it happened to: user, session, `api_key`, settings, chat, login, audit.
    pub resource_type: Option<String>,
    /// From this day or moment on (RFC 3339).
    #[schema(example = "2026-01-31")]
    pub start_date: Option<String>,
    /// Up to this day or moment, which is included (RFC 3339).
    #[schema(example = "2026-01-31T12:00:00Z")]
    pub end_date: Option<String>,
}

impl Filter {
    /// The filter as the read model takes it, with times as positions.
    pub(super) async fn read(&self, app: &App) -> Result<AuditFilter, Problem> {
        let category = self.resource_type.as_deref().map(category).transpose()?;
        let action = self.action.as_deref().map(action).transpose()?;
        let (after, upto) = self.window(app).await?;
        Ok(AuditFilter { after, upto, user: self.user_id, subject: None, action, category })
    }

    async fn window(&self, app: &App) -> Result<(i64, Option<i64>), Problem> {
        let read = |text: &Option<String>, edge, pointer| {
            text.as_deref().map(|text| moment::read(text, edge, pointer)).transpose()
        };
        let start = read(&self.start_date, Edge::Start, "/start_date")?;
        let end = read(&self.end_date, Edge::End, "/end_date")?;
        if start.zip(end).is_some_and(|(start, end)| end < start) {
            return Err(Problem::invalid("/end_date", "this must not come before start_date"));
        }
        let log = app.commands.log();
        let after = match start {
            Some(start) => log.position_at(start - moment::TICK).await?,
            None => 0,
        };
        let upto = match end {
            Some(end) => Some(log.position_at(end).await?),
            None => None,
        };
        Ok((after, upto))
    }
}

/// The name of an event, whether or not there is such an event.
pub(crate) fn action(name: &str) -> Result<String, Problem> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || b"._".contains(&byte);
    if (1..=LONGEST_ACTION).contains(&name.len()) && name.bytes().all(is_plain) {
        return Ok(name.to_owned());
    }
    let detail = "the name of an event, like session.started";
    Err(Problem::invalid("/action", detail))
}

fn category(name: &str) -> Result<Category, Problem> {
    Category::ALL.into_iter().find(|category| category.name() == name).ok_or_else(|| {
        let names = Category::ALL.map(Category::name).join(", ");
        Problem::invalid("/resource_type", format!("one of {names}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_events_pass() {
        assert!(action("session.started").is_ok());
        for name in ["", "' or 1=1 --", "Session.Started", "a b", &"a".repeat(65)] {
            assert!(action(name).is_err(), "{name}");
        }
    }

    #[test]
    fn only_kinds_of_things_pass() {
        for known in Category::ALL {
            assert_eq!(category(known.name()).ok(), Some(known));
        }
        assert!(category("user; drop table x").is_err());
    }
}
