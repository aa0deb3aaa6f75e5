//! Who signed in, who was refused and who was asked for more, and why: read from the log itself, through
//! the index of audits.

use domain::{
    Event, Personal,
    factors::{self, Fault},
    login::{self, Refusal},
    session,
};
use eventlog::{Circumstances, Meta, Position, Reason, Recorded};
use uuid::Uuid;

use crate::Queries;

/// The events that tell of an attempt.
const ACTIONS: [&str; 6] = [
    "factors.challenge_opened",
    "factors.code_refused",
    "factors.passkey_refused",
    "login.failed",
    "login.refused",
    "session.started",
];
/// Events that are looked at in one step.
const STEP: i64 = 200;
/// Steps at most; whoever wants more goes on from where this ended.
const STEPS: usize = 10;

/// Which attempts are meant; nothing means all.
#[derive(Clone, Debug, Default)]
pub struct SignInFilter {
    /// On this account.
    pub user: Option<Uuid>,
    /// `signed_in`, `refused` or `challenged`.
    pub outcome: Option<String>,
    /// Why, as in [`SignInView::reason`].
    pub reason: Option<String>,
    /// What decided, as in [`SignInView::decided_by`].
    pub decided_by: Option<String>,
    /// From this address.
    pub address: Option<String>,
    /// With a program that has this in its name.
    pub device: Option<String>,
    /// Before this position.
    pub before: Option<Position>,
}

/// An attempt to sign in.
#[derive(Clone, Debug, PartialEq)]
pub struct SignInView {
    /// The event.
    pub recorded: Recorded,
    /// `signed_in`, `refused` or `challenged`.
    pub outcome: &'static str,
    /// Why: which way in, or what was wrong.
    pub reason: String,
    /// What decided: the password, a passkey, a limit, the second factor, the state of the account.
    pub decided_by: &'static str,
    /// From where.
    pub address: Option<String>,
    /// With which program, in its own words.
    pub device: Option<String>,
}

/// Some attempts, the last first.
#[derive(Clone, Debug, PartialEq)]
pub struct SignInPage {
    /// The attempts.
    pub items: Vec<SignInView>,
    /// Where to go on; none where there are no more.
    pub next: Option<Position>,
}

impl Queries {
    /// Attempts to sign in, the last first.
    pub async fn sign_ins(
        &self,
        filter: &SignInFilter,
        limit: usize,
    ) -> anyhow::Result<SignInPage> {
        let (mut items, mut before) = (vec![], filter.before.unwrap_or(Position::MAX));
        for _ in 0..STEPS {
            let positions = self.attempts(filter.user, before).await?;
            for view in self.sign_ins_at(&positions).await? {
                before = view.recorded.position;
                if filter.takes(&view) {
                    items.push(view);
                }
                if items.len() == limit {
                    return Ok(SignInPage { items, next: Some(before) });
                }
            }
            if i64::try_from(positions.len()).is_ok_and(|found| found < STEP) {
                return Ok(SignInPage { items, next: None });
            }
        }
        Ok(SignInPage { items, next: Some(before) })
    }

    async fn attempts(
        &self,
        user: Option<Uuid>,
        before: Position,
    ) -> anyhow::Result<Vec<Position>> {
        let actions: Vec<String> = ACTIONS.map(str::to_owned).into();
        Ok(sqlx::query_scalar!(
            "select position from audit_view
            where action = any($1) and position < $2 and ($3::uuid is null or subject_id = $3)
            order by position desc limit $4",
            &actions,
            before,
            user,
            STEP,
        )
        .fetch_all(self.pool())
        .await?)
    }

    async fn sign_ins_at(&self, positions: &[Position]) -> anyhow::Result<Vec<SignInView>> {
        let mut events = self.log().decode(self.log().at(positions).await?).await?;
        events.sort_by_key(|event| std::cmp::Reverse(event.position));
        let metas: Vec<&Meta> = events.iter().map(|event| &event.meta).collect();
        let circumstances = self.log().circumstances(&metas).await?;
        Ok(events.into_iter().zip(circumstances).map(SignInView::from).collect())
    }
}

impl SignInFilter {
    fn takes(&self, view: &SignInView) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        let device = self.device.as_ref().map(|device| device.to_lowercase());
        let has_device = |part: &String| {
            view.device.as_ref().is_some_and(|device| device.to_lowercase().contains(part))
        };
        is(&self.outcome, view.outcome)
            && is(&self.reason, &view.reason)
            && is(&self.decided_by, view.decided_by)
            && is(&self.address, view.address.as_deref().unwrap_or_default())
            && device.as_ref().is_none_or(has_device)
    }
}

impl From<(Recorded, Circumstances)> for SignInView {
    fn from((recorded, circumstances): (Recorded, Circumstances)) -> Self {
        let (outcome, reason, decided_by) = told(&recorded);
        let address = circumstances.address.as_ref().and_then(Personal::known).cloned();
        let device = device(&recorded.event);
        Self { recorded, outcome, reason, decided_by, address, device }
    }
}

/// What happened, why, and what decided it.
fn told(recorded: &Recorded) -> (&'static str, String, &'static str) {
    let (outcome, reason, decided_by) = match &*recorded.name {
        "session.started" => ("signed_in", way_in(&recorded.meta), "credentials"),
        "login.failed" => ("refused", "wrong_password".to_owned(), "password"),
        "factors.challenge_opened" => {
            ("challenged", "second_factor_required".to_owned(), "second_factor")
        }
        "factors.code_refused" => ("refused", "wrong_code".to_owned(), "second_factor"),
        _ => ("refused", String::new(), "account"),
    };
    if let Event::Login(login::Event::Refused { reason, .. }) = &recorded.event {
        let (reason, decided_by) = refusal(*reason);
        return (outcome, reason.to_owned(), decided_by);
    }
    if let Event::Factors(factors::Event::PasskeyRefused { fault, is_first, .. }) = &recorded.event
    {
        let decided_by = if *is_first { "passkey" } else { "second_factor" };
        return (outcome, wrong_with_passkey(*fault).to_owned(), decided_by);
    }
    (outcome, reason, decided_by)
}

const fn refusal(reason: Refusal) -> (&'static str, &'static str) {
    match reason {
        Refusal::TooManyFromStrangers => ("too_many_attempts", "limit_for_strangers"),
        Refusal::TooManyFromDevice => ("too_many_attempts", "limit_for_device"),
        Refusal::AccountDeactivated => ("account_deactivated", "account"),
        Refusal::MailboxUnproven => ("mailbox_unproven", "account"),
    }
}

const fn wrong_with_passkey(fault: Fault) -> &'static str {
    match fault {
        Fault::Unknown | Fault::Invalid => "wrong_passkey",
        Fault::NotVerified => "passkey_without_verification",
        Fault::CounterWentBack => "passkey_counter_went_back",
    }
}

fn way_in(meta: &Meta) -> String {
    match &meta.reason {
        Some(Reason::UseCase(name)) => name.to_string(),
        Some(Reason::Said(_)) | None => "sign_in".to_owned(),
    }
}

fn device(event: &Event) -> Option<String> {
    let (Event::Session(session::Event::Started { user_agent, .. })
    | Event::Login(
        login::Event::Failed { user_agent, .. } | login::Event::Refused { user_agent, .. },
    )) = event
    else {
        return None;
    };
    user_agent.as_ref().and_then(Personal::known).cloned()
}
