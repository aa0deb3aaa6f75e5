//! Changing one's own preferences.

use domain::{
    Category,
    settings::{Command, CommunicationChange, NotificationChange, Settings},
};

use crate::{Caller, Commands, Done, Error};

impl Commands {
    /// Changes how to talk to the caller; answers with all that holds now.
    pub async fn change_communication(
        &self,
        caller: &Caller,
        change: CommunicationChange,
    ) -> Result<Done<Settings>, Error> {
        self.change_settings(caller, Command::ChangeCommunication { user: caller.user, change })
            .await
    }

    /// Changes what to tell the caller; answers with all that holds now.
    pub async fn change_notifications(
        &self,
        caller: &Caller,
        change: NotificationChange,
    ) -> Result<Done<Settings>, Error> {
        self.change_settings(caller, Command::ChangeNotifications { user: caller.user, change })
            .await
    }

    async fn change_settings(
        &self,
        caller: &Caller,
        command: Command,
    ) -> Result<Done<Settings>, Error> {
        caller.scope("settings")?;
        let stream = Category::Settings.stream_of(caller.user);
        let executed = self.execute::<Settings>(stream, command, &caller.meta()).await?;
        Ok(Done::new(executed.state, executed.position))
    }
}
