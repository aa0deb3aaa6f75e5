//! What each event makes of an account.

use super::{Account, EmailChange, Event, Undone, User, Verification};

impl User {
    pub(super) fn take_in(&mut self, event: &Event) {
        match event {
            Event::Registered { email, name, role, at } => {
                *self = Self::Active(Account::new(email.clone(), name.clone(), *role, *at));
            }
            Event::Deactivated {} => {
                *self = self.account().cloned().map_or(Self::Absent, Self::Deactivated);
            }
            Event::Activated {} => {
                *self = self.account().cloned().map_or(Self::Absent, Self::Active);
            }
            Event::ErasureRequested { .. } => *self = Self::Leaving,
            Event::Erased { .. } => *self = Self::Erased { is_certified: false },
            Event::ErasureCertified { .. } => *self = Self::Erased { is_certified: true },
            Event::RegistrationTried { .. }
            | Event::VerificationRequested { .. }
            | Event::EmailVerified { .. }
            | Event::RoleChanged { .. }
            | Event::ProfileChanged { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordResetRequested { .. }
            | Event::PasswordReset { .. }
            | Event::CredentialsDropped { .. }
            | Event::MagicLinkRequested { .. }
            | Event::MagicLinkUsed { .. }
            | Event::EmailChangeRequested { .. }
            | Event::EmailChanged { .. }
            | Event::EmailReleased { .. }
            | Event::Undone { .. }
            | Event::CaseResolved { .. } => {
                if let Some(account) = self.account_mut() {
                    account.take_in(event);
                }
            }
        }
    }
}

impl Account {
    fn take_in(&mut self, event: &Event) {
        match event {
            Event::VerificationRequested { challenge } => {
                self.verification = Verification::Pending(*challenge);
            }
            Event::EmailVerified { .. } => self.verification = Verification::Verified,
            Event::RoleChanged { role } => self.role = *role,
            Event::ProfileChanged { name, profile } => {
                self.name.clone_from(name);
                self.profile.clone_from(profile);
            }
            Event::PasswordChanged { password, at } | Event::PasswordReset { password, at, .. } => {
                self.take_password(*password, *at);
            }
            Event::PasswordResetRequested { challenge } => self.reset = Some(*challenge),
            Event::CredentialsDropped { .. } => self.drop_credentials(),
            Event::MagicLinkRequested { challenge } => self.magic_link = Some(*challenge),
            Event::MagicLinkUsed { .. } => self.magic_link = None,
            Event::EmailChangeRequested { to, challenge } => {
                self.email_change = Some(EmailChange { to: to.clone(), challenge: *challenge });
            }
            Event::EmailChanged { to, at, .. } => self.move_to(to, *at),
            Event::EmailReleased { email } => self.forget(email),
            Event::Undone { of, seen, email, released, password, is_verified, case, .. } => {
                self.put_back(email, released, *password, *is_verified);
                self.undone = Some(Undone { of: *of, seen: *seen });
                self.cases.push(*case);
            }
            Event::CaseResolved { case, .. } => self.cases.retain(|open| open != case),
            Event::Registered { .. }
            | Event::RegistrationTried { .. }
            | Event::Deactivated {}
            | Event::Activated {}
            | Event::ErasureRequested { .. }
            | Event::Erased { .. }
            | Event::ErasureCertified { .. } => {}
        }
    }
}
