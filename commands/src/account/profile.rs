//! What people tell of themselves.

use domain::{
    Personal, Text,
    user::{self, Handle, User, WebAddress},
};

use crate::{Caller, Commands, Done, Error};

/// What is to be told differently: nothing where nothing is said, no more where it is none.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The name they go by.
    pub name: Option<Option<Text>>,
    /// What they like to be called.
    pub preferred_name: Option<Option<Text>>,
    /// Their whole name.
    pub full_name: Option<Option<Text>>,
    /// What they are called among others.
    pub username: Option<Option<Handle>>,
    /// A picture of them.
    pub avatar_url: Option<Option<WebAddress>>,
    /// Their account at GitHub.
    pub github_username: Option<Option<Handle>>,
}

impl Commands {
    /// Changes what the caller tells of themselves.
    pub async fn change_profile(
        &self,
        caller: &Caller,
        change: ProfileChange,
    ) -> Result<Done<()>, Error> {
        let person = self.load::<User>(caller.user).await?.state;
        let account = person.account().ok_or_else(Error::unauthenticated)?;
        let mut profile = account.profile.clone();
        let name = account.name.as_ref().and_then(Personal::known).cloned();
        let name = change.name.unwrap_or(name);
        set(&mut profile.preferred_name, change.preferred_name);
        set(&mut profile.full_name, change.full_name);
        set(&mut profile.username, change.username);
        set(&mut profile.avatar_url, change.avatar_url);
        set(&mut profile.github_username, change.github_username);
        let command = user::Command::ChangeProfile { name, profile };
        let executed = self.execute::<User>(caller.user, command, &caller.meta()).await?;
        Ok(Done::new((), executed.position))
    }
}

#[expect(clippy::option_option, reason = "none is told from nothing")]
fn set<T>(field: &mut Option<Personal<T>>, change: Option<Option<T>>) {
    if let Some(value) = change {
        *field = value.map(Personal::from);
    }
}
