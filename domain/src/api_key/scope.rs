//! What a key can be used for: one scope per area of the API.

/// An area of the API that a key can be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Reading one's own account: profile, sessions, sign-ins, history, keys; changing the profile.
    Account,
    /// What administrators see and do, for administrators.
    Admin,
    /// Conversations, runs, models, tools and what they cost.
    Chat,
    /// One's own notifications.
    Notifications,
    /// One's own preferences.
    Settings,
}

/// Not the name of a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such scope; the scopes are {names}", names = Scope::ALL.map(Scope::name).join(", "))]
pub struct UnknownScope;

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] =
        [Self::Account, Self::Admin, Self::Chat, Self::Notifications, Self::Settings];

    /// What it is called in keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Admin => "admin",
            Self::Chat => "chat",
            Self::Notifications => "notifications",
            Self::Settings => "settings",
        }
    }
}

impl TryFrom<&str> for Scope {
    type Error = UnknownScope;

    fn try_from(name: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.name() == name).ok_or(UnknownScope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_known_by_its_name_and_no_other() {
        for scope in Scope::ALL {
            assert_eq!(Scope::try_from(scope.name()), Ok(scope));
        }
        for wrong in ["", "Chat", "chat ", "*", "all"] {
            let error = Scope::try_from(wrong).unwrap_err();
            assert!(error.to_string().ends_with("account, admin, chat, notifications, settings"));
        }
    }
}
