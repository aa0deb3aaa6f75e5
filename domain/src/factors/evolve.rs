//! How what happened changes a person's factors.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    BackupCodes, Challenge, ClearReason, DEVICES, Device, Event, FRESH, Factor, Factors, Method,
    OPEN_CHALLENGES, Proven, SentCode,
};

impl Factors {
    pub(super) fn take_in(&mut self, event: &Event) {
        match event {
            Event::Prepared { .. } | Event::Added { .. } => self.enrol(event),
            Event::CodeSent { .. } => self.note_sent(event),
            Event::CodeAccepted { .. }
            | Event::CodeRefused { .. }
            | Event::BackupCodeUsed { .. } => self.judge(event),
            Event::BackupCodesMade { set, count, at } => {
                let codes = BackupCodes { set: *set, unused: (0..*count).collect() };
                let before = self.backup_codes.replace(codes);
                self.put_aside(vec![], before, *at);
                self.forget_outdated(*at);
            }
            Event::ChallengeOpened { .. } | Event::ChallengeAnswered { .. } => {
                self.challenged(event);
            }
            Event::PasskeyAdded { .. }
            | Event::PasskeyUsed { .. }
            | Event::PasskeyRefused { .. }
            | Event::PasskeyRemoved { .. } => self.evolve_passkeys(event),
            Event::DeviceRemembered { .. } => self.remember(event),
            Event::DevicesForgotten { devices } => {
                self.devices.retain(|known| !devices.contains(&known.id));
            }
            Event::Undone { by, active, passkeys, backup_codes, at, .. } => {
                self.put_back(*by, (active, passkeys), backup_codes.as_ref(), *at);
            }
            Event::Cleared { reason, at, .. } => self.clear(*reason, *at),
        }
    }

    fn clear(&mut self, reason: ClearReason, at: DateTime<Utc>) {
        self.put_all_aside(at);
        let Self { guard, former, undone, spent, .. } = std::mem::take(self);
        *self = match reason {
            ClearReason::Disabled => Self { spent, guard, former, undone, ..Self::default() },
            ClearReason::Reset => Self { spent, former, undone, ..Self::default() },
            ClearReason::Erased => Self::default(),
        };
    }

    fn enrol(&mut self, event: &Event) {
        if let Event::Prepared { method, factor, phone, at } = event {
            let before = self.prepared.extract_if(.., |other| other.method == *method).collect();
            self.put_aside(before, None, *at);
            self.forget_outdated(*at);
            let phone = phone.clone();
            self.prepared.push(Factor { id: *factor, method: *method, phone, last_step: None });
            self.sent.retain(|code| code.method != *method || code.challenge.is_some());
        }
        if let Event::Added { method, factor, step, phone, at, .. } = event {
            self.prepared.retain(|other| other.method != *method);
            let before = self.active.extract_if(.., |other| other.method == *method).collect();
            self.put_aside(before, None, *at);
            let (phone, last_step) = (phone.clone(), *step);
            self.active.push(Factor { id: *factor, method: *method, phone, last_step });
            self.sent.retain(|code| code.method != *method);
            self.devices.clear();
            self.was_right = Some(true);
            self.guard.succeed(*method);
        }
    }

    fn note_sent(&mut self, event: &Event) {
        let Event::CodeSent { code, method, challenge, at, expires_at } = event else { return };
        self.sent.retain(|other| other.expires_at > *at);
        self.sent.retain(|other| other.method != *method || other.challenge != *challenge);
        let (id, challenge, expires_at) = (*code, *challenge, *expires_at);
        self.sent.push(SentCode { id, method: *method, challenge, expires_at });
        self.sent_at.retain(|sent| *at - *sent < TimeDelta::hours(1));
        self.sent_at.push(*at);
    }

    fn judge(&mut self, event: &Event) {
        if let Event::CodeAccepted { method, factor, step, code, at } = event {
            self.accept(*factor, *step, *code);
            self.was_good(*method, *at);
        }
        if let Event::BackupCodeUsed { set, ordinal, at } = event {
            if let Some(codes) = self.backup_codes.as_mut().filter(|codes| codes.set == *set) {
                codes.unused.remove(ordinal);
            }
            self.was_good(Method::BackupCode, *at);
        }
        if let Event::CodeRefused { methods, is_repeated, at } = event {
            self.guard.refuse(methods, *is_repeated, *at);
            self.was_right = Some(false);
        }
    }

    pub(super) fn was_good(&mut self, method: Method, at: DateTime<Utc>) {
        self.guard.accept(method, at);
        self.was_right = Some(true);
    }

    fn challenged(&mut self, event: &Event) {
        if let Event::ChallengeOpened { challenge, way, at, expires_at } = event {
            self.challenges.retain(|open| open.expires_at > *at && open.id != *challenge);
            let (id, way, expires_at) = (*challenge, *way, *expires_at);
            self.challenges.push(Challenge { id, way, expires_at });
            keep_last(&mut self.challenges, OPEN_CHALLENGES);
        }
        if let Event::ChallengeAnswered { challenge, session, at } = event {
            self.challenges.retain(|open| open.id != *challenge);
            self.sent.retain(|code| code.challenge != Some(*challenge));
            self.prove(Proven { session: *session, at: *at, is_passkey: false });
        }
    }

    /// Notes that a session has shown a factor.
    pub(super) fn prove(&mut self, proven: Proven) {
        self.proven.retain(|before| proven.at - before.at <= FRESH);
        self.proven.push(proven);
    }

    fn remember(&mut self, event: &Event) {
        let Event::DeviceRemembered { device, name, at, expires_at } = event else { return };
        self.devices.retain(|known| known.expires_at > *at && known.id != *device);
        let (id, name, at, expires_at) = (*device, name.clone(), *at, *expires_at);
        self.devices.push(Device { id, name, at, expires_at });
        keep_last(&mut self.devices, DEVICES);
    }
}

fn keep_last<T>(things: &mut Vec<T>, count: usize) {
    things.drain(..things.len().saturating_sub(count));
}
