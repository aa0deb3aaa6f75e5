//! Whether a code opens what it is to open.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    BACKUP_CODES, DEVICE_LIFETIME, Error, Event, Factor, Factors, Method, Present, Purpose, Shown,
};
use crate::Personal;

/// What a code turns out to be.
enum Finding {
    Right(Event),
    /// It was right once.
    Repeated,
    Wrong,
}

impl Factors {
    /// A code that is right is taken, any other is written down: the answer is given only once that
    /// has been done, so that no guess goes uncounted.
    pub(super) fn present(&self, present: Present) -> Result<Vec<Event>, Error> {
        let Present { user, shown, purpose, at } = present;
        if let Purpose::SignIn { challenge, .. } = &purpose {
            self.challenge(*challenge, at).ok_or(Error::ChallengeOver)?;
        }
        if shown.is_empty() {
            return Err(match purpose {
                Purpose::Enrol { .. } => Error::NotPrepared,
                Purpose::SignIn { .. } | Purpose::StepUp if self.is_enabled() => Error::NoCodeSent,
                Purpose::SignIn { .. } | Purpose::StepUp => Error::NotEnabled,
            });
        }
        self.guard.check_pace(at)?;
        let open = self.unlocked(shown, at)?;
        let mut is_repeated = false;
        for shown in &open {
            match self.finding(shown, &purpose, user, at) {
                Finding::Right(event) => return Ok(self.opened(event, purpose, at)),
                Finding::Repeated => is_repeated = true,
                Finding::Wrong => {}
            }
        }
        let methods = open.iter().filter_map(|shown| self.method(shown)).collect();
        Ok(vec![Event::CodeRefused { methods, is_repeated, at }])
    }

    /// What a locked factor shows is not looked at.
    fn unlocked(&self, shown: Vec<Shown>, at: DateTime<Utc>) -> Result<Vec<Shown>, Error> {
        let mut locked = Ok(());
        let mut open = Vec::with_capacity(shown.len());
        for shown in shown {
            let checked = self.method(&shown).map_or(Ok(()), |it| self.guard.check(it, at));
            match checked {
                Ok(()) => open.push(shown),
                Err(error) => locked = Err(error),
            }
        }
        if open.is_empty() {
            locked?;
        }
        Ok(open)
    }

    /// A code that was sent and is used or replaced by now belongs to no factor.
    fn method(&self, shown: &Shown) -> Option<Method> {
        match shown {
            Shown::Totp { .. } => Some(Method::Totp),
            Shown::BackupCode { .. } => Some(Method::BackupCode),
            Shown::Sent { code, .. } => {
                self.sent.iter().find(|sent| sent.id == *code).map(|sent| sent.method)
            }
        }
    }

    fn finding(&self, shown: &Shown, purpose: &Purpose, user: Uuid, at: DateTime<Utc>) -> Finding {
        match shown {
            Shown::Totp { factor, step: Some(step) } => {
                let Some(known) = self.factor(Method::Totp, purpose) else { return Finding::Wrong };
                if known.id != *factor {
                    return Finding::Wrong;
                }
                if known.last_step.is_some_and(|last| *step <= last) {
                    return Finding::Repeated;
                }
                Finding::Right(accepted(known, purpose, (user, Some(*step), None), at))
            }
            Shown::Sent { code, is_right: true } => {
                let sent = self.sent.iter().find(|sent| sent.id == *code && at < sent.expires_at);
                let Some(sent) = sent else { return Finding::Repeated };
                let is_meant = match purpose {
                    Purpose::SignIn { challenge, .. } => sent.challenge == Some(*challenge),
                    // It went to the factor that is being set up, if there is one.
                    Purpose::StepUp => {
                        sent.challenge.is_none() && self.prepared(sent.method).is_none()
                    }
                    Purpose::Enrol { .. } => sent.challenge.is_none(),
                };
                match self.factor(sent.method, purpose).filter(|_| is_meant) {
                    Some(known) => {
                        Finding::Right(accepted(known, purpose, (user, None, Some(*code)), at))
                    }
                    None => Finding::Wrong,
                }
            }
            Shown::BackupCode { set, ordinal: Some(ordinal) } => {
                let is_enrolment = matches!(purpose, Purpose::Enrol { .. });
                let codes = self.backup_codes.as_ref();
                match codes.filter(|codes| codes.set == *set && !is_enrolment) {
                    Some(codes) if codes.unused.contains(ordinal) => {
                        let (set, ordinal) = (*set, *ordinal);
                        Finding::Right(Event::BackupCodeUsed { set, ordinal, at })
                    }
                    Some(_) => Finding::Repeated,
                    None => Finding::Wrong,
                }
            }
            Shown::Totp { step: None, .. }
            | Shown::Sent { is_right: false, .. }
            | Shown::BackupCode { ordinal: None, .. } => Finding::Wrong,
        }
    }

    /// The factor of a kind that a code may be of.
    fn factor(&self, method: Method, purpose: &Purpose) -> Option<&Factor> {
        match purpose {
            Purpose::SignIn { .. } | Purpose::StepUp => self.active(method),
            Purpose::Enrol { .. } => self.prepared(method),
        }
    }

    /// All that follows from a code that is right.
    fn opened(&self, accepted: Event, purpose: Purpose, at: DateTime<Utc>) -> Vec<Event> {
        let mut events = vec![accepted];
        match purpose {
            Purpose::SignIn { challenge, session, device } => {
                events.push(Event::ChallengeAnswered { challenge, session, at });
                events.extend(device.map(|device| Event::DeviceRemembered {
                    device: device.id,
                    name: device.name.map(Personal::from),
                    at,
                    expires_at: at + DEVICE_LIFETIME,
                }));
            }
            Purpose::Enrol { set } if self.backup_codes.is_none() => {
                events.push(Event::BackupCodesMade { set, count: BACKUP_CODES, at });
            }
            Purpose::Enrol { .. } | Purpose::StepUp => {}
        }
        events
    }

    /// A code is good once.
    pub(super) fn accept(&mut self, factor: Option<Uuid>, step: Option<u64>, code: Option<Uuid>) {
        for known in self.active.iter_mut().filter(|known| Some(known.id) == factor) {
            known.last_step = known.last_step.max(step);
        }
        self.sent.retain(|sent| Some(sent.id) != code);
    }
}

fn accepted(
    known: &Factor,
    purpose: &Purpose,
    (user, step, code): (Uuid, Option<u64>, Option<Uuid>),
    at: DateTime<Utc>,
) -> Event {
    let Factor { id: factor, method, phone, .. } = known.clone();
    match purpose {
        Purpose::Enrol { .. } => Event::Added { user, method, factor, step, phone, at },
        Purpose::SignIn { .. } | Purpose::StepUp => {
            Event::CodeAccepted { method, factor: Some(factor), step, code, at }
        }
    }
}
